//! Fetches models from URLs once, checks their SHA-256, and keeps them in the user's cache.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tare_models::RemoteModel;
use tare_record::{Failure, FailureKind};
use tare_report::bytes;

use crate::progress_line::ProgressLine;
use crate::record_file::new_file;

/// Maximum size of a protobuf message, and so of an ONNX file.
const MAX_BYTES: u64 = 1 << 31;

/// Time limit for connecting to a server, for its response, and for each part of the file.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The file of a remote model, given by a URL such as `https://host/net.onnx#sha256=...` or by a
/// well-known name. The model is fetched if it is not in the cache. Returns `None` for other names.
pub(crate) fn fetch_if_remote(name: &str) -> Option<Result<PathBuf, Failure>> {
    Some(RemoteModel::named(name)?.and_then(fetch))
}

fn failure(message: String, hint: &str) -> Failure {
    Failure::new(FailureKind::Model, message).with_hint(hint)
}

/// The folder of the cache: `models` in the folder `TARE_CACHE`, or `tare/models` in the system's
/// cache folder.
fn cache() -> Result<PathBuf, Failure> {
    let folder = match std::env::var_os("TARE_CACHE") {
        Some(folder) => PathBuf::from(folder),
        None => dirs::cache_dir()
            .ok_or_else(|| {
                failure(
                    "found no cache folder of this system".into(),
                    "set TARE_CACHE to a folder",
                )
            })?
            .join("tare"),
    };
    Ok(folder.join("models"))
}

/// The hash that a well-known model had when it was first fetched on this machine.
fn first_hash(name: &str) -> Result<Option<String>, Failure> {
    let text = std::fs::read_to_string(cache()?.join(format!("{name}.sha256"))).ok();
    Ok(text.map(|text| text.trim().to_owned()))
}

fn fetch(mut model: RemoteModel) -> Result<PathBuf, Failure> {
    if model.sha256.is_none()
        && let Some(name) = model.well_known
        && let Some(hash) = first_hash(name)?
    {
        model.expect(&hash)?;
    }
    let folder = cache()?;
    if let Some(hash) = &model.sha256 {
        let cached = folder.join(hash).join(&model.file);
        // Check again, because the disk may have been full or the file may have changed.
        if std::fs::read(&cached).is_ok_and(|bytes| model.check(&bytes).is_ok()) {
            return Ok(cached);
        }
    }
    let found = download(&model.url, TIMEOUT)?;
    let hash = model.check(&found)?;
    store(&folder, &hash, &model, &found).map_err(|error| {
        failure(
            format!("cannot store the model in {}: {error}", folder.display()),
            "set TARE_CACHE to a writable folder",
        )
    })
}

fn store(folder: &Path, hash: &str, model: &RemoteModel, bytes: &[u8]) -> std::io::Result<PathBuf> {
    let folder_of_hash = folder.join(hash);
    std::fs::create_dir_all(&folder_of_hash)?;
    let cached = folder_of_hash.join(&model.file);
    let mut temporary = new_file().tempfile_in(&folder_of_hash)?;
    temporary.write_all(bytes)?;
    temporary.persist(&cached)?;
    if model.sha256.is_none()
        && let Some(name) = model.well_known
    {
        std::fs::write(folder.join(format!("{name}.sha256")), format!("{hash}\n"))?;
        eprintln!("{name}: SHA-256 {hash}, which later downloads must match");
    }
    Ok(cached)
}

fn download(url: &str, timeout: Duration) -> Result<Vec<u8>, Failure> {
    let hint = "check the URL and the network, or pass a file with --model FILE.onnx";
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(timeout))
        .timeout_recv_response(Some(timeout))
        .timeout_per_read(Some(timeout))
        // Redirects may not lead to where anyone on the way can change the file.
        .https_only(url.starts_with("https://"))
        .build()
        .into();
    let mut response = agent
        .get(url)
        .call()
        .map_err(|error| failure(format!("cannot fetch the model {url:?}: {error}"), hint))?;
    let total = response.body().content_length();
    let mut reader = response.body_mut().with_config().limit(MAX_BYTES).reader();
    let mut progress = ProgressLine::default();
    let mut found = Vec::new();
    let mut part = vec![0; 1 << 20];
    loop {
        let length = reader
            .read(&mut part)
            .map_err(|error| failure(format!("the download of {url:?} ended early: {error}"), hint))?;
        if length == 0 {
            break;
        }
        found.extend_from_slice(&part[..length]);
        let of = total.map_or_else(String::new, |total| format!(" of {}", bytes(total)));
        let received = found.len() as u64;
        let percent = total.and_then(|total| u8::try_from(received * 100 / total.max(1)).ok());
        progress.show(percent, &format!("fetching {url}: {}{of}", bytes(received)));
    }
    progress.clear();
    if total.is_some_and(|total| total != found.len() as u64) {
        return Err(failure(format!("the download of {url:?} ended early"), hint));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_server_that_stops_sending_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/net.onnx", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            connection
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthe beginning")
                .unwrap();
            // Until the client hangs up.
            while connection.read(&mut [0; 1000]).is_ok_and(|length| length > 0) {}
        });
        let failure = download(&url, Duration::from_millis(300)).unwrap_err();
        assert!(failure.message.contains("ended early: timeout"), "{failure:?}");
        server.join().unwrap();
    }
}
