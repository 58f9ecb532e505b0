use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Plan;

/// What a driver asks a page to measure. The page fetches it from the server that it was loaded
/// from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// What to measure and how.
    pub plan: Plan,
    /// Files that the plan's models name.
    pub models: Vec<JobModel>,
    /// URL of the encoded input tensors for all cells, if the user gave inputs.
    pub inputs: Option<String>,
}

/// A model file that the driver serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobModel {
    /// Its name in the plan.
    pub name: String,
    /// Where the page fetches it from.
    pub url: String,
}
