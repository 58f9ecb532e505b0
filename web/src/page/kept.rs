//! Results of earlier visits, which the browser keeps, so that a closed page, a crash or a second run loses none.

use js_sys::Array;
use tare_record::Record;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::view;
use crate::exception;

#[wasm_bindgen(module = "/scripts/kept-runs.js")]
extern "C" {
    #[wasm_bindgen(js_name = keepRecord, catch)]
    async fn keep_record(name: &str, record: &str) -> Result<JsValue, JsValue>;
    /// Resolves to a list of texts.
    #[wasm_bindgen(js_name = keptRecords, catch)]
    async fn kept_records() -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = forgetRecords, catch)]
    async fn forget_records() -> Result<JsValue, JsValue>;
}

/// Keeps the state of a record in place of its earlier state.
pub(super) fn keep(record: &Record) {
    // What measured nothing leaves nothing to show or resume.
    if record.cells.iter().all(|cell| cell.samples_ns.is_empty()) {
        return;
    }
    let Ok(text) = record.to_json() else { return };
    let name = record.created.clone();
    spawn_local(async move {
        if let Err(error) = keep_record(&name, &text).await {
            view::note(&format!(
                "This browser cannot keep results ({}). Save the record before you close the page.",
                exception(&error)
            ));
        }
    });
}

/// The records that are kept, oldest first. What another version of tare left may be unreadable.
pub(super) async fn all() -> Vec<Record> {
    // Without storage nothing is kept. Keeping the next result says why.
    let kept = kept_records().await.unwrap_or_else(|_| Array::new().into());
    let texts = Array::from(&kept);
    texts
        .iter()
        .filter_map(|text| Record::from_json(&text.as_string()?).ok())
        .collect()
}

/// Forgets all of them.
pub(super) fn forget() {
    spawn_local(async {
        if let Err(error) = forget_records().await {
            view::note(&format!("This browser cannot forget them: {}.", exception(&error)));
        }
    });
}
