//! The built page: in a folder, or in this program.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tempfile::TempDir;
use tower_http::services::ServeDir;

use crate::private_folder::private_folder;

/// Files by their paths, compressed by brotli.
type Files = &'static [(&'static str, &'static [u8])];

/// The page's files. Empty in everyday builds.
static FILES: Files = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// Where the page is.
#[derive(Debug, Clone)]
pub(crate) enum Page {
    Folder(PathBuf),
    Program,
}

impl Page {
    /// The page in this program, if it was built with one.
    pub(crate) fn in_program() -> Option<Self> {
        (!FILES.is_empty()).then_some(Self::Program)
    }

    /// Serves the page's files.
    pub(crate) fn router(&self) -> Result<Router> {
        match self {
            Self::Folder(folder) => Ok(Router::new().fallback_service(ServeDir::new(folder))),
            Self::Program => {
                // Before anything is served, so that no download waits for it.
                let files = Arc::new(decompressed(FILES).context("the page in this program is damaged")?);
                Ok(Router::new().fallback(move |uri: Uri| {
                    let files = files.clone();
                    async move { response(&files, uri.path()) }
                }))
            }
        }
    }

    /// The folder of the workers' files, for programs that read files.
    pub(crate) fn workers(&self) -> Result<WorkerFolder> {
        match self {
            Self::Folder(folder) => Ok(WorkerFolder {
                path: folder.join("workers"),
                _unpacked: None,
            }),
            Self::Program => {
                let unpacked =
                    unpack(FILES).context("cannot unpack the page's workers into the folder for temporary files")?;
                Ok(WorkerFolder {
                    path: unpacked.path().join("workers"),
                    _unpacked: Some(unpacked),
                })
            }
        }
    }
}

/// A folder with the workers' files. Dropping it deletes what was unpacked for it.
#[derive(Debug)]
pub(crate) struct WorkerFolder {
    path: PathBuf,
    _unpacked: Option<TempDir>,
}

impl WorkerFolder {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn unpack(files: Files) -> io::Result<TempDir> {
    let folder = private_folder("tare-page-")?;
    for (name, compressed) in files.iter().filter(|(name, _)| name.starts_with("workers/")) {
        let path = folder.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, decompress(compressed)?)?;
    }
    Ok(folder)
}

fn response(files: &HashMap<&str, Bytes>, path: &str) -> Response {
    let name = match path.trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    match files.get(name) {
        Some(bytes) => {
            let kind = mime_guess::from_path(name).first_or_octet_stream();
            ([(header::CONTENT_TYPE, kind.to_string())], bytes.clone()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn decompressed(files: Files) -> io::Result<HashMap<&'static str, Bytes>> {
    let files = files.iter();
    files
        .map(|(name, compressed)| Ok((*name, decompress(compressed)?.into())))
        .collect()
}

fn decompress(mut compressed: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    brotli_decompressor::BrotliDecompress(&mut compressed, &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `export {};`, compressed by brotli.
    const SCRIPT: &[u8] = &[139, 4, 128, 101, 120, 112, 111, 114, 116, 32, 123, 125, 59, 3];
    const PAGE: Files = &[("index.html", SCRIPT), ("workers/worker.js", SCRIPT)];

    #[test]
    fn the_page_in_the_program_is_served() {
        let files = decompressed(PAGE).unwrap();
        for (path, status, kind) in [
            ("/", 200, "text/html"),
            ("/index.html", 200, "text/html"),
            ("/workers/worker.js", 200, "text/javascript"),
            ("/workers", 404, ""),
            ("/../index.html", 404, ""),
        ] {
            let response = response(&files, path);
            let found = response.headers().get(header::CONTENT_TYPE);
            let found = found.map_or("", |kind| kind.to_str().unwrap());
            assert_eq!((response.status().as_u16(), found), (status, kind), "{path}");
        }
        assert_eq!(files["index.html"], "export {};");
        assert!(decompressed(&[("index.html", b"damaged")]).is_err());
    }

    #[test]
    fn workers_are_unpacked_for_node_until_they_are_dropped() {
        let unpacked = unpack(PAGE).unwrap();
        let folder = unpacked.path().to_owned();
        assert_eq!(std::fs::read(folder.join("workers/worker.js")).unwrap(), b"export {};");
        assert!(!folder.join("index.html").exists());
        drop(unpacked);
        assert!(!folder.exists());
    }
}
