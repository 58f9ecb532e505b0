//! Reads the parameters of the page's URL.

use wasm_bindgen::JsCast;

use crate::exception;

/// The parameters of the URL.
pub(super) struct Query {
    /// The token of a runner, which this page carries out requests for.
    pub(super) runner: Option<String>,
    /// Number of pairs of a self-test.
    pub(super) selftest: Option<u32>,
}

/// Reads the query of the URL. An unknown parameter is an error.
pub(super) fn query() -> Result<Query, String> {
    let window: web_sys::Window = js_sys::global().unchecked_into();
    let search = window.location().search().unwrap_or_default();
    let parameters = web_sys::UrlSearchParams::new_with_str(&search).map_err(|error| exception(&error))?;
    for name in js_sys::Object::keys(&js_sys::Object::from_entries(&parameters).unwrap_or_default()).iter() {
        let name = name.as_string().unwrap_or_default();
        if !["runner", "selftest"].contains(&name.as_str()) {
            return Err(format!(
                "unknown parameter {name:?} in the URL: expected runner or selftest"
            ));
        }
    }
    let selftest = parameters.get("selftest").map(|pairs| {
        pairs
            .parse()
            .map_err(|_| format!("parameter selftest in the URL: expected a whole number of pairs, found {pairs:?}"))
    });
    Ok(Query {
        runner: parameters.get("runner"),
        selftest: selftest.transpose()?,
    })
}

/// The page's URL.
pub(super) fn url() -> String {
    let window: web_sys::Window = js_sys::global().unchecked_into();
    window.location().href().unwrap_or_default()
}
