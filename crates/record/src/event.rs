use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Accuracy, BuildInfo, Cell, ClockInfo, Failure, Phase, TensorInfo};

/// A message from a worker or child process.
///
/// Tagged by its key: with a tag inside, serde would compile another way to read a [`Cell`] into the
/// page, 95 kB.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// It is ready for a request.
    Ready {
        /// Phases until it was ready.
        phases: Vec<Phase>,
    },
    /// The cell is being measured.
    Progress {
        /// How far the measurement is.
        progress: Progress,
        /// What has been measured and verified so far.
        cell: Box<Cell>,
    },
    /// The reference was computed. Its inputs and outputs are attached to the message.
    Reference {
        /// Names and hashes of the inputs.
        inputs: Vec<TensorInfo>,
        /// Names and hashes of the outputs.
        outputs: Vec<TensorInfo>,
        /// What converted weights change.
        #[serde(default)]
        accuracy: Option<Accuracy>,
    },
    /// The reference could not be computed.
    NoReference {
        /// Why.
        failure: Failure,
    },
    /// It cannot continue.
    Died {
        /// Its last error message.
        message: String,
    },
    /// The self-test is done.
    SelfTested {
        /// Every check.
        checks: Vec<SelfCheck>,
    },
    /// The cell was measured or failed. The outputs of its last run may be attached to the message.
    Done {
        /// The result.
        cell: Box<Cell>,
    },
}

/// How far a cell is in its current round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The current phase, in the words of [`crate::PhaseName`].
    pub phase: String,
    /// Samples taken so far.
    pub samples: usize,
    /// Share of the sampling that is done, in percent.
    pub percent: u8,
}

/// What a wasm module reports about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ModuleInfo {
    /// How it was built.
    pub build: BuildInfo,
    /// The clock that it reads.
    pub clock: ClockInfo,
}

/// A check of the self-test: a statement that is known to be true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SelfCheck {
    /// The statement.
    pub name: String,
    /// Whether this machine confirmed it.
    pub passed: bool,
    /// The numbers behind the result.
    pub detail: String,
}
