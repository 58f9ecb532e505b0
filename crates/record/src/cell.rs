use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Adapter, EngineName, EnvironmentKind, Failure, TensorInfo, Warning};

/// One workload on one rung under one load pattern: what was measured, or why it was not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The model; its hash is absent if the bytes could not be had.
    pub model: ModelInfo,
    /// The inputs that were fed, in the model's order.
    pub inputs: Vec<TensorInfo>,
    /// The code that executed the model.
    pub engine: EngineInfo,
    /// Where and how it was executed.
    #[serde(rename = "rung")]
    pub configuration: Configuration,
    /// How requests arrived.
    pub load: LoadPattern,
    /// The graphics adapter, for engines that use one.
    pub adapter: Option<Adapter>,
    /// Kernels that a run launches on the device once they are chosen, by name, with how often; for tract those of its matrix products.
    #[serde(default)]
    pub kernels: BTreeMap<String, u64>,
    /// Steps before the steady state of the first round, in the order in which they happened.
    pub phases: Vec<Phase>,
    /// What is downloaded for the cell beside the model: the module of its worker, outside native processes.
    #[serde(default)]
    pub module: Option<ModuleSize>,
    /// Runs that each sample holds: more than one where the clock is coarse.
    pub runs_per_sample: u32,
    /// Length of every sample, in order; each holds `runs_per_sample` runs.
    pub samples_ns: Vec<u64>,
    /// The rounds that the samples come from, in order; none in records of one round.
    #[serde(default)]
    pub rounds: Vec<Round>,
    /// How long the device computed in runs that followed the samples, by its own clock; none without such a clock.
    #[serde(default)]
    pub device_runs_ns: Vec<u64>,
    /// Parts of a run, in order, if the model is of several networks.
    #[serde(default)]
    pub stages: Vec<StageInfo>,
    /// Work on the host that follows the network in an application, such as decoding boxes. Not part of a run.
    #[serde(rename = "host_stage", default)]
    pub post_processing: Option<StageInfo>,
    /// What was computed and how it compares with the reference.
    pub verification: Option<Verification>,
    /// Memory, where the environment tells.
    pub memory: Memory,
    /// How fast the processor was around the cell.
    #[serde(rename = "speed", default)]
    pub calibration: Option<CpuCalibration>,
    /// Measured, or why not.
    pub status: Status,
    /// What a reader must know beside the figures.
    pub warnings: Vec<Warning>,
}

/// What a wasm module weighs, and how soon a browser that knows it has it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ModuleSize {
    /// As it is compiled.
    pub raw_bytes: u64,
    /// Compressed by gzip, as well as it can.
    pub gzip_bytes: Option<u64>,
    /// Compressed by brotli, as well as it can; of modules as they ship.
    pub brotli_bytes: Option<u64>,
    /// How long a browser takes to have it from its cache, where it has one.
    #[serde(default)]
    pub cached_ns: Option<u64>,
}

/// What one process or worker measured of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// Samples it took: those that follow the earlier rounds' in the cell.
    pub samples: usize,
    /// Its steps before the steady state.
    pub phases: Vec<Phase>,
    /// How fast the processor was around it.
    #[serde(rename = "speed")]
    pub calibration: Option<CpuCalibration>,
}

/// A piece of work that is timed apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageInfo {
    /// What it is, in a word or two.
    pub name: String,
    /// What it did: boxes that it found, sampling steps that it took, chunks that it queried.
    pub results: usize,
    /// What each round measured.
    pub rounds: Vec<StageRound>,
}

/// What one process or worker measured of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageRound {
    /// Runs that each sample holds.
    pub runs_per_sample: u32,
    /// Length of every sample, in order.
    pub samples_ns: Vec<u64>,
}

/// Time of a fixed piece of work, the same in every cell of a record: longer on a machine that throttles or is busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CpuCalibration {
    /// Before the cell.
    pub before_ns: u64,
    /// After it.
    pub after_ns: u64,
}

/// The identity of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelInfo {
    /// Name of the built-in model, or the file's name.
    pub name: String,
    /// SHA-256 of the ONNX bytes, computed where they were used.
    pub sha256: Option<String>,
    /// Size of the ONNX bytes.
    pub size_bytes: Option<u64>,
}

/// The identity of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineInfo {
    /// Which engine.
    pub name: EngineName,
    /// Version of the library.
    pub version: String,
    /// How it was built and set up, for example `fusion: on`.
    pub settings: BTreeMap<String, String>,
}

/// Where and how an engine ran.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Native process or browser.
    pub environment: EnvironmentKind,
    /// CPU threads that computed.
    pub threads: usize,
    /// Widest vector instructions that the engine could use, in its own word, for example `avx512`.
    pub vector_level: String,
    /// Vector instructions that the engine was limited to, if it was: `vector_level` says what it then used.
    #[serde(default)]
    pub vector_limit: Option<String>,
    /// Graphics API, for engines on the GPU.
    pub graphics_api: Option<String>,
    /// Language that kernels were given to the driver in, for example `wgsl`.
    pub shader_language: Option<String>,
    /// Whether they were asked for in WGSL, though the platform's own compiler takes another language.
    #[serde(default)]
    pub wgsl_asked: bool,
}

/// How requests arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadPattern {
    /// Items per request.
    pub batch: usize,
}

/// A step on the way to the steady state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Which step.
    pub name: PhaseName,
    /// How long it took.
    pub duration_ns: u64,
}

/// Steps that are timed apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PhaseName {
    /// Fetching the engine's code.
    Download,
    /// Compiling the engine's code.
    Compile,
    /// Instantiating the engine's code.
    Instantiate,
    /// Starting a wasm module's threads.
    Threads,
    /// Starting a native process until its first line runs.
    Spawn,
    /// Making or reading the model bytes.
    Model,
    /// Opening the graphics adapter and device.
    Device,
    /// Reading the ONNX graph.
    Parse,
    /// Turning the graph into what the engine runs.
    #[serde(rename = "optimise")]
    Optimize,
    /// Moving the weights to where they are used.
    Upload,
    /// The first inference.
    FirstRun,
    /// Inferences while kernels were still being chosen.
    Tuning,
    /// Inferences before sampling began.
    WarmUp,
    /// The sampled inferences.
    Steady,
}

impl PhaseName {
    /// The name in records and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            PhaseName::Download => "download",
            PhaseName::Compile => "compile",
            PhaseName::Instantiate => "instantiate",
            PhaseName::Threads => "threads",
            PhaseName::Spawn => "spawn",
            PhaseName::Model => "model",
            PhaseName::Device => "device",
            PhaseName::Parse => "parse",
            PhaseName::Optimize => "optimize",
            PhaseName::Upload => "upload",
            PhaseName::FirstRun => "first run",
            PhaseName::Tuning => "tuning",
            PhaseName::WarmUp => "warm-up",
            PhaseName::Steady => "steady",
        }
    }
}

/// How the outputs of all runs compare with the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// What the outputs were compared with.
    pub reference: String,
    /// Largest difference that counts as agreement, as a share of the reference's largest magnitude.
    pub tolerance: f64,
    /// Outputs of the last verified run.
    pub outputs: Vec<OutputInfo>,
    /// Digest of all outputs together, with the number of timed runs that gave it.
    pub digests: Vec<DigestCount>,
}

/// One output and its distance from the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputInfo {
    /// Name, type, shape and hash.
    pub tensor: TensorInfo,
    /// Distance from the reference: the largest of all runs.
    pub drift: Drift,
    /// Positions of the five largest elements of the first row of the last axis, largest first.
    pub top: Vec<usize>,
    /// Elements that another environment's outputs are compared with; `None` in records of earlier builds.
    #[serde(rename = "probe", default)]
    pub sample: Option<OutputSample>,
}

/// Some elements of an output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputSample {
    /// Magnitude of the largest element of all.
    pub largest: f64,
    /// Up to 64 elements, evenly spaced in row-major order, from the first on.
    pub values: Vec<f64>,
}

/// Distance of a tensor from its reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// Largest absolute difference.
    pub max_abs: f64,
    /// Largest absolute difference as a share of the reference's largest magnitude.
    pub max_scaled: f64,
    /// Largest difference as a share of the reference's element, over elements that are at least a thousandth of the
    /// reference's largest magnitude: smaller ones are mostly rounding.
    #[serde(default)]
    pub max_relative: f64,
    /// Elements by their distance in units in the last place: entry 0 counts equal ones, entry `k` those that are
    /// 2^(k-1) to 2^k - 1 units apart. Of several different outputs of one cell, all are counted.
    #[serde(default)]
    pub ulp_counts: Vec<u64>,
    /// Cosine of the angle between the two, 1 for the same direction; 1 where both are zero.
    pub cosine: f64,
    /// Whether the five largest elements of every row of the last axis are the same, in the same order.
    pub same_top: bool,
}

/// How many timed runs gave a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DigestCount {
    /// Digest of all outputs of a run.
    pub sha256: String,
    /// Timed runs that gave it.
    pub runs: u64,
}

/// Memory that a cell took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Largest resident set of the process.
    pub resident_peak_bytes: Option<u64>,
    /// wasm linear memory, which never shrinks.
    pub wasm_linear_bytes: Option<u64>,
    /// The same, or the largest resident set, when the model was loaded and before it ran.
    #[serde(default)]
    pub loaded_bytes: Option<u64>,
    /// What the browser counts for the page and its workers together, JavaScript's heap with it, when the cell had been measured.
    #[serde(default)]
    pub browser_bytes: Option<u64>,
    /// Memory that the engine holds on the device.
    pub device_bytes: Option<u64>,
}

/// Whether a cell was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Status {
    /// All samples were taken and every output was verified.
    Measured,
    /// It could not be measured.
    Failed(Failure),
    /// It was stopped at its time limit; samples taken until then are kept.
    TimedOut(Failure),
    /// The user stopped the run; samples taken until then are kept.
    Cancelled,
}
