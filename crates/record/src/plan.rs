use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DType, EngineName, Load, Transport};

/// What to measure and by which rules. The same file drives native runs and browsers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Short name, shown in reports.
    pub name: String,
    /// What the plan is for, in a sentence or two.
    #[serde(default)]
    pub description: String,
    /// Seed of the generated inputs and of the order of cells.
    #[serde(default)]
    pub seed: u64,
    /// When warm-up and sampling end.
    #[serde(default)]
    pub rules: Rules,
    /// In browsers, also measure interop (calls and copies between JavaScript, wasm, workers and
    /// WebGPU) and how fast the page responds while its slowest single-threaded cell runs.
    #[serde(rename = "boundary", default, skip_serializing_if = "std::ops::Not::not")]
    pub interop: bool,
    /// What the report answers. Without any, what the sizes and loads of the plan ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// Times within which a run has to end, in milliseconds. The report says which cells keep to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budgets_ms: Vec<u64>,
    /// Round trips of a network, in milliseconds, that reports add to requests that a server answers. Nothing waits for
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub round_trips_ms: Vec<u64>,
    /// What others reported about the same experiment. Never compared with what is measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reported: Vec<Reported>,
    /// What to measure.
    #[serde(rename = "cell")]
    pub cells: Vec<CellPlan>,
}

/// A figure that others reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    /// What it is a figure of.
    pub what: String,
    /// The figure, with its unit.
    pub value: String,
    /// Machine and software.
    #[serde(rename = "on")]
    pub place: String,
}

impl Plan {
    /// Whether the report answers a question.
    pub fn asks(&self, question: Question) -> bool {
        match question {
            _ if self.questions.contains(&question) => true,
            // Asked by whoever profiles runs or sends requests, whatever the plan is for.
            Question::Operators => self.rules.profiled_runs > 0,
            Question::Transport => self.cells.iter().any(|cell| cell.transport.is_some()),
            _ if !self.questions.is_empty() => false,
            Question::Budgets => !self.budgets_ms.is_empty(),
            Question::Batch | Question::Load | Question::Chunks | Question::Precision => true,
            // Most plans have cells that these could be asked of.
            Question::Speedup | Question::Threads | Question::Cold | Question::Floor | Question::Stability => false,
        }
    }

    /// A plan with the default rules.
    pub fn new(name: impl Into<String>, cells: Vec<CellPlan>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            seed: 0,
            rules: Rules::default(),
            interop: false,
            questions: vec![],
            budgets_ms: vec![],
            round_trips_ms: vec![],
            reported: vec![],
            cells,
        }
    }
}

/// What a plan is measured for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// How much faster the GPU is than the CPU.
    Speedup,
    /// Which of [`Plan::budgets_ms`] are met, and what would have to fall.
    Budgets,
    /// Which batch size is best, and where throughput collapses.
    Batch,
    /// How many threads are best.
    Threads,
    /// Where a model is saturated, and what dynamic batching gains.
    Load,
    /// What it costs that requests are sent to a server.
    Transport,
    /// What the first result costs more than later ones.
    Cold,
    /// Which chunk size is best.
    Chunks,
    /// What the harness itself takes.
    Floor,
    /// Whether fewer bits are worth it.
    Precision,
    /// How steady runs are, and which of what was watched explains it.
    Stability,
    /// Which operators take the time of a run, what bounds them, and what the browser costs each.
    Operators,
}

/// One workload on a list of engines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CellPlan {
    /// Name of a built-in model, path of an `.onnx` file, or `https` URL of one. Built-in models that
    /// run one after the other are joined by `+`.
    pub model: String,
    /// Engines to measure it on. An empty list stands for the engines that suit the environment.
    /// The record then lists them.
    #[serde(default)]
    pub engines: Vec<EngineName>,
    /// Dimensions of inputs whose shape the model leaves open, by input name.
    #[serde(default)]
    pub shapes: BTreeMap<String, Vec<usize>>,
    /// How the workload differs from the model as it is.
    #[serde(default, skip_serializing_if = "WorkloadOptions::is_default")]
    pub options: WorkloadOptions,
    /// How requests arrive. `None`: a run starts when the one before it has ended, and only runs are
    /// timed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// How requests reach the model. `None`: it runs in the process or worker that measures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    /// CPU threads: one cell for each number. Threads in a browser need a cross-origin isolated
    /// page. Node runs on one thread, and GPU engines ignore the list.
    #[serde(default = "one_thread")]
    pub threads: Vec<usize>,
    /// Natively, also measure with narrower vector instructions, one cell for each: `avx512`,
    /// `fma`, `sse2` or `neon`. Only engines whose registry row lists them can be limited. These
    /// cells use the smallest number of threads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vector_limits: Vec<String>,
    /// In browsers, also measure the module with relaxed SIMD on one thread, if the engine ships
    /// one. Its fused multiply-add rounds as the processor does, so the last digits of results
    /// depend on the machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub relaxed_simd: bool,
    /// Natively, also measure GPU engines with kernels in WGSL, the language that browsers take, if
    /// the platform's compiler takes another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wgsl: bool,
    /// Largest accepted difference from the reference, where it differs from tare's own table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tolerance: Tolerance,
}

impl CellPlan {
    /// A model on the engines that suit the environment, on one thread.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            engines: vec![],
            shapes: BTreeMap::new(),
            options: WorkloadOptions::default(),
            load: None,
            transport: None,
            threads: one_thread(),
            vector_limits: vec![],
            relaxed_simd: false,
            wgsl: false,
            tolerance: Tolerance::new(),
        }
    }
}

/// How a workload differs from the model as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WorkloadOptions {
    /// Items per run.
    pub batch: Option<usize>,
    /// Name of the open dimension that holds the items. Without it, the first dimension of every
    /// input does.
    pub batch_dim: Option<String>,
    /// Sampling steps, for models that sample.
    pub steps: Option<usize>,
    /// Points per call of the decoder, for models that decode in chunks.
    pub chunk: Option<usize>,
    /// How the weights are stored. `None`: as the model has them.
    pub precision: Option<Precision>,
}

/// How the weights of a model are stored, and how it is computed, if not as the model has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// In f16.
    F16Weights,
    /// In f16, and computed in f16.
    F16,
    /// In int8 with a scale for each output channel.
    Int8Weights,
    /// The same for matrix products, which are computed in int8 too: their other operand is quantized as it comes.
    Int8Dynamic,
}

impl Precision {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Precision; 4] = [
        Precision::F16Weights,
        Precision::F16,
        Precision::Int8Weights,
        Precision::Int8Dynamic,
    ];

    /// The name in plans and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Precision::F16Weights => "f16-weights",
            Precision::F16 => "f16",
            Precision::Int8Weights => "int8-weights",
            Precision::Int8Dynamic => "int8-dynamic",
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl WorkloadOptions {
    /// Whether everything is as the model has it.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn one_thread() -> Vec<usize> {
    vec![1]
}

/// Largest accepted difference from the reference, as a share of the reference's largest magnitude,
/// by element type of the output. Outputs of types that are absent must be equal.
pub type Tolerance = BTreeMap<DType, f64>;

/// When warm-up and sampling of a cell end. Times and sample counts are totals over all rounds,
/// which share them equally.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// How many processes or workers measure a cell, one after the other, interleaved with those of
    /// other cells. Several are needed because two processes that run the same code differ by more
    /// than the samples of one process show.
    pub rounds: usize,
    /// Minimum sampling time, in milliseconds.
    pub min_time_ms: u64,
    /// Minimum sample count.
    pub min_samples: usize,
    /// Sample until half the width of the median's 95 % interval is at most this percentage of the
    /// median.
    pub precision_percent: u32,
    /// Time after which sampling ends even if the precision is not reached, in milliseconds.
    pub max_time_ms: u64,
    /// Maximum sample count.
    pub max_samples: usize,
    /// Minimum number of warm-up runs of each round.
    pub min_warmup_runs: usize,
    /// Minimum warm-up time of each round, in milliseconds.
    pub min_warmup_ms: u64,
    /// Runs of each round that are timed node by node, after the samples.
    pub profiled_runs: u32,
    /// In a run over several environments, cells that are compared get no more rounds once half the
    /// width of the 95 % interval of every ratio between them is at most this percentage of the
    /// ratio. 0 stands for all rounds.
    pub ratio_precision_percent: u32,
    /// Time limit of one round, in seconds. A round that reaches it is stopped, and its cell is
    /// recorded as timed out.
    pub cell_limit_s: u64,
    /// Time limit of all rounds of a cell, in seconds: another round starts only if it is expected
    /// to end within it. Defaults to `cell_limit_s`.
    pub rounds_limit_s: Option<u64>,
    /// Memory that the process of a cell may have, natively and in Node on Linux, in MiB. `None`: nine tenths of what
    /// the machine has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit_mib: Option<u64>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            rounds: 5,
            min_time_ms: 2_000,
            min_samples: 10,
            precision_percent: 2,
            max_time_ms: 20_000,
            max_samples: 1_000,
            min_warmup_runs: 2,
            min_warmup_ms: 300,
            profiled_runs: 0,
            ratio_precision_percent: 2,
            cell_limit_s: 120,
            rounds_limit_s: None,
            memory_limit_mib: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_on_request_is_answered_whatever_the_plan_is_for() {
        let mut plan = Plan {
            questions: vec![Question::Batch],
            ..Plan::new("batch", vec![CellPlan::new("tiny")])
        };
        let asked = |plan: &Plan| [Question::Batch, Question::Operators, Question::Transport].map(|q| plan.asks(q));
        assert_eq!(asked(&plan), [true, false, false]);
        plan.rules.profiled_runs = 5;
        plan.cells[0].transport = Some(Transport::Http);
        assert_eq!(asked(&plan), [true, true, true]);
    }
}
