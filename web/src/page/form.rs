//! The form: what can be chosen.

use tare_models::{BUILT_IN, HASH_SEPARATOR, KNOWN_MODELS};
use tare_record::{DeviceKind, ModuleSize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DragEvent, Element, Event, File, FileList, HtmlElement, HtmlInputElement};

use super::choices::choice;
use super::executor::default_engine;
use super::opened::Opened;
use super::results::{own_records, report_file};
use super::view::{create, document, element, note, on, save, workers};
use super::{
    BUTTON_PAIRS, browser_info, cancel, engines, fetch_model, measure_first, run_selection, selection, selftest,
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
    for entry in &BUILT_IN {
        let text = if entry.parameters == 0 {
            entry.summary.to_owned()
        } else {
            format!("{}, {} parameters", entry.summary, tare_report::count(entry.parameters))
        };
        let input = choice("models", "model", entry.name, entry.name, &text);
        check_by_default(&input, entry.name == CHOSEN);
    }
    for (engine, reason) in engines() {
        let spec = engine.spec();
        let text = match spec.device {
            DeviceKind::Cpu if spec.is_yardstick => "onnxruntime-web by Microsoft, on the CPU, to compare with",
            DeviceKind::Gpu if spec.is_yardstick => "onnxruntime-web by Microsoft, on the GPU, to compare with",
            DeviceKind::Cpu => "runs models on the CPU, in wasm with SIMD",
            DeviceKind::Gpu => "runs models on the GPU, through WebGPU",
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

/// Reads files one after the other, so that no two large ones are in memory as text.
fn read(list: &FileList) {
    let files: Vec<File> = (0..list.length()).filter_map(|index| list.get(index)).collect();
    spawn_local(async move {
        let mut opened = Opened::default();
        for file in files {
            if let Some(reason) = refusal(&file) {
                opened.say(reason);
                continue;
            }
            match browser_info::bytes(file.array_buffer()).await {
                Ok(bytes) => {
                    let name = file.name();
                    if opened.take(&name, bytes) {
                        opened.say(format!("{name} is ready to run."));
                    }
                }
                Err(error) => opened.say(format!("{} cannot be read: {}.", file.name(), exception(&error))),
            }
        }
        opened.show().await;
    });
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

/// The URL or name of the model to fetch, with its hash if the user entered one.
fn chosen_url() -> String {
    let field = |name| element::<HtmlInputElement>(name).value().trim().to_owned();
    match (field("address"), field("sha256")) {
        (url, hash) if hash.is_empty() => url,
        (url, hash) => format!("{url}{HASH_SEPARATOR}{hash}"),
    }
}
