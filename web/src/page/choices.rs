//! The models and engines that the form lists, each with a checkbox.

use tare_models::{Dim, Signature};
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlInputElement};

use super::view::{create, element};

/// Adds a checkbox with a name and a description.
pub(super) fn choice(list: &str, kind: &str, value: &str, name: &str, text: &str) -> HtmlInputElement {
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
