//! What the page's address asks for.

use wasm_bindgen::JsCast;

use crate::exception;

/// What the address asks for.
pub(super) struct Queries {
    /// Address of a job.
    pub(super) job: Option<String>,
    /// Pairs of a self-test.
    pub(super) selftest: Option<u32>,
}

/// Reads the address's query. A parameter that is not known is an error, not something to ignore.
pub(super) fn queries() -> Result<Queries, String> {
    let window: web_sys::Window = js_sys::global().unchecked_into();
    let search = window.location().search().unwrap_or_default();
    let parameters = web_sys::UrlSearchParams::new_with_str(&search).map_err(|error| exception(&error))?;
    for name in js_sys::Object::keys(&js_sys::Object::from_entries(&parameters).unwrap_or_default()).iter() {
        let name = name.as_string().unwrap_or_default();
        if !["job", "selftest"].contains(&name.as_str()) {
            return Err(format!(
                "the address has a parameter {name:?} that this page does not know: expected job or selftest"
            ));
        }
    }
    let selftest = parameters.get("selftest").map(|pairs| {
        pairs
            .parse()
            .map_err(|_| format!("the address asks for a self-test of {pairs:?} pairs: expected a whole number"))
    });
    Ok(Queries {
        job: parameters.get("job"),
        selftest: selftest.transpose()?,
    })
}

/// The page's address.
pub(super) fn address() -> String {
    let window: web_sys::Window = js_sys::global().unchecked_into();
    window.location().href().unwrap_or_default()
}
