//! Offers what earlier visits left.

use web_sys::{Element, Event, HtmlElement};

use super::results::show_others;
use super::state::page;
use super::view::{element, on};
use super::{go_on, kept};

/// Connects the buttons, and offers what earlier visits left.
pub(super) async fn offer() {
    on::<Event>(&element::<HtmlElement>("kept-show"), "click", |_| {
        hide();
        wasm_bindgen_futures::spawn_local(show_others(page(|page| std::mem::take(&mut page.kept))));
    });
    on::<Event>(&element::<HtmlElement>("kept-discard"), "click", |_| {
        hide();
        page(|page| page.kept.clear());
        kept::forget();
    });
    on::<Event>(&element::<HtmlElement>("kept-go-on"), "click", |_| {
        let last = page(|page| page.kept.last().cloned());
        if last.is_some_and(go_on) {
            page(|page| page.kept.pop());
            hide();
        }
    });
    let records = kept::all().await;
    let Some(last) = records.last() else { return };
    element::<HtmlElement>("kept-go-on").set_hidden(last.complete);
    element::<Element>("kept-text").set_text_content(Some(&tare_report::kept_line(&records)));
    element::<HtmlElement>("kept").set_hidden(false);
    page(|page| page.kept = records);
}

fn hide() {
    element::<HtmlElement>("kept").set_hidden(true);
}
