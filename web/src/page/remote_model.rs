//! Fetches models from URLs on request, checks their SHA-256, and keeps them in the origin's
//! storage.

use js_sys::{Reflect, Uint8Array};
use tare_models::RemoteModel;
use tare_record::{Failure, FailureKind};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Cache, ReadableStreamDefaultReader, RequestInit, Response};

use super::browser_info::{bytes, window};
use crate::exception;

/// Name of the store.
const STORE: &str = "tare-models";

/// Called with the number of bytes received, and the total if the server reports it.
pub(super) type Progress<'a> = &'a dyn Fn(u64, Option<u64>);

/// Returns the file name of a model, its bytes from the store or the server, and a note for the
/// user. Fails if `stop` is signaled.
pub(super) async fn fetched(
    name: &str,
    progress: Progress<'_>,
    stop: &AbortSignal,
) -> Result<(String, Vec<u8>, String), Failure> {
    let mut model = RemoteModel::named(name).unwrap_or_else(|| {
        Err(failure(
            format!("expected an https URL or the name of a well-known model, found {name:?}"),
            "enter a URL that starts with https://",
        ))
    })?;
    let store = Store::open().await;
    if let Some(hash) = first_hash(&model) {
        model.expect(&hash)?;
    }
    if let (Some(store), Some(hash)) = (&store, &model.sha256)
        && let Some(bytes) = store.get(hash).await
        && model.check(&bytes).is_ok()
    {
        return Ok((model.file, bytes, "from this browser's storage".into()));
    }
    let bytes = download(&model.url, progress, stop).await?;
    let hash = model.check(&bytes)?;
    remember(&model, &hash);
    let stored = match &store {
        Some(store) => store.put(&hash, &bytes).await,
        None => Err("this page has no storage".into()),
    };
    let note = match stored {
        Ok(()) => format!("SHA-256 {hash}, kept in this browser's storage"),
        Err(reason) => format!("SHA-256 {hash}, not kept in this browser's storage: {reason}"),
    };
    Ok((model.file, bytes, note))
}

fn failure(message: String, hint: &str) -> Failure {
    Failure::new(FailureKind::Model, message).with_hint(hint)
}

async fn download(url: &str, progress: Progress<'_>, stop: &AbortSignal) -> Result<Vec<u8>, Failure> {
    let hint = "check the URL and the network; if the server does not allow other pages to read the file (CORS), download it by hand and drop it here";
    let failed = |error: JsValue| {
        if stop.aborted() {
            return failure(
                format!("the download of {url:?} was canceled"),
                "nothing was stored; fetch the model again",
            );
        }
        failure(format!("cannot fetch the model {url:?}: {}", exception(&error)), hint)
    };
    let options = RequestInit::new();
    options.set_signal(Some(stop));
    let response = JsFuture::from(window().fetch_with_str_and_init(url, &options))
        .await
        .map_err(failed)?;
    let response: Response = response.dyn_into().map_err(failed)?;
    if !response.ok() {
        return Err(failure(
            format!("cannot fetch the model {url:?}: HTTP {}", response.status()),
            hint,
        ));
    }
    let Some(stream) = response.body() else {
        return Ok(vec![]);
    };
    let length = response.headers().get("content-length").ok().flatten();
    let length: Option<u64> = length.and_then(|length| length.parse().ok());
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    progress(0, length);
    loop {
        let part = JsFuture::from(reader.read()).await.map_err(failed)?;
        let Ok(part) = Reflect::get(&part, &"value".into()).and_then(|value| value.dyn_into::<Uint8Array>()) else {
            return Ok(bytes);
        };
        let (received, more) = (bytes.len(), part.length() as usize);
        if bytes.try_reserve(more).is_err() {
            return Err(failure(
                format!("the model {url:?} does not fit in this page's memory, which was full after {received} bytes"),
                "run this model natively",
            ));
        }
        bytes.resize(received + more, 0);
        part.copy_to(&mut bytes[received..]);
        progress(bytes.len() as u64, length);
    }
}

/// The hash that a well-known model had when it was first fetched in this browser.
fn first_hash(model: &RemoteModel) -> Option<String> {
    if model.sha256.is_some() {
        return None;
    }
    let storage = window().local_storage().ok()??;
    storage.get_item(&format!("{STORE}/{}", model.well_known?)).ok()?
}

fn remember(model: &RemoteModel, hash: &str) {
    if let (Some(name), Ok(Some(storage))) = (model.well_known, window().local_storage()) {
        // Without storage, tare trusts the hash of each download. The user sees a note about the
        // storage.
        let _ = storage.set_item(&format!("{STORE}/{name}"), hash);
    }
}

/// The store of models. Absent if the browser denies storage.
struct Store(Cache);

impl Store {
    async fn open() -> Option<Self> {
        let opened = JsFuture::from(window().caches().ok()?.open(STORE)).await.ok()?;
        Some(Self(opened.unchecked_into()))
    }

    /// A path on this origin that nothing else uses.
    fn key(hash: &str) -> String {
        format!("{STORE}/{hash}")
    }

    async fn get(&self, hash: &str) -> Option<Vec<u8>> {
        let found = JsFuture::from(self.0.match_with_str(&Self::key(hash))).await.ok()?;
        let found: Response = found.dyn_into().ok()?;
        bytes(found.array_buffer().ok()?).await.ok()
    }

    async fn put(&self, hash: &str, bytes: &[u8]) -> Result<(), String> {
        let text = |error: JsValue| exception(&error);
        let response = Response::new_with_opt_js_u8_array(Some(&Uint8Array::from(bytes))).map_err(text)?;
        JsFuture::from(self.0.put_with_str(&Self::key(hash), &response))
            .await
            .map(|_| ())
            .map_err(text)
    }
}
