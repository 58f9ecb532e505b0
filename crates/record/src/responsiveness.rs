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
    /// Runs that ended meanwhile.
    pub runs: u64,
    /// Time between two frames, in order.
    pub frames_ns: Vec<u64>,
    /// From when a message was sent to the page, as a browser tells it of a key or a click, until it heard of it.
    pub delays_ns: Vec<u64>,
}

/// Where a model runs while the page is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum Situation {
    /// Nowhere.
    Idle,
    /// In a worker.
    Worker,
    /// On the page's main thread, with a pause after every run.
    MainThread,
}
