//! Models from URLs: fetched when the user asks, checked by their SHA-256, kept in the origin's storage.

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

/// Told how many bytes came, and of how many if the server says so.
pub(super) type Progress<'a> = &'a dyn Fn(u64, Option<u64>);

/// The bytes of a model, from the store or from where it is; the name of its file; and what to tell the user. Ends with an error
/// when `stop` is signalled.
pub(super) async fn fetched(
    name: &str,
    progress: Progress<'_>,
    stop: &AbortSignal,
) -> Result<(String, Vec<u8>, String), Failure> {
    let mut model = RemoteModel::named(name).unwrap_or_else(|| {
        Err(failure(
            format!("expected an https URL or the name of a well-known model, found {name:?}"),
            "a URL starts with https://",
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
    let bytes = body(&model.url, progress, stop).await?;
    let hash = model.check(&bytes)?;
    remember(&model, &hash);
    let kept = match &store {
        Some(store) => store.put(&hash, &bytes).await,
        None => Err("this page has none".into()),
    };
    let told = match kept {
        Ok(()) => format!("SHA-256 {hash}, kept in this browser's storage"),
        Err(reason) => format!("SHA-256 {hash}, not kept in this browser's storage: {reason}"),
    };
    Ok((model.file, bytes, told))
}

fn failure(message: String, hint: &str) -> Failure {
    Failure::new(FailureKind::Model, message).with_hint(hint)
}

async fn body(url: &str, progress: Progress<'_>, stop: &AbortSignal) -> Result<Vec<u8>, Failure> {
    let hint = "check the address and the network; the server must allow other pages to read the file (CORS), otherwise fetch it by hand and drop it here";
    let failed = |error: JsValue| {
        if stop.aborted() {
            return failure(format!("fetching {url:?} was cancelled"), "nothing of it was kept");
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
        let (came, more) = (bytes.len(), part.length() as usize);
        if bytes.try_reserve(more).is_err() {
            return Err(failure(
                format!("{url:?} does not fit into this page's memory: {came} bytes came"),
                "run this model natively",
            ));
        }
        bytes.resize(came + more, 0);
        part.copy_to(&mut bytes[came..]);
        progress(bytes.len() as u64, length);
    }
}

/// The hash that a well-known model had when it was first fetched here.
fn first_hash(model: &RemoteModel) -> Option<String> {
    let storage = window().local_storage().ok()??;
    storage.get_item(&format!("{STORE}/{}", model.well_known?)).ok()?
}

fn remember(model: &RemoteModel, hash: &str) {
    if let (Some(name), Ok(Some(storage))) = (model.well_known, window().local_storage()) {
        // Without storage the hash is trusted anew each time, as is said.
        let _ = storage.set_item(&format!("{STORE}/{name}"), hash);
    }
}

/// Where models are kept: absent where the browser refuses storage.
struct Store(Cache);

impl Store {
    async fn open() -> Option<Self> {
        let opened = JsFuture::from(window().caches().ok()?.open(STORE)).await.ok()?;
        Some(Self(opened.unchecked_into()))
    }

    /// A path of this origin that nothing else has.
    fn key(hash: &str) -> String {
        format!("{STORE}/{hash}")
    }

    async fn get(&self, hash: &str) -> Option<Vec<u8>> {
        let found = JsFuture::from(self.0.match_with_str(&Self::key(hash))).await.ok()?;
        let found: Response = found.dyn_into().ok()?;
        bytes(found.array_buffer().ok()?).await.ok()
    }

    async fn put(&self, hash: &str, bytes: &[u8]) -> Result<(), String> {
        let said = |error: JsValue| exception(&error);
        let response = Response::new_with_opt_js_u8_array(Some(&Uint8Array::from(bytes))).map_err(said)?;
        JsFuture::from(self.0.put_with_str(&Self::key(hash), &response))
            .await
            .map(|_| ())
            .map_err(said)
    }
}
