//! The document: reads the user's selection, and shows progress and results.

use std::collections::BTreeMap;

use tare_models::{CATALOG, Dim, HASH_SEPARATOR, KNOWN_MODELS, PIPELINES, Signature};
use tare_record::{DeviceKind, EngineName, Record, Rules, SelfCheck};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{
    CustomEvent, Document, DragEvent, Element, Event, FileList, HtmlAnchorElement, HtmlButtonElement, HtmlElement,
    HtmlInputElement, HtmlProgressElement, HtmlSelectElement,
};

use crate::exception;

use super::executor::default_engine;
use super::{BUTTON_PAIRS, browser_info, cancel, engines, fetch_model, files, run_selection, selftest, take_file};

pub(super) fn document() -> Document {
    let window: web_sys::Window = js_sys::global().unchecked_into();
    // A page always has a document.
    window.document().unwrap_throw()
}

/// The element with this id, which must be in `index.html`.
pub(super) fn element<T: JsCast>(id: &str) -> T {
    document().get_element_by_id(id).unwrap_throw().unchecked_into()
}

pub(super) fn create(tag: &str) -> Element {
    document().create_element(tag).unwrap_throw()
}

/// Fills the form and connects the buttons.
pub(super) fn set_up(fallback: Option<&str>) {
    for entry in CATALOG {
        let text = if entry.parameters == 0 {
            entry.summary.to_owned()
        } else {
            format!("{}, {} parameters", entry.summary, tare_report::count(entry.parameters))
        };
        let input = choice("models", "model", entry.name, entry.name, &text);
        input.set_checked(entry.name == "tiny");
    }
    for entry in &PIPELINES {
        choice("models", "model", entry.name, entry.name, entry.summary);
    }
    for (engine, reason) in engines() {
        let text = match engine.spec().device {
            DeviceKind::Cpu => "CPU, in wasm with SIMD",
            DeviceKind::Gpu => "GPU, through WebGPU",
        };
        let text = reason.as_ref().map_or_else(
            || text.to_owned(),
            |reason| format!("{text}: not available, because {reason}"),
        );
        let input = choice("engines", "engine", engine.as_str(), engine.as_str(), &text);
        input.set_disabled(reason.is_some());
        input.set_checked(engine == default_engine(fallback.is_some()));
    }
    let cores = browser_info::cores();
    if browser_info::is_isolated() && cores > 1 {
        for (value, text) in [
            (cores.to_string(), format!("all {cores}")),
            (format!("1,{cores}"), format!("1, then all {cores}")),
        ] {
            let option = create("option");
            option.set_attribute("value", &value).unwrap_throw();
            option.set_text_content(Some(&text));
            element::<Element>("threads").append_child(&option).unwrap_throw();
        }
    }
    if let Some(reason) = fallback {
        note(&format!("tract on the CPU is chosen, because {reason}."));
    }
    on::<Event>(&element::<HtmlElement>("run"), "click", |_| run_selection());
    on::<Event>(&element::<HtmlElement>("cancel"), "click", |_| cancel());
    on::<Event>(&element::<HtmlElement>("selftest"), "click", |_| selftest(BUTTON_PAIRS));
    for model in &KNOWN_MODELS {
        let option = create("option");
        option.set_attribute("value", model.name).unwrap_throw();
        let what = format!("{}, {}", model.summary, model.license);
        option.set_text_content(Some(&what));
        element::<Element>("well-known").append_child(&option).unwrap_throw();
    }
    on::<Event>(&element::<HtmlElement>("fetch"), "click", |_| fetch_model(chosen_url()));
    on::<Event>(&element::<HtmlElement>("file"), "change", |event| {
        if let Some(list) = event
            .target()
            .and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
            .and_then(|input| input.files())
        {
            read(&list);
        }
    });
    let body = document().body().unwrap_throw();
    on::<DragEvent>(&body, "dragover", |event| event.prevent_default());
    on::<DragEvent>(&body, "drop", |event| {
        event.prevent_default();
        if let Some(list) = event.data_transfer().and_then(|data| data.files()) {
            read(&list);
        }
    });
    on::<Event>(&element::<HtmlElement>("save-record"), "click", |_| {
        if let Some((record, _)) = files() {
            save("tare-browser.json", &record, "application/json");
        }
    });
    on::<Event>(&element::<HtmlElement>("save-report"), "click", |_| {
        if let Some((_, report)) = files() {
            save("tare-report.html", &report, "text/html");
        }
    });
}

/// Calls `handler` for every event with this name, as long as the page exists.
fn on<E: JsCast + wasm_bindgen::convert::FromWasmAbi + 'static>(target: &HtmlElement, name: &str, handler: fn(E)) {
    let handler = Closure::<dyn FnMut(E)>::new(handler).into_js_value();
    target
        .add_event_listener_with_callback(name, handler.unchecked_ref())
        .unwrap_throw();
}

fn read(list: &FileList) {
    for index in 0..list.length() {
        let Some(file) = list.get(index) else { continue };
        spawn_local(async move {
            match browser_info::bytes(file.array_buffer()).await {
                Ok(bytes) => {
                    take_file(file.name(), bytes);
                }
                Err(error) => note(&format!("cannot read {}: {}", file.name(), exception(&error))),
            }
        });
    }
}

/// Adds a checkbox with a name and a description.
fn choice(list: &str, kind: &str, value: &str, name: &str, text: &str) -> HtmlInputElement {
    let label = create("label");
    let input: HtmlInputElement = create("input").unchecked_into();
    input.set_type("checkbox");
    input.set_name(kind);
    input.set_value(value);
    let strong = create("strong");
    strong.set_text_content(Some(name));
    let what = create("span");
    what.set_text_content(Some(text));
    for child in [input.as_ref(), &strong, &what] {
        label.append_child(child).unwrap_throw();
    }
    element::<Element>(list).append_child(&label).unwrap_throw();
    input
}

/// Adds a model, with fields for the dimensions that it leaves open.
pub(super) fn add_model(name: &str, signature: &Signature) {
    let inputs: Vec<String> = signature.inputs.iter().map(ToString::to_string).collect();
    choice("models", "model", name, name, &inputs.join("; ")).set_checked(true);
    for input in &signature.inputs {
        let open = input
            .dims
            .as_ref()
            .is_none_or(|dims| dims.iter().any(|dim| matches!(dim, Dim::Open(_))));
        if !open {
            continue;
        }
        let label = create("label");
        label.set_text_content(Some(&format!("Shape of input {} of {name}: ", input.name)));
        let field: HtmlInputElement = create("input").unchecked_into();
        let example: Vec<String> = input
            .dims
            .iter()
            .flatten()
            .map(|dim| {
                if let Dim::Known(size) = dim {
                    size.to_string()
                } else {
                    "1".into()
                }
            })
            .collect();
        field.set_value(&example.join(","));
        field.set_attribute("data-model", name).unwrap_throw();
        field.set_attribute("data-input", &input.name).unwrap_throw();
        field.set_class_name("shape");
        label.append_child(&field).unwrap_throw();
        element::<Element>("models").append_child(&label).unwrap_throw();
    }
    note(&format!("{name} is ready to run."));
}

/// Removes what [`add_model`] added.
pub(super) fn remove_model(name: &str) {
    let list: Element = element("models");
    let labels = list.query_selector_all("label").unwrap_throw();
    for label in (0..labels.length()).filter_map(|index| labels.get(index)) {
        let label: Element = label.unchecked_into();
        let of_model = label.query_selector("input").unwrap_throw().is_some_and(|input| {
            input.get_attribute("data-model").as_deref() == Some(name)
                || input.unchecked_into::<HtmlInputElement>().value() == name
        });
        if of_model {
            label.remove();
        }
    }
}

fn checked_values(kind: &str) -> Vec<String> {
    let boxes = document()
        .query_selector_all(&format!("input[name={kind}]:checked"))
        .unwrap_throw();
    (0..boxes.length())
        .filter_map(|index| boxes.get(index))
        .map(|node| node.unchecked_into::<HtmlInputElement>().value())
        .collect()
}

/// Dimensions of a model's inputs, by name.
type Shapes = BTreeMap<String, Vec<usize>>;

/// The checked models, with the shapes that the user set.
///
/// # Errors
/// What is wrong with the first field that holds no shape.
pub(super) fn chosen_models() -> Result<Vec<(String, Shapes)>, String> {
    let fields = document().query_selector_all("input.shape").unwrap_throw();
    let fields: Vec<HtmlInputElement> = (0..fields.length())
        .filter_map(|index| fields.get(index))
        .map(JsCast::unchecked_into)
        .collect();
    let mut chosen = Vec::new();
    for model in checked_values("model") {
        let mut shapes = Shapes::new();
        for field in &fields {
            let (Some(of), Some(input)) = (field.get_attribute("data-model"), field.get_attribute("data-input")) else {
                continue;
            };
            if of == model {
                let value = field.value();
                let dims = parse_dims(&value).ok_or_else(|| {
                    format!(
                        "The shape of input {input} of {model} is {value:?}. Enter whole numbers, for example 1,3,224,224."
                    )
                })?;
                shapes.insert(input, dims);
            }
        }
        chosen.push((model, shapes));
    }
    Ok(chosen)
}

/// Dimensions like `1,3,224,224` or `1x3x224x224`.
fn parse_dims(text: &str) -> Option<Vec<usize>> {
    text.split([',', 'x']).map(|dim| dim.trim().parse().ok()).collect()
}

/// The checked engines. An empty list stands for those that suit this browser.
pub(super) fn chosen_engines() -> Vec<EngineName> {
    checked_values("engine")
        .iter()
        .filter_map(|engine| engine.parse().ok())
        .collect()
}

/// The URL or name of the model to fetch, with its hash if the user entered one.
fn chosen_url() -> String {
    let field = |name| element::<HtmlInputElement>(name).value().trim().to_owned();
    match (field("address"), field("sha256")) {
        (url, hash) if hash.is_empty() => url,
        (url, hash) => format!("{url}{HASH_SEPARATOR}{hash}"),
    }
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

/// The chosen numbers of CPU threads.
pub(super) fn chosen_threads() -> Vec<usize> {
    let chosen = element::<HtmlSelectElement>("threads").value();
    chosen.split(',').filter_map(|threads| threads.parse().ok()).collect()
}

/// The rules for the chosen duration.
pub(super) fn chosen_rules() -> Rules {
    let seconds: u64 = element::<HtmlSelectElement>("duration").value().parse().unwrap_or(2);
    Rules {
        min_time_ms: seconds * 1000,
        max_time_ms: seconds * 5000,
        ..Rules::default()
    }
}

/// Sets the state of the page, which drivers and style sheets read.
pub(super) fn set_state(state: &str) {
    let body = document().body().unwrap_throw();
    body.set_attribute("data-state", state).unwrap_throw();
    let running = state == "running";
    element::<HtmlButtonElement>("run").set_disabled(running);
    element::<HtmlButtonElement>("selftest").set_disabled(running);
    element::<HtmlButtonElement>("cancel").set_disabled(!running);
    if state == "ready" {
        element::<Element>("progress-text").set_text_content(Some("Ready."));
    }
    let saved = state == "done";
    element::<HtmlButtonElement>("save-record").set_disabled(!saved);
    element::<HtmlButtonElement>("save-report").set_disabled(!saved);
    if saved {
        element::<HtmlProgressElement>("progress-bar").set_value(100.0);
        element::<Element>("progress-text").set_text_content(Some("Done."));
    }
}

/// Notifies drivers by an event on the document.
pub(super) fn dispatch(name: &str) {
    if let Ok(event) = CustomEvent::new(name) {
        document().dispatch_event(&event).unwrap_throw();
    }
}

/// Shows a message to the user.
pub(super) fn note(message: &str) {
    element::<Element>("note").set_text_content(Some(message));
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

/// Shows a report. Its text is already escaped.
pub(super) fn report(html: &str) {
    element::<Element>("report").set_inner_html(html);
}

fn save(name: &str, text: &str, kind: &str) {
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
