//! Checks whether burn can use WebGPU in this browser, and prepares WebGPU for it. See
//! `web/scripts/webgpu.js`.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/scripts/webgpu.js")]
extern "C" {
    /// Resolves to an empty string if burn can use WebGPU, and to the reason otherwise.
    #[cfg(feature = "page")]
    #[wasm_bindgen(catch, js_name = whyNoWebGpu)]
    async fn why_no_webgpu(scope: &JsValue) -> Result<JsValue, JsValue>;

    /// Resolves to the name of the adapter if it computes on the CPU, and to an empty string
    /// otherwise.
    #[cfg(feature = "page")]
    #[wasm_bindgen(catch, js_name = softwareAdapter)]
    async fn software_adapter(scope: &JsValue) -> Result<JsValue, JsValue>;

    /// Like `whyNoWebGpu`, but also prepares WebGPU for burn.
    #[cfg(feature = "burn-wgpu")]
    #[wasm_bindgen(catch, js_name = prepareWebGpu)]
    async fn prepare_webgpu(scope: &JsValue) -> Result<JsValue, JsValue>;
}

/// The reason why burn cannot use WebGPU in this browser, or `None` if it can.
#[cfg(feature = "page")]
pub(crate) async fn unusable() -> Option<String> {
    reason(why_no_webgpu(&js_sys::global()).await)
}

/// The reason why WebGPU is slow in this browser, or `None` if it runs on a GPU.
#[cfg(feature = "page")]
pub(crate) async fn slow() -> Option<String> {
    let name = reason(software_adapter(&js_sys::global()).await)?;
    Some(format!(
        "the graphics adapter of this browser ({name}) computes on the CPU"
    ))
}

/// Prepares WebGPU for burn. Returns the reason if burn cannot use it.
#[cfg(feature = "burn-wgpu")]
pub(crate) async fn prepare() -> Option<String> {
    reason(prepare_webgpu(&js_sys::global()).await)
}

fn reason(answer: Result<JsValue, JsValue>) -> Option<String> {
    match answer {
        Ok(text) => text.as_string().filter(|reason| !reason.is_empty()),
        Err(error) => Some(format!("WebGPU failed: {}", crate::exception(&error))),
    }
}
