//! Whether burn can use WebGPU here, and what must be changed before it does: `web/scripts/webgpu.js`.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/scripts/webgpu.js")]
extern "C" {
    /// An empty string if burn can use WebGPU, the reason otherwise.
    #[cfg(feature = "page")]
    #[wasm_bindgen(catch, js_name = whyNoWebGpu)]
    async fn why_no_webgpu(scope: &JsValue) -> Result<JsValue, JsValue>;

    /// The name of the adapter if it computes on the CPU, an empty string otherwise.
    #[cfg(feature = "page")]
    #[wasm_bindgen(catch, js_name = softwareAdapter)]
    async fn software_adapter(scope: &JsValue) -> Result<JsValue, JsValue>;

    /// Like `whyNoWebGpu`, and makes WebGPU ready for burn.
    #[cfg(feature = "burn-wgpu")]
    #[wasm_bindgen(catch, js_name = prepareWebGpu)]
    async fn prepare_webgpu(scope: &JsValue) -> Result<JsValue, JsValue>;
}

/// Why burn cannot use WebGPU here; `None` if it can.
#[cfg(feature = "page")]
pub(crate) async fn unusable() -> Option<String> {
    reason(why_no_webgpu(&js_sys::global()).await)
}

/// Why WebGPU, though usable, is not what a user would choose; `None` on a GPU.
#[cfg(feature = "page")]
pub(crate) async fn slow() -> Option<String> {
    let name = reason(software_adapter(&js_sys::global()).await)?;
    Some(format!(
        "the graphics adapter of this browser ({name}) computes on the CPU"
    ))
}

/// Makes WebGPU ready for burn, or says why it cannot use it.
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
