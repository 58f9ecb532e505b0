//! Results of earlier visits, which the browser keeps, so that a closed page, a crash or a second run loses none.

use js_sys::Array;
use tare_record::Record;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, Event, HtmlElement};

use super::view::{self, element, on};
use super::{go_on, page, show_others};
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

/// Connects the buttons, and offers what earlier visits left.
pub(super) async fn offer() {
    on::<Event>(&element::<HtmlElement>("kept-show"), "click", |_| {
        hide();
        show_others(page(|page| std::mem::take(&mut page.kept)));
    });
    on::<Event>(&element::<HtmlElement>("kept-discard"), "click", |_| {
        hide();
        page(|page| page.kept.clear());
        spawn_local(async {
            if let Err(error) = forget_records().await {
                view::note(&format!("This browser cannot forget them: {}.", exception(&error)));
            }
        });
    });
    on::<Event>(&element::<HtmlElement>("kept-go-on"), "click", |_| {
        hide();
        if let Some(record) = page(|page| page.kept.pop()) {
            go_on(record);
        }
    });
    // Without storage there is nothing to offer. Keeping the next result says why.
    let Ok(kept) = kept_records().await else { return };
    // What another version of tare left may be unreadable.
    let records: Vec<Record> = Array::from(&kept)
        .iter()
        .filter_map(|text| Record::from_json(&text.as_string()?).ok())
        .collect();
    let Some(last) = records.last() else { return };
    element::<HtmlElement>("kept-go-on").set_hidden(last.complete);
    element::<Element>("kept-text").set_text_content(Some(&tare_report::kept_line(&records)));
    element::<HtmlElement>("kept").set_hidden(false);
    page(|page| page.kept = records);
}

fn hide() {
    element::<HtmlElement>("kept").set_hidden(true);
}
