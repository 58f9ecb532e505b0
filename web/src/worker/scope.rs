use wasm_bindgen::JsCast as _;
use web_sys::DedicatedWorkerGlobalScope;

/// The global object of the worker.
pub(super) fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}
