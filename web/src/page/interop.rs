//! Measures the cost of interop in this browser. The measurement is in JavaScript, because
//! JavaScript is one side of each operation.

use tare_record::{Record, Warning, WarningKind};
use wasm_bindgen::prelude::*;

use crate::message::from_js;

#[wasm_bindgen(module = "/scripts/interop.js")]
extern "C" {
    /// Resolves to a list of [`tare_record::InteropCost`].
    #[wasm_bindgen(js_name = interopCosts, catch)]
    async fn interop_costs() -> Result<JsValue, JsValue>;
}

/// Measures the costs and adds them to the record. A failure becomes a warning.
pub(super) async fn add(record: &mut Record) {
    let measured = match interop_costs().await {
        Ok(costs) => from_js(costs).map_err(|error| error.to_string()),
        Err(error) => Err(crate::exception(&error)),
    };
    match measured {
        Ok(costs) => record.interop = costs,
        Err(error) => record.warnings.push(Warning {
            kind: WarningKind::FewSamples,
            message: format!("the cost of interop was not measured: {error}"),
        }),
    }
}
