use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::EngineName;

/// How fast a page responded while a model ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Responsiveness {
    /// Where the model ran.
    pub situation: Situation,
    /// The model.
    pub model: String,
    /// The engine that ran it, on one thread.
    pub engine: EngineName,
    /// Runs that completed while the page was watched.
    pub runs: u64,
    /// Time between successive frames, in order.
    pub frames_ns: Vec<u64>,
    /// Time from sending a message to the page until the page handles it. A browser delivers keys
    /// and clicks in the same way.
    pub delays_ns: Vec<u64>,
}

/// Where the model runs while the page is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum Situation {
    /// Nowhere: no model runs.
    Idle,
    /// In a worker.
    Worker,
    /// On the page's main thread, with a pause after every run.
    MainThread,
}
