use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Situation;

/// A message from the busy loop, the script that runs a model repeatedly while a page is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum BusyLoopEvent {
    /// The script is ready for a request.
    Ready,
    /// The model is loaded, and its first run begins.
    Loaded,
    /// The time is up.
    Done {
        /// Completed runs.
        runs: u32,
    },
    /// The script cannot continue.
    Failed {
        /// Why.
        message: String,
    },
}

/// What was observed of a page while it was watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PageWatch {
    /// Where the model ran.
    pub situation: Situation,
    /// Runs that completed during this time.
    pub runs: u32,
    /// Time between successive frames, in order.
    pub frames_ns: Vec<u64>,
    /// Time from sending a message to the page until the page handles it. A browser delivers keys
    /// and clicks in the same way.
    pub delays_ns: Vec<u64>,
}
