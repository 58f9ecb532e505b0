//! Measures how fast this page responds while a model runs. The measurement is in JavaScript, like
//! the handlers of a page.

use js_sys::Object;
use tare_core::Attachments;
use tare_record::{CellRequest, PageWatch};
use wasm_bindgen::prelude::*;

use super::worker_message::to_worker;
use crate::message::from_js;

#[wasm_bindgen(module = "/scripts/responsiveness.js")]
extern "C" {
    /// Resolves to a list of [`PageWatch`].
    #[wasm_bindgen(catch)]
    async fn responsiveness(module: &str, message: &Object) -> Result<JsValue, JsValue>;
}

/// Watches the page while the model of a request runs on one thread.
pub(super) async fn watch(request: &CellRequest, attachments: &Attachments) -> Result<Vec<PageWatch>, String> {
    let text = |error: JsValue| crate::exception(&error);
    let message = to_worker(request, attachments).map_err(text)?;
    let watches = responsiveness(request.engine.as_str(), &message.object).await;
    from_js(watches.map_err(text)?).map_err(|error| error.to_string())
}
