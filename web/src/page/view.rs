//! The document: shows progress and results.

use js_sys::Promise;
use tare_core::Clock;
use tare_record::{Record, SelfCheck};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    CustomEvent, Document, Element, HtmlAnchorElement, HtmlButtonElement, HtmlElement, HtmlProgressElement,
    HtmlSelectElement,
};

use super::browser_info;
use crate::clock::PerformanceClock;
use crate::exception;

pub(super) fn document() -> Document {
    let window: web_sys::Window = js_sys::global().unchecked_into();
    // A page always has a document.
    window.document().unwrap_throw()
}

/// The element with this id, which must be in `index.html`.
pub(super) fn element<T: JsCast>(id: &str) -> T {
    document().get_element_by_id(id).unwrap_throw().unchecked_into()
}

/// The folder of the workers' files, whose name may change with their contents.
pub(super) fn workers() -> String {
    let body = document().body().unwrap_throw();
    body.get_attribute("data-workers").unwrap_or_else(|| "workers".into())
}

/// The chosen value of a field.
pub(super) fn value(field: &str) -> String {
    element::<HtmlSelectElement>(field).value()
}

pub(super) fn create(tag: &str) -> Element {
    document().create_element(tag).unwrap_throw()
}

/// Calls `handler` for every event with this name, as long as the page exists.
pub(super) fn on<E: JsCast + wasm_bindgen::convert::FromWasmAbi + 'static>(
    target: &HtmlElement,
    name: &str,
    handler: fn(E),
) {
    let handler = Closure::<dyn FnMut(E)>::new(handler).into_js_value();
    target
        .add_event_listener_with_callback(name, handler.unchecked_ref())
        .unwrap_throw();
}

/// Enables or disables the buttons: while a model is fetched, the user can cancel it but not fetch
/// another.
pub(super) fn set_fetching(fetching: bool) {
    element::<HtmlButtonElement>("fetch").set_disabled(fetching);
    if !is_running() {
        element::<HtmlButtonElement>("cancel").set_disabled(!fetching);
        if !fetching {
            element::<HtmlProgressElement>("progress-bar").set_value(0.0);
            element::<Element>("progress-text").set_text_content(Some("Ready."));
        }
    }
}

/// Shows the progress of fetching a model.
pub(super) fn fetched(received: u64, total: Option<u64>) {
    if is_running() {
        return;
    }
    let percent = total
        .filter(|&total| total > 0)
        .map_or(0.0, |total| received as f64 * 100.0 / total as f64);
    element::<HtmlProgressElement>("progress-bar").set_value(percent);
    let total = total.map_or_else(String::new, |total| format!(" of {}", tare_report::bytes(total)));
    let text = format!("Fetched {}{total}.", tare_report::bytes(received));
    element::<Element>("progress-text").set_text_content(Some(&text));
}

fn is_running() -> bool {
    let body = document().body().unwrap_throw();
    body.get_attribute("data-state").as_deref() == Some("running")
}

/// Buttons that start something, which no other may meanwhile.
const STARTING: [&str; 4] = ["run", "measure", "kept-go-on", "selftest"];

/// Sets the state of the page, which drivers and style sheets read.
pub(super) fn set_state(state: &str) {
    let body = document().body().unwrap_throw();
    body.set_attribute("data-state", state).unwrap_throw();
    let running = state == "running";
    let focused = document().active_element().map(|element| element.id());
    let has_focus = |buttons: &[&str]| focused.as_deref().is_some_and(|id| buttons.contains(&id));
    for button in STARTING {
        element::<HtmlButtonElement>(button).set_disabled(running);
    }
    element::<HtmlButtonElement>("cancel").set_disabled(!running);
    if state == "ready" {
        element::<Element>("progress-text").set_text_content(Some("Ready."));
    }
    let saved = state == "done";
    element::<HtmlElement>("next").set_hidden(!saved);
    element::<HtmlButtonElement>("save-record").set_disabled(!saved);
    element::<HtmlButtonElement>("save-report").set_disabled(!saved);
    if saved {
        element::<HtmlProgressElement>("progress-bar").set_value(100.0);
        element::<Element>("progress-text").set_text_content(Some("Done."));
    }
    // A button that is disabled would leave the keyboard nowhere.
    let next = match () {
        () if running && has_focus(&STARTING) => Some("cancel"),
        () if saved && has_focus(&["cancel"]) => Some("next"),
        () => None,
    };
    if let Some(next) = next {
        let _ = element::<HtmlElement>(next).focus();
    }
}

/// Says that the user canceled the run that has just ended.
pub(super) fn canceled() {
    element::<Element>("progress-text").set_text_content(Some("Canceled. What was measured is kept."));
}

/// Notifies drivers by an event on the document.
pub(super) fn dispatch(name: &str) {
    if let Ok(event) = CustomEvent::new(name) {
        document().dispatch_event(&event).unwrap_throw();
    }
}

/// A message, and what to do about it, as sentences.
pub(super) fn with_hint(message: &str, hint: &str) -> String {
    let mut letters = hint.chars();
    match letters.next() {
        None => format!("{message}."),
        Some(first) => format!("{message}. {}{}.", first.to_uppercase(), letters.as_str()),
    }
}

/// Shows a message to the user.
pub(super) fn note(message: &str) {
    element::<Element>("note").set_text_content(Some(message));
}

/// Scrolls to the message to the user, with what follows it.
pub(super) fn scroll_to_note() {
    element::<Element>("note").scroll_into_view();
}

/// Shows an error after which the page cannot continue.
pub(super) fn fail(message: &str) {
    note(message);
    element::<Element>("progress-text").set_text_content(Some(message));
    set_state("error");
}

/// Shows what is being measured, and how much of the plan is done.
pub(super) fn progress(percent: u8, text: &str) {
    element::<HtmlProgressElement>("progress-bar").set_value(f64::from(percent));
    element::<Element>("progress-text").set_text_content(Some(text));
}

/// Writes the record as JSON into the document, for drivers.
pub(super) fn publish(record: &Record) {
    if let Ok(json) = record.to_json() {
        element::<Element>("record").set_text_content(Some(&json));
    }
}

/// Writes the results of the self-test as JSON into the document, for drivers.
pub(super) fn publish_checks(checks: &[SelfCheck]) {
    if let Ok(json) = serde_json::to_string(checks) {
        element::<Element>("checks").set_text_content(Some(&json));
    }
}

#[wasm_bindgen]
extern "C" {
    /// Makes a report sort, filter and compare; `report.js`.
    #[wasm_bindgen(js_name = tareReport, catch)]
    fn enhance(root: &Element) -> Result<(), JsValue>;
}

#[wasm_bindgen(module = "/scripts/trusted.js")]
extern "C" {
    #[wasm_bindgen(js_name = setHtml)]
    fn set_html(element: &Element, html: &str);
}

/// Says whether a report is being drawn, to screen readers and drivers.
pub(super) fn set_report_busy(is_busy: bool) {
    let busy = if is_busy { "true" } else { "false" };
    element::<Element>("report")
        .set_attribute("aria-busy", busy)
        .unwrap_throw();
}

/// Shows a report. Its text is already escaped.
pub(super) fn report(html: &str) {
    let place = element::<Element>("report");
    set_html(&place, html);
    // Without the script the report is whole.
    let _ = enhance(&place);
}

/// Waits until the browser has drawn what the page holds.
pub(super) async fn drawn() {
    // Hidden pages draw nothing.
    if browser_info::visible() {
        let frame = Promise::new(&mut |resolve, _| {
            let _ = browser_info::window().request_animation_frame(&resolve);
        });
        let _ = JsFuture::from(frame).await;
        PerformanceClock.sleep(0).await;
    }
}

/// Shows what was measured so far. Its text is already escaped.
pub(super) fn live(html: &str) {
    set_html(&element("live"), html);
}

pub(super) fn save(name: &str, text: &str, kind: &str) {
    match browser_info::blob_url(text, kind) {
        Ok(url) => {
            let link: HtmlAnchorElement = create("a").unchecked_into();
            link.set_href(&url);
            link.set_download(name);
            link.click();
            // The download started with the click.
            let _ = web_sys::Url::revoke_object_url(&url);
        }
        Err(error) => note(&format!("cannot save {name}: {}", exception(&error))),
    }
}
