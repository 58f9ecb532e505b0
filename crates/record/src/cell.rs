use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Accuracy, Adapter, EngineName, EnvironmentKind, Failure, Load, LoadRound, OperatorProfile, TensorInfo, Transport,
    Verification, Warning, WorkloadOptions,
};

/// One workload in one configuration under one load pattern: what was measured, or why nothing was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The model. Its hash is absent if its bytes were not available.
    pub model: ModelInfo,
    /// The inputs, in the model's order.
    pub inputs: Vec<TensorInfo>,
    /// The engine that ran the model.
    pub engine: EngineInfo,
    /// Where and how the engine ran.
    #[serde(rename = "rung")]
    pub configuration: Configuration,
    /// How the workload differs from the model as it is.
    #[serde(default)]
    pub options: WorkloadOptions,
    /// How requests arrived.
    pub load: LoadPattern,
    /// The graphics adapter, for engines that use one.
    pub adapter: Option<Adapter>,
    /// Kernels that a run launches on the device after tuning, with the number of launches by
    /// kernel name. For tract, the kernels of its matrix products.
    #[serde(default)]
    pub kernels: BTreeMap<String, u64>,
    /// Phases of the first round, in the order in which they happened.
    pub phases: Vec<Phase>,
    /// Size of the wasm module that ran the cell. Absent for native processes.
    #[serde(default)]
    pub module: Option<ModuleSize>,
    /// Runs per sample: more than one where the clock is coarse.
    pub runs_per_sample: u32,
    /// Duration of every sample, in order. Each sample holds `runs_per_sample` runs. Under load, the
    /// time of every request from its arrival to its answer.
    pub samples_ns: Vec<u64>,
    /// The rounds that the samples come from, in order. Empty in records of a single round.
    #[serde(default)]
    pub rounds: Vec<Round>,
    /// What became of the requests, for each round, if the cell was measured under load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub load_rounds: Vec<LoadRound>,
    /// Durations of runs by the device's own clock. These runs follow the samples. Empty if the
    /// device has no clock.
    #[serde(default)]
    pub device_runs_ns: Vec<u64>,
    /// Stages of a run, in order, if the model consists of several networks.
    #[serde(default)]
    pub stages: Vec<StageInfo>,
    /// Work on the CPU that follows the network in an application, such as decoding boxes. Not part
    /// of a run.
    #[serde(rename = "host_stage", default)]
    pub post_processing: Option<StageInfo>,
    /// What was computed and how it compares with the reference.
    pub verification: Option<Verification>,
    /// What the converted weights change, if [`Cell::options`] converts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Accuracy>,
    /// Where the time of a run goes, if the plan asks for it and the engine can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<OperatorProfile>,
    /// Memory use, where the environment reports it.
    pub memory: Memory,
    /// Speed of the processor before and after the cell.
    #[serde(rename = "speed", default)]
    pub calibration: Option<CpuCalibration>,
    /// What the browser did meanwhile. Once rounds are joined, each has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<BrowserWatch>,
    /// Whether the cell was measured, and why not.
    pub status: Status,
    /// What a reader must know to judge the numbers.
    pub warnings: Vec<Warning>,
}

/// Size of a wasm module, and how fast the browser loads it again from its cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ModuleSize {
    /// Uncompressed size.
    pub raw_bytes: u64,
    /// Size compressed with gzip at its best level.
    pub gzip_bytes: Option<u64>,
    /// Size compressed with brotli at its best level. Known for release modules only.
    pub brotli_bytes: Option<u64>,
    /// Time to load it from the browser's cache, where there is one.
    #[serde(default)]
    pub cached_ns: Option<u64>,
}

/// What one process or worker measured for a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// Number of this round in its run, starting at 1. Rounds of the same number in records of one
    /// run were measured next to each other. 0 in records of earlier builds.
    #[serde(default)]
    pub number: usize,
    /// When it started: time from the start of the run, by the runner's clock.
    #[serde(default)]
    pub start_ns: Option<u64>,
    /// Sample count of this round. In the cell, its samples follow those of the earlier rounds.
    pub samples: usize,
    /// Phases of this round.
    pub phases: Vec<Phase>,
    /// Speed of the processor before and after this round.
    #[serde(rename = "speed")]
    pub calibration: Option<CpuCalibration>,
    /// What the machine did meanwhile, where the runner can see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineWatch>,
    /// What the browser did meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<BrowserWatch>,
}

/// What a browser did while a round was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BrowserWatch {
    /// Major garbage collections in the worker. While it computes without a pause, several count as one.
    pub collections: Option<u64>,
    /// Whether the tab was hidden for some of the time.
    pub was_hidden: bool,
}

/// What a machine did while a round was measured. Each field is absent where the system does not report it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MachineWatch {
    /// Share of the time of all cores in which they were busy with anything, in thousandths.
    pub busy_permille: Option<u64>,
    /// Share of the time of all cores that other virtual machines took, in thousandths.
    pub steal_permille: Option<u64>,
    /// Frequency of the first core at the end.
    pub frequency_mhz: Option<u64>,
    /// Temperature of the hottest zone at the end, in degrees Celsius.
    pub temperature_celsius: Option<i64>,
    /// How often the first core was throttled because of heat.
    pub throttled: Option<u64>,
}

/// A piece of work that is timed separately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageInfo {
    /// Its name, in a word or two.
    pub name: String,
    /// How much it did: the number of boxes found, sampling steps taken or chunks queried.
    pub results: usize,
    /// The samples of each round.
    pub rounds: Vec<StageRound>,
}

/// What one process or worker measured for a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageRound {
    /// Runs per sample.
    pub runs_per_sample: u32,
    /// Duration of every sample, in order.
    pub samples_ns: Vec<u64>,
}

/// Duration of a fixed piece of work, the same for every cell of a record. It grows on a machine
/// that throttles or is busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CpuCalibration {
    /// Before the cell.
    pub before_ns: u64,
    /// After the cell.
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
    /// How it was built and configured, for example `fusion: on`.
    pub settings: BTreeMap<String, String>,
}

/// Where and how an engine ran.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Native process, browser or Node.
    pub environment: EnvironmentKind,
    /// Name and main version of the browser, for example `Firefox 140`. `None` elsewhere and in
    /// records of earlier builds.
    #[serde(default)]
    pub browser: Option<String>,
    /// Number of CPU threads that computed.
    pub threads: usize,
    /// Widest vector instructions that the engine could use, as the engine names them, for example
    /// `avx512`.
    pub vector_level: String,
    /// Vector instructions that the engine was limited to, if any. `vector_level` shows what it
    /// then used.
    #[serde(default)]
    pub vector_limit: Option<String>,
    /// Graphics API, for engines on the GPU.
    pub graphics_api: Option<String>,
    /// Language of the kernels that the driver received, for example `wgsl`.
    pub shader_language: Option<String>,
    /// Whether WGSL kernels were requested although the platform's own compiler takes another
    /// language.
    #[serde(default)]
    pub wgsl_asked: bool,
}

/// How requests arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadPattern {
    /// Items per request.
    pub batch: usize,
    /// Requests that arrive while others are being answered, if any.
    #[serde(default)]
    pub requests: Option<Load>,
    /// How they reach the model, if it does not run in the process or worker that sends them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
}

/// A phase of a round, and its duration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Which phase.
    pub name: PhaseName,
    /// How long it took.
    pub duration_ns: u64,
}

/// The phases of a round, which are timed separately.
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
    /// Starting a native process, until its first line of code runs.
    Spawn,
    /// Generating or reading the model bytes.
    Model,
    /// Opening the graphics adapter and device.
    Device,
    /// Parsing the ONNX graph.
    Parse,
    /// Converting the graph to what the engine runs.
    #[serde(rename = "optimise")]
    Optimize,
    /// Moving the weights to the memory that the engine computes from.
    Upload,
    /// The first run.
    FirstRun,
    /// Runs while the engine is still choosing kernels.
    Tuning,
    /// Runs before sampling begins.
    WarmUp,
    /// The sampled runs.
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

/// Memory use of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Peak resident set size of the process.
    pub resident_peak_bytes: Option<u64>,
    /// Size of the wasm linear memory, which never shrinks.
    pub wasm_linear_bytes: Option<u64>,
    /// Size of the linear memory, or else the peak resident set size, after the model was loaded
    /// and before its first run.
    #[serde(default)]
    pub loaded_bytes: Option<u64>,
    /// Memory of the page and its workers as counted by the browser, including the JavaScript heap,
    /// after the cell was measured.
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
    /// It was stopped at its time limit. Samples taken until then are kept.
    TimedOut(Failure),
    /// The user stopped the run. Samples taken until then are kept.
    Cancelled,
}
