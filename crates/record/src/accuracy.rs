use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a model with converted weights computes differently from the model as it is, over many inputs. Both ran on the
/// engine that computes references, natively.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    /// Inputs that both ran with.
    pub inputs: u64,
    /// Rows of the last axis of the first output, over all inputs.
    pub rows: u64,
    /// Rows whose largest element has the same index.
    pub same_top1: u64,
    /// Rows whose five largest elements have the same indices, in any order.
    pub same_top5: u64,
    /// Largest absolute difference of any output, as a share of the largest magnitude of the output in f32.
    pub max_scaled: f64,
    /// Smallest cosine between an output and the one in f32.
    pub worst_cosine: f64,
    /// Inputs whose label is the index of the largest element, in f32 and converted, if labels are known.
    pub right: Option<[u64; 2]>,
}

impl Default for Accuracy {
    fn default() -> Self {
        Self {
            inputs: 0,
            rows: 0,
            same_top1: 0,
            same_top5: 0,
            max_scaled: 0.0,
            worst_cosine: 1.0,
            right: None,
        }
    }
}
