//! Models from URLs: fetched once, checked by their SHA-256, kept in the user's cache.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tare_models::RemoteModel;
use tare_record::{Failure, FailureKind};
use tare_report::bytes;

use crate::progress_line::ProgressLine;

/// A protobuf message, and so an ONNX file, is at most this long.
const LARGEST_BYTES: u64 = 1 << 31;

/// A server that is silent for so long is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The file of a remote model: a URL such as `https://host/net.onnx#sha256=...`, or a well-known name. Fetched if it is not in the
/// cache. `None` for other names.
pub(crate) fn fetch_if_remote(name: &str) -> Option<Result<PathBuf, Failure>> {
    Some(RemoteModel::named(name)?.and_then(fetch))
}

fn failure(message: String, hint: &str) -> Failure {
    Failure::new(FailureKind::Model, message).with_hint(hint)
}

/// The cache's folder: what TARE_CACHE names, or `tare/models` in the system's.
fn cache() -> Result<PathBuf, Failure> {
    let folder = match std::env::var_os("TARE_CACHE") {
        Some(folder) => PathBuf::from(folder),
        None => dirs::cache_dir()
            .ok_or_else(|| failure("this system names no folder for caches".into(), "set TARE_CACHE"))?
            .join("tare"),
    };
    Ok(folder.join("models"))
}

/// The hash that a well-known model had when it was first fetched here.
fn first_hash(name: &str) -> Result<Option<String>, Failure> {
    let text = std::fs::read_to_string(cache()?.join(format!("{name}.sha256"))).ok();
    Ok(text.map(|text| text.trim().to_owned()))
}

fn fetch(mut model: RemoteModel) -> Result<PathBuf, Failure> {
    if let Some(name) = model.well_known
        && let Some(hash) = first_hash(name)?
    {
        model.expect(&hash)?;
    }
    let folder = cache()?;
    if let Some(hash) = &model.sha256 {
        let kept = folder.join(hash).join(&model.file);
        // Checked again, because a disk may be full or a file be changed.
        if std::fs::read(&kept).is_ok_and(|bytes| model.check(&bytes).is_ok()) {
            return Ok(kept);
        }
    }
    let found = body(&model.url)?;
    let hash = model.check(&found)?;
    keep(&folder, &hash, &model, &found).map_err(|error| {
        failure(
            format!("cannot keep the model in {}: {error}", folder.display()),
            "set TARE_CACHE to a folder that can be written",
        )
    })
}

fn keep(folder: &Path, hash: &str, model: &RemoteModel, bytes: &[u8]) -> std::io::Result<PathBuf> {
    let folder_of_hash = folder.join(hash);
    std::fs::create_dir_all(&folder_of_hash)?;
    let kept = folder_of_hash.join(&model.file);
    let mut beside = tempfile::NamedTempFile::new_in(&folder_of_hash)?;
    beside.write_all(bytes)?;
    beside.persist(&kept)?;
    if let Some(name) = model.well_known {
        std::fs::write(folder.join(format!("{name}.sha256")), format!("{hash}\n"))?;
        eprintln!("{name}: SHA-256 {hash}, which is expected from now on");
    }
    Ok(kept)
}

fn body(url: &str) -> Result<Vec<u8>, Failure> {
    let offline = "check the address and the network; a file works without: --model FILE.onnx";
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .build()
        .into();
    let mut response = agent
        .get(url)
        .call()
        .map_err(|error| failure(format!("cannot fetch the model {url:?}: {error}"), offline))?;
    let total = response.body().content_length();
    let mut reader = response.body_mut().with_config().limit(LARGEST_BYTES).reader();
    let mut progress = ProgressLine::default();
    let mut found = Vec::new();
    let mut part = vec![0; 1 << 20];
    loop {
        let length = reader
            .read(&mut part)
            .map_err(|error| failure(format!("the model {url:?} broke off: {error}"), offline))?;
        if length == 0 {
            break;
        }
        found.extend_from_slice(&part[..length]);
        let of = total.map_or_else(String::new, |total| format!(" of {}", bytes(total)));
        progress.show(&format!("fetching {url}: {}{of}", bytes(found.len() as u64)));
    }
    progress.clear();
    if total.is_some_and(|total| total != found.len() as u64) {
        return Err(failure(format!("the model {url:?} broke off"), offline));
    }
    Ok(found)
}
