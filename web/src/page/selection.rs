//! What the user chose in the form, and what a link chooses.

use std::collections::BTreeMap;

use tare_record::{CellPlan, EngineName, Plan, Precision, Rules, WorkloadOptions};
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlInputElement, HtmlSelectElement};

use super::experiments;
use super::query::{self, Choice, FIELDS};
use super::view::{document, element, value};

/// All check boxes with a name.
pub(super) fn boxes(kind: &str) -> Vec<HtmlInputElement> {
    all(&format!("input[name={kind}]"))
}

fn all<T: JsCast>(selector: &str) -> Vec<T> {
    let found = document().query_selector_all(selector).unwrap_throw();
    (0..found.length())
        .filter_map(|index| found.get(index))
        .map(JsCast::unchecked_into)
        .collect()
}

fn checked_values(kind: &str) -> Vec<String> {
    let checked = boxes(kind).into_iter().filter(HtmlInputElement::checked);
    checked.map(|input| input.value()).collect()
}

/// The value that a field has by itself.
fn default_value(field: &str) -> String {
    let option = element::<Element>(field)
        .query_selector("option[selected]")
        .unwrap_throw();
    option
        .and_then(|option| option.get_attribute("value"))
        .unwrap_or_default()
}

/// The plan that the user chose: an experiment, or models, engines and sizes.
///
/// # Errors
/// What is wrong with the choice, and what to do about it.
pub(super) fn chosen_plan() -> Result<Plan, String> {
    if let Some(experiment) = experiments::chosen()? {
        return Ok(experiment);
    }
    let mut cells = Vec::new();
    for (model, shapes) in chosen_models()? {
        let base = CellPlan {
            engines: chosen_engines(),
            shapes,
            threads: numbers("threads"),
            relaxed_simd: value("vectors") == "relaxed",
            ..CellPlan::new(model)
        };
        for batch in numbers("batch") {
            for precision in precisions() {
                let options = WorkloadOptions {
                    batch: (batch > 1).then_some(batch),
                    precision,
                    ..WorkloadOptions::default()
                };
                cells.push(CellPlan {
                    options,
                    ..base.clone()
                });
            }
        }
    }
    if cells.is_empty() {
        return Err("Choose at least one model.".into());
    }
    Ok(Plan {
        rules: chosen_rules(),
        ..Plan::new(tare_report::PAGE_PLAN, cells)
    })
}

/// Dimensions of a model's inputs, by name.
type Shapes = BTreeMap<String, Vec<usize>>;

/// The checked models, with the shapes that the user set.
fn chosen_models() -> Result<Vec<(String, Shapes)>, String> {
    let fields: Vec<HtmlInputElement> = all("input.shape");
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
fn chosen_engines() -> Vec<EngineName> {
    checked_values("engine")
        .iter()
        .filter_map(|engine| engine.parse().ok())
        .collect()
}

/// The numbers that a field lists.
fn numbers(field: &str) -> Vec<usize> {
    value(field)
        .split(',')
        .filter_map(|number| number.parse().ok())
        .collect()
}

/// The chosen precisions; `None` for the model as it is.
fn precisions() -> Vec<Option<Precision>> {
    let known = |text: &str| Precision::ALL.into_iter().find(|precision| precision.as_str() == text);
    value("precision").split(',').map(known).collect()
}

/// The rules for the chosen duration.
fn chosen_rules() -> Rules {
    let seconds: u64 = value("seconds").parse().unwrap_or(2);
    Rules {
        min_time_ms: seconds * 1000,
        max_time_ms: seconds * 5000,
        ..Rules::default()
    }
}

/// The user changed a field: marks it, and writes the choice into the page's address.
pub(super) fn changed() {
    mark_changes();
    experiments::show_chosen();
    query::write(&choice_of_user());
}

/// Marks what differs from what the page offers by itself.
fn mark_changes() {
    let mark = |field: &Element, is_changed: bool| {
        if let Ok(Some(label)) = field.closest("label") {
            label.set_class_name(if is_changed { "changed" } else { "" });
        }
    };
    for input in boxes("model").iter().chain(&boxes("engine")) {
        mark(input, input.checked() != input.default_checked());
    }
    for field in FIELDS {
        mark(&element(field), value(field) != default_value(field));
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
    let fields = FIELDS.into_iter().map(|field| (field, value(field)));
    Choice {
        models: of("model"),
        engines: of("engine"),
        fields: fields.filter(|(field, value)| *value != default_value(field)).collect(),
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
        if !wanted.is_empty() {
            check_only(kind, wanted)?;
        }
    }
    for (&field, wanted) in &choice.fields {
        let select = element::<HtmlSelectElement>(field);
        let options: Vec<Element> = all(&format!("#{field} option"));
        let is_offered = |option: &Element| {
            option.get_attribute("value").as_ref() == Some(wanted) && !option.has_attribute("disabled")
        };
        if !options.iter().any(is_offered) {
            return Err(format!(
                "The link asks for {field}={wanted:?}, which this browser does not offer."
            ));
        }
        select.set_value(wanted);
    }
    mark_changes();
    experiments::show_chosen();
    Ok(())
}

fn check_only(kind: &str, wanted: &[String]) -> Result<(), String> {
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
    Ok(())
}
