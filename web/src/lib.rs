//! The page and its workers: all code that depends on a browser.
//!
//! The page never runs inference, and a worker never touches the document. Each worker module holds
//! one engine and serves one request. The page starts a fresh worker for every round of a cell.

mod clock;
mod message;
#[cfg(feature = "page")]
pub mod page;
#[cfg(any(feature = "page", feature = "burn-wgpu"))]
mod webgpu;
#[cfg(feature = "worker")]
pub mod worker;

/// Text of a JavaScript exception.
#[cfg(any(feature = "page", feature = "worker"))]
fn exception(error: &wasm_bindgen::JsValue) -> String {
    use wasm_bindgen::JsCast as _;
    error
        .dyn_ref::<js_sys::Error>()
        .map_or_else(|| format!("{error:?}"), |error| String::from(error.message()))
}
