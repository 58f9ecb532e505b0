//! What crossings cost in this browser: measured in JavaScript, because that is one side of each.

use tare_record::{Record, Warning, WarningKind};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/workers/boundary.js")]
extern "C" {
    /// Resolves to JSON of a list of [`tare_record::BoundaryCost`].
    #[wasm_bindgen(js_name = boundaryCosts, catch)]
    async fn boundary_costs() -> Result<JsValue, JsValue>;
}

/// Measures, and adds what came of it; a failure becomes a warning.
pub(super) async fn add(record: &mut Record) {
    let measured = match boundary_costs().await {
        Ok(json) => serde_json::from_str(&json.as_string().unwrap_or_default()).map_err(|error| error.to_string()),
        Err(error) => Err(crate::exception(&error)),
    };
    match measured {
        Ok(costs) => record.boundary = costs,
        Err(error) => record.warnings.push(Warning {
            kind: WarningKind::FewSamples,
            message: format!("what crossings cost was not measured: {error}"),
        }),
    }
}
