use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Cell, ClockFacts, EngineName, EnvironmentKind, Failure, Phase, Plan, Rules, TensorFacts, Tolerance, Tool};

/// Where a model's bytes come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ModelSource {
    /// Made by the program itself.
    BuiltIn {
        /// Name of the model.
        name: String,
    },
    /// A file that a process reads itself.
    File {
        /// Path of the file.
        path: String,
    },
    /// Bytes that travel beside the message.
    Attached {
        /// Name of the file that the bytes came from.
        name: String,
    },
}

impl ModelSource {
    /// The name that records and reports use: a file's without its folders.
    pub fn display_name(&self) -> &str {
        match self {
            ModelSource::BuiltIn { name } | ModelSource::Attached { name } => name,
            ModelSource::File { path } => path.rsplit(['/', '\\']).next().unwrap_or(path),
        }
    }
}

/// Asks a worker or child process to measure one cell.
///
/// Tensors travel beside it as bundles (`tare_core::bundle`): given inputs, and the reference outputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CellRequest {
    /// The engine to run on.
    pub engine: EngineName,
    /// Native process or browser.
    pub environment: EnvironmentKind,
    /// The model.
    pub model: ModelSource,
    /// Shapes given by the user, by input name.
    pub shapes: BTreeMap<String, Vec<usize>>,
    /// Seed of inputs that were not given.
    pub seed: u64,
    /// CPU threads.
    pub threads: usize,
    /// Vector instructions to limit the engine to, if any, as in [`crate::CellPlan::vector_limits`].
    pub vector_limit: Option<String>,
    /// Whether to take the engine's module with relaxed SIMD, as in [`crate::CellPlan::relaxed_simd`].
    #[serde(default)]
    pub relaxed_simd: bool,
    /// Whether to have kernels in WGSL, as in [`crate::CellPlan::wgsl`].
    #[serde(default)]
    pub wgsl: bool,
    /// Which of the rounds this is, counted from 1.
    pub round: usize,
    /// Runs that each sample holds, if an earlier round has decided it.
    pub runs_per_sample: Option<u32>,
    /// When warm-up and sampling of this round end; `rounds` is that of the plan.
    pub rules: Rules,
    /// What counts as agreement with the reference: all that applies to the model.
    pub tolerance: Tolerance,
    /// What to do: run once for the outputs, or measure.
    pub stage: Stage,
    /// The engine that computed the reference.
    pub reference: EngineName,
    /// The clock of the environment, as measured at the start of the run.
    pub clock: ClockFacts,
}

/// What a worker's module says of itself where it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModuleFacts {
    /// How it was built.
    pub tool: Tool,
    /// The clock that it reads.
    pub clock: ClockFacts,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Run once and return inputs and outputs: they become the reference.
    Reference,
    /// Measure and verify against the reference.
    Measure,
}

/// What a worker or child process says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// It is ready for a request; `phases` are the steps until then.
    Ready {
        /// Steps until it was ready.
        phases: Vec<Phase>,
    },
    /// The cell goes on; `cell` holds what was measured and verified until now.
    Progress {
        /// How far it is.
        progress: Progress,
        /// What would be kept if it ended here.
        cell: Box<Cell>,
    },
    /// The reference was computed; inputs and outputs travel beside the message.
    Reference {
        /// Names and hashes of the inputs.
        inputs: Vec<TensorFacts>,
        /// Names and hashes of the outputs.
        outputs: Vec<TensorFacts>,
    },
    /// The reference could not be computed.
    NoReference {
        /// Why.
        failure: Failure,
    },
    /// It cannot go on.
    Died {
        /// What it said last.
        message: String,
    },
    /// The self-test is over.
    SelfTested {
        /// Every truth that was checked.
        checks: Vec<SelfCheck>,
    },
    /// The cell was measured or failed; outputs of the last run may travel beside the message.
    Done {
        /// The result.
        cell: Box<Cell>,
    },
}

/// How far a cell is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// What is going on, in the words of [`crate::PhaseName`].
    pub phase: String,
    /// Samples taken so far.
    pub samples: usize,
    /// Share of the sampling that is done, in percent.
    pub percent: u8,
}

/// What a driver asks a page to measure: fetched by the page from the server that drives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// What to measure and how.
    pub plan: Plan,
    /// Files that the plan's models name.
    pub models: Vec<JobModel>,
    /// Given inputs for all cells, if any: the address of a bundle.
    pub inputs: Option<String>,
}

/// A model file that the driver serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobModel {
    /// As the plan names it.
    pub name: String,
    /// Where the page fetches it.
    pub url: String,
}

/// A known truth, and whether it came out right on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SelfCheck {
    /// What is true.
    pub name: String,
    /// Whether it came out so.
    pub passed: bool,
    /// The figures.
    pub detail: String,
}
