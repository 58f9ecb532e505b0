use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Situation;

/// What a busy loop says: a script that runs a model again and again while a page is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum BusyLoopEvent {
    /// It is ready for a request.
    Ready,
    /// The model is loaded, and its first run begins.
    Loaded,
    /// The time is over.
    Done {
        /// Runs that ended.
        runs: u32,
    },
    /// It cannot go on.
    Failed {
        /// Why.
        message: String,
    },
}

/// What was seen of a page while it was watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PageWatch {
    /// Where a model ran meanwhile.
    pub situation: Situation,
    /// Runs that ended meanwhile.
    pub runs: u32,
    /// Time between two frames, in order.
    pub frames_ns: Vec<u64>,
    /// From when a message was sent to the page until it arrived, as a browser reports a key or a click.
    pub delays_ns: Vec<u64>,
}
