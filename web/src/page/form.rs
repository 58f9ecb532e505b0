//! The form: what can be chosen.

use tare_models::{CATALOG, Dim, HASH_SEPARATOR, KNOWN_MODELS, PIPELINES, Signature};
use tare_record::{DeviceKind, ModuleSize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DragEvent, Element, Event, File, FileList, HtmlElement, HtmlInputElement};

use super::executor::default_engine;
use super::results::{own_records, report_file};
use super::view::{create, document, element, note, on, save, workers};
use super::{
    BUTTON_PAIRS, browser_info, cancel, engines, fetch_model, measure_first, run_selection, selection, selftest,
    take_file,
};
use crate::exception;

/// The model that is chosen when the page opens.
const CHOSEN: &str = "resnet50";

fn check_by_default(input: &HtmlInputElement, is_checked: bool) {
    input.set_checked(is_checked);
    input.set_default_checked(is_checked);
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
        check_by_default(&input, entry.name == CHOSEN);
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
        check_by_default(&input, engine == default_engine(fallback.is_some()));
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
    on::<Event>(&element::<HtmlElement>("choose"), "change", |_| selection::changed());
    on::<Event>(&element::<HtmlElement>("choose"), "toggle", |_| {
        spawn_local(show_downloads())
    });
    // Enter in a field sends no form.
    on::<Event>(&element::<HtmlElement>("form"), "submit", |event| {
        event.prevent_default()
    });
    on::<Event>(&element::<HtmlElement>("run"), "click", |_| run_selection());
    on::<Event>(&element::<HtmlElement>("measure"), "click", |_| measure_first());
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
        for (number, record) in own_records().iter().enumerate() {
            let name = match number {
                0 => "tare-browser.json".into(),
                number => format!("tare-browser-{}.json", number + 1),
            };
            save(&name, record, "application/json");
        }
    });
    on::<Event>(&element::<HtmlElement>("save-report"), "click", |_| {
        spawn_local(async {
            match report_file().await {
                Ok(report) => save("tare-report.html", &report, "text/html"),
                Err(error) => note(&format!("The report cannot be saved: {error}.")),
            }
        });
    });
}

/// Larger files do not fit in the memory of a page together with what is made of them.
const MOST_BYTES: f64 = 2e9;

fn read(list: &FileList) {
    for file in (0..list.length()).filter_map(|index| list.get(index)) {
        match refusal(&file) {
            Some(reason) => note(&reason),
            None => spawn_local(async move {
                match browser_info::bytes(file.array_buffer()).await {
                    Ok(bytes) => {
                        take_file(file.name(), bytes);
                    }
                    Err(error) => note(&format!("{} cannot be read: {}.", file.name(), exception(&error))),
                }
            }),
        }
    }
}

/// Why a file is not even read.
fn refusal(file: &File) -> Option<String> {
    let (name, size) = (file.name(), file.size());
    if size == 0.0 {
        return Some(format!(
            "{name} is empty. Choose an .onnx file, or a record of tare run."
        ));
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sizes are whole and positive"
    )]
    let text = tare_report::bytes(size as u64);
    (size > MOST_BYTES).then(|| {
        format!("{name} has {text}, and a page can open 2 GB at most. The program runs it: ./tare run --model {name}")
    })
}

/// Says what each engine weighs that a browser downloads. Asked for only when the form is opened.
async fn show_downloads() {
    for engine in selection::boxes("engine") {
        let Some(what) = engine.parent_element().and_then(|label| label.last_element_child()) else {
            continue;
        };
        let text = what.text_content().unwrap_or_default();
        if engine.disabled() || text.contains(" to download") {
            continue;
        }
        let size = browser_info::fetch(&format!("{}/{}.size.json", workers(), engine.value())).await;
        let size = size
            .ok()
            .and_then(|json| serde_json::from_str::<ModuleSize>(&String::from_utf8_lossy(&json)).ok());
        if let Some(bytes) = size.and_then(|size| size.gzip_bytes) {
            what.set_text_content(Some(&format!("{text}, {} to download", tare_report::bytes(bytes))));
        }
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

/// The URL or name of the model to fetch, with its hash if the user entered one.
fn chosen_url() -> String {
    let field = |name| element::<HtmlInputElement>(name).value().trim().to_owned();
    match (field("address"), field("sha256")) {
        (url, hash) if hash.is_empty() => url,
        (url, hash) => format!("{url}{HASH_SEPARATOR}{hash}"),
    }
}
