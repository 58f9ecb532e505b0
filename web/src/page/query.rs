//! Reads the parameters of the page's URL, and writes the user's choice into it.

use std::collections::BTreeMap;

use wasm_bindgen::prelude::*;
use web_sys::UrlSearchParams;

use super::view::document;
use crate::exception;

/// The parameters of the URL.
pub(super) struct Query {
    /// The token of a runner, which this page carries out requests for.
    pub(super) runner: Option<String>,
    /// Number of pairs of a self-test.
    pub(super) selftest: Option<u32>,
    /// What to measure.
    pub(super) choice: Choice,
    /// Whether to start at once.
    pub(super) run: bool,
}

/// What a link chooses. Empty parts stand for what the page offers by itself.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) models: Vec<String>,
    pub(super) engines: Vec<String>,
    /// Values of [`FIELDS`].
    pub(super) fields: BTreeMap<&'static str, String>,
}

/// The fields of the form with one value each. Each has the name of its parameter.
pub(super) const FIELDS: [&str; 7] = ["plan", "length", "threads", "batch", "precision", "vectors", "seconds"];

/// The other parameters.
const OTHERS: [&str; 5] = ["runner", "selftest", "model", "engine", "run"];

/// Reads the query of the URL. An unknown parameter is an error.
pub(super) fn query() -> Result<Query, String> {
    let search = location().search().unwrap_or_default();
    let parameters = UrlSearchParams::new_with_str(&search).map_err(|error| exception(&error))?;
    for name in js_sys::Object::keys(&js_sys::Object::from_entries(&parameters).unwrap_or_default()).iter() {
        let name = name.as_string().unwrap_or_default();
        let known = [&OTHERS[..], &FIELDS].concat();
        if !known.contains(&name.as_str()) {
            return Err(format!(
                "unknown parameter {name:?} in the URL: expected one of {}",
                known.join(", ")
            ));
        }
    }
    let selftest = parameters.get("selftest").map(|pairs| {
        pairs
            .parse()
            .map_err(|_| format!("parameter selftest in the URL: expected a whole number of pairs, found {pairs:?}"))
    });
    let all = |name: &str| {
        parameters
            .get_all(name)
            .iter()
            .filter_map(|value| value.as_string())
            .collect()
    };
    Ok(Query {
        runner: parameters.get("runner"),
        selftest: selftest.transpose()?,
        choice: Choice {
            models: all("model"),
            engines: all("engine"),
            fields: FIELDS
                .into_iter()
                .filter_map(|name| Some((name, parameters.get(name)?)))
                .collect(),
        },
        run: parameters.has("run"),
    })
}

/// Writes a choice into the URL, so that the address of this page is a link to it.
pub(super) fn write(choice: &Choice) {
    let Ok(parameters) = UrlSearchParams::new() else { return };
    for model in &choice.models {
        parameters.append("model", model);
    }
    for engine in &choice.engines {
        parameters.append("engine", engine);
    }
    for (name, value) in &choice.fields {
        parameters.append(name, value);
    }
    let query = String::from(parameters.to_string());
    let path = location().pathname().unwrap_or_default();
    let address = if query.is_empty() {
        path
    } else {
        format!("{path}?{query}")
    };
    show_address(&address);
}

/// Shows an address of this page as its own.
pub(super) fn show_address(address: &str) {
    // A page in a sandbox may not change its address, and works without.
    if let Ok(history) = super::browser_info::window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(address));
    }
}

/// The page's address without parameters.
pub(super) fn address() -> String {
    let location = location();
    format!(
        "{}{}",
        location.origin().unwrap_or_default(),
        location.pathname().unwrap_or_default()
    )
}

/// The fragment of the page's address, with its `#`.
pub(super) fn fragment() -> String {
    location().hash().unwrap_or_default()
}

/// Whether a page of the same site led here. Links from elsewhere start nothing.
pub(super) fn is_from_here() -> bool {
    let origin = location().origin().unwrap_or_default();
    document().referrer().starts_with(&format!("{origin}/"))
}

/// The page's URL.
pub(super) fn url() -> String {
    location().href().unwrap_or_default()
}

fn location() -> web_sys::Location {
    let window: web_sys::Window = js_sys::global().unchecked_into();
    window.location()
}
