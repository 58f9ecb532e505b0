use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Adapter, EngineInfo, ModelInfo, Phase, TensorInfo};

/// What the server of a model says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerFacts {
    /// The model that it runs.
    pub model: ModelInfo,
    /// Inputs of a request, with the hashes of those that the server prepared itself.
    pub inputs: Vec<TensorInfo>,
    /// Names of the outputs.
    pub outputs: Vec<String>,
    /// The engine.
    pub engine: EngineInfo,
    /// Phases of loading the model.
    pub phases: Vec<Phase>,
    /// Number of CPU threads that compute.
    pub threads: usize,
    /// Widest vector instructions that the engine uses.
    pub vector_level: String,
    /// Graphics adapter, for engines that use one.
    pub adapter: Option<Adapter>,
    /// Language of the kernels that the driver receives.
    pub shader_language: Option<String>,
    /// What the engine detected or decided when it loaded the model, by name.
    pub settings: BTreeMap<String, String>,
    /// Kernels that a run launches, with the number of launches by kernel name.
    pub kernels: BTreeMap<String, u64>,
}
