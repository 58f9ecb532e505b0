use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Durations of the steps of loading a wasm module, in milliseconds like JavaScript's clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LoadMs {
    /// Fetching its bytes, or reading them from disk.
    pub download: f64,
    /// Compiling them.
    pub compile: f64,
    /// Instantiating the module.
    pub instantiate: f64,
    /// Starting its threads, if it has any.
    pub threads: Option<f64>,
}
