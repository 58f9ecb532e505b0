//! The built page: in a folder, or in this program.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tempfile::TempDir;
use tower_http::services::ServeDir;

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
    pub(crate) fn router(&self) -> Router {
        match self {
            Self::Folder(folder) => Router::new().fallback_service(ServeDir::new(folder)),
            Self::Program => Router::new().fallback(|uri: Uri| async move { response(FILES, uri.path()) }),
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
    let folder = TempDir::with_prefix("tare-page-")?;
    for (name, compressed) in files.iter().filter(|(name, _)| name.starts_with("workers/")) {
        let path = folder.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, decompress(compressed)?)?;
    }
    Ok(folder)
}

fn response(files: Files, path: &str) -> Response {
    let name = match path.trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    match file(files, name) {
        Some(Ok(bytes)) => {
            let kind = mime_guess::from_path(name).first_or_octet_stream();
            ([(header::CONTENT_TYPE, kind.to_string())], bytes).into_response()
        }
        Some(Err(error)) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("cannot decompress {name}: {error}"),
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A file, decompressed when it is first asked for: a worker's download would take longer otherwise.
fn file(files: Files, name: &str) -> Option<io::Result<Bytes>> {
    static DECOMPRESSED: Mutex<Option<HashMap<&str, Bytes>>> = Mutex::new(None);
    let (name, compressed) = files.iter().find(|(known, _)| *known == name)?;
    // A panic while it was locked leaves a map that is whole.
    let mut decompressed = DECOMPRESSED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let decompressed = decompressed.get_or_insert_default();
    if let Some(bytes) = decompressed.get(name) {
        return Some(Ok(bytes.clone()));
    }
    Some(decompress(compressed).map(|bytes| {
        let bytes = Bytes::from(bytes);
        decompressed.insert(name, bytes.clone());
        bytes
    }))
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
    const PAGE: Files = &[
        ("index.html", SCRIPT),
        ("workers/worker.js", SCRIPT),
        ("workers/tract_bg.wasm", b"damaged"),
    ];

    #[test]
    fn the_page_in_the_program_is_served() {
        for (path, status, kind) in [
            ("/", 200, "text/html"),
            ("/index.html", 200, "text/html"),
            ("/workers/worker.js", 200, "text/javascript"),
            ("/workers", 404, ""),
            ("/../index.html", 404, ""),
            ("/workers/tract_bg.wasm", 500, "text/plain; charset=utf-8"),
        ] {
            // Twice: decompressed, and kept from before.
            for _ in 0..2 {
                let response = response(PAGE, path);
                let found = response.headers().get(header::CONTENT_TYPE);
                let found = found.map_or("", |kind| kind.to_str().unwrap());
                assert_eq!((response.status().as_u16(), found), (status, kind), "{path}");
            }
        }
        assert_eq!(file(PAGE, "index.html").unwrap().unwrap(), "export {};");
    }

    #[test]
    fn workers_are_unpacked_for_node_until_they_are_dropped() {
        let unpacked = unpack(&PAGE[..2]).unwrap();
        let folder = unpacked.path().to_owned();
        assert_eq!(std::fs::read(folder.join("workers/worker.js")).unwrap(), b"export {};");
        assert!(!folder.join("index.html").exists());
        drop(unpacked);
        assert!(!folder.exists());
    }
}
