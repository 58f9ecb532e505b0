//! Measures the cost of interop in this browser. The measurement is in JavaScript, because
//! JavaScript is one side of each operation.

use tare_record::InteropCost;
use wasm_bindgen::prelude::*;

use crate::message::from_js;

#[wasm_bindgen(module = "/scripts/interop.js")]
extern "C" {
    /// Resolves to a list of [`InteropCost`].
    #[wasm_bindgen(js_name = interopCosts, catch)]
    async fn interop_costs() -> Result<JsValue, JsValue>;
}

/// Measures the costs.
pub(super) async fn costs() -> Result<Vec<InteropCost>, String> {
    let costs = interop_costs().await.map_err(|error| crate::exception(&error))?;
    from_js(costs).map_err(|error| error.to_string())
}
