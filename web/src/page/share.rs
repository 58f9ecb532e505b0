//! Small results as links: the result is a part of the link itself, which no server sees.

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Event, HtmlElement};

use super::opened::Opened;
use super::results::own_records;
use super::view::{element, note, on};
use super::{browser_info, query};
use crate::exception;

#[wasm_bindgen(module = "/scripts/share-link.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn packed(text: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn unpacked(text: &str) -> Result<JsValue, JsValue>;
}

/// What the fragment of such a link starts with.
const FRAGMENT: &str = "#record=";

/// Connects the button.
pub(super) fn set_up() {
    on::<Event>(&element::<HtmlElement>("share"), "click", |_| spawn_local(share()));
    // A link that is opened where the page is open already.
    let changed = Closure::<dyn FnMut()>::new(|| spawn_local(show_linked())).into_js_value();
    browser_info::window().set_onhashchange(Some(changed.unchecked_ref()));
}

/// Copies a link to the newest result.
async fn share() {
    let records = own_records();
    let Some(record) = records.first() else { return };
    let text = match packed(record).await {
        Ok(text) => text.as_string().unwrap_or_default(),
        Err(error) => {
            return note(&format!(
                "This result makes no link: {}. Save the record instead.",
                exception(&error)
            ));
        }
    };
    let link = format!("{}{FRAGMENT}{text}", query::address());
    let copied = JsFuture::from(browser_info::window().navigator().clipboard().write_text(&link)).await;
    match copied {
        Ok(_) => {
            note("The link is copied. It holds the result itself: nothing was sent, and whoever opens it sees it.")
        }
        Err(_) => {
            query::show_address(&link);
            note("This page may not copy. Its address is the link now, and holds the result itself: nothing was sent.");
        }
    }
}

/// Shows the result that the page's own address holds, if it holds one.
pub(super) async fn show_linked() {
    let fragment = query::fragment();
    let Some(text) = fragment.strip_prefix(FRAGMENT) else {
        return;
    };
    match unpacked(text).await {
        Ok(json) => {
            let mut opened = Opened::default();
            opened.take("The link", json.as_string().unwrap_or_default().into_bytes());
            opened.show().await;
        }
        Err(error) => note(&format!(
            "The link holds no result that can be read ({}). Ask for the whole link, or for the record as a file.",
            exception(&error)
        )),
    }
}
