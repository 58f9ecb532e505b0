//! The form: what can be chosen, and what the user chose.

use std::collections::BTreeMap;

use tare_models::{CATALOG, Dim, HASH_SEPARATOR, KNOWN_MODELS, PIPELINES, Signature};
use tare_record::{DeviceKind, EngineName, Rules};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DragEvent, Element, Event, FileList, HtmlElement, HtmlInputElement, HtmlSelectElement};

use super::executor::default_engine;
use super::query::{self, Choice};
use super::results::{own_records, report_file};
use super::view::{create, document, element, note, on, save};
use super::{
    BUTTON_PAIRS, browser_info, cancel, engines, fetch_model, measure_first, run_selection, selftest, take_file,
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
    on::<Event>(&element::<HtmlElement>("choose"), "change", |_| {
        mark_changes();
        query::write(&choice_of_user());
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

/// The chosen numbers of CPU threads.
pub(super) fn chosen_threads() -> Vec<usize> {
    let chosen = element::<HtmlSelectElement>("threads").value();
    chosen.split(',').filter_map(|threads| threads.parse().ok()).collect()
}

fn boxes(kind: &str) -> Vec<HtmlInputElement> {
    let boxes = document()
        .query_selector_all(&format!("input[name={kind}]"))
        .unwrap_throw();
    (0..boxes.length())
        .filter_map(|index| boxes.get(index))
        .map(JsCast::unchecked_into)
        .collect()
}

/// Marks what differs from what the page offers by itself.
fn mark_changes() {
    for input in boxes("model").iter().chain(&boxes("engine")) {
        let is_changed = input.checked() != input.default_checked();
        if let Some(label) = input.parent_element() {
            label.set_class_name(if is_changed { "changed" } else { "" });
        }
    }
}

/// What the user chose, as far as it differs from what the page offers by itself.
fn choice_of_user() -> Choice {
    let of = |kind: &str| -> Vec<String> {
        let all = boxes(kind);
        if all.iter().all(|input| input.checked() == input.default_checked()) {
            return vec![];
        }
        let chosen = all.iter().filter(|input| input.checked());
        chosen.map(HtmlInputElement::value).collect()
    };
    let select =
        |id: &str, offered: &str| Some(element::<HtmlSelectElement>(id).value()).filter(|value| value != offered);
    Choice {
        models: of("model"),
        engines: of("engine"),
        threads: select("threads", "1"),
        seconds: select("duration", "2"),
    }
}

/// Chooses what a link asks for.
///
/// # Errors
/// What this page does not have, with what it has.
pub(super) fn choose(choice: &Choice) -> Result<(), String> {
    if *choice == Choice::default() {
        return Ok(());
    }
    element::<Element>("choose").set_attribute("open", "").unwrap_throw();
    for (kind, wanted) in [("model", &choice.models), ("engine", &choice.engines)] {
        if wanted.is_empty() {
            continue;
        }
        let all = boxes(kind);
        for name in wanted {
            let found = all.iter().find(|input| input.value() == *name);
            match found {
                None => {
                    let names: Vec<String> = all.iter().map(HtmlInputElement::value).collect();
                    return Err(format!(
                        "The link asks for the {kind} {name:?}. This page has {}.",
                        names.join(", ")
                    ));
                }
                Some(input) if input.disabled() => {
                    return Err(format!(
                        "The link asks for the {kind} {name}, which this browser cannot run: see below."
                    ));
                }
                Some(_) => {}
            }
        }
        for input in &all {
            input.set_checked(wanted.contains(&input.value()));
        }
    }
    for (id, what, value) in [
        ("threads", "threads", &choice.threads),
        ("duration", "seconds", &choice.seconds),
    ] {
        let Some(value) = value else { continue };
        let select = element::<HtmlSelectElement>(id);
        let before = select.value();
        select.set_value(value);
        if select.value() != *value {
            select.set_value(&before);
            return Err(format!(
                "The link asks for {what}={value:?}, which this browser does not offer."
            ));
        }
    }
    mark_changes();
    Ok(())
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
