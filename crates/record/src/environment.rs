use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an engine ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentKind {
    /// A native process.
    Native,
    /// A worker of a browser tab.
    Browser,
    /// Node, which runs the browser's wasm modules on V8 without a browser.
    Node,
}

impl std::fmt::Display for EnvironmentKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            EnvironmentKind::Native => "native",
            EnvironmentKind::Browser => "browser",
            EnvironmentKind::Node => "node",
        })
    }
}

/// The program that measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct BuildInfo {
    /// Version of tare.
    pub version: String,
    /// Git revision that it was built from, with `-modified` if files were changed. Absent outside
    /// a checkout.
    pub git_revision: Option<String>,
    /// `optimized` or `debug`, from the compiler's own settings.
    pub build_profile: String,
    /// Architecture and operating system that it was built for, for example `x86_64-linux`.
    pub target: String,
    /// Vector features that the compiler was allowed to use, for example `simd128`.
    pub target_features: Vec<String>,
}

/// The machine, as far as the environment reports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Where the engines ran.
    pub kind: EnvironmentKind,
    /// Operating system, as the environment names it.
    pub os: String,
    /// Number of logical cores that the environment reports.
    pub logical_cores: usize,
    /// What only native processes know.
    pub native: Option<NativeInfo>,
    /// What only browsers know.
    pub browser: Option<BrowserInfo>,
    /// What is known only in Node.
    #[serde(default)]
    pub node: Option<NodeInfo>,
}

/// The Node that ran the browser's modules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeInfo {
    /// Version of Node.
    pub version: String,
    /// Version of its V8, which compiles wasm. A browser contains another version.
    pub v8: String,
}

/// What a native process can read about its machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NativeInfo {
    /// Processor model.
    pub cpu: String,
    /// Vector features that the processor has, detected at run time.
    pub cpu_features: Vec<String>,
    /// Number of physical cores, where the system reports it.
    pub physical_cores: Option<usize>,
    /// Installed memory.
    pub memory_bytes: u64,
    /// Memory not in use when the run began.
    pub memory_available_bytes: u64,
    /// Load average over one minute when the run began, where the system reports it.
    pub load_average: Option<f64>,
    /// What may change the processor's speed during a run, where the system reports it.
    #[serde(default)]
    pub power: PowerInfo,
}

/// What may change a processor's speed during a run. Each field is absent where the system does not
/// report it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PowerInfo {
    /// Policy by which the system chooses the frequency, for example `performance`.
    pub governor: Option<String>,
    /// Frequency of the first core when the run began.
    pub frequency_mhz: Option<u64>,
    /// Highest frequency of the first core.
    pub highest_frequency_mhz: Option<u64>,
    /// Whether a battery was being discharged when the run began.
    pub on_battery: Option<bool>,
    /// Temperature of the hottest zone when the run began, in degrees Celsius.
    pub temperature_celsius: Option<i64>,
    /// How often the first core has been throttled because of heat since the machine was started.
    pub throttle_count: Option<u64>,
}

/// What a page can read about its browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrowserInfo {
    /// Name and main version of the browser, for example `Firefox 140`. `None` in records of earlier
    /// builds.
    #[serde(default)]
    pub name: Option<String>,
    /// The user agent string.
    pub user_agent: String,
    /// Browser, version and platform as a WebDriver session reports them, if one opened the browser.
    #[serde(default)]
    pub session: Option<String>,
    /// Whether the page is cross-origin isolated, which gives it a finer clock and shared memory.
    pub cross_origin_isolated: bool,
    /// Whether a service worker of the page isolates it, because the host does not. Files then pass through that worker.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub isolated_by_service_worker: bool,
    /// Whether `navigator.gpu` exists.
    pub webgpu: bool,
    /// Whether the tab was visible during the whole run.
    pub visible: bool,
    /// Memory of the machine in GiB, rounded by the browser, where it reports it.
    pub device_memory_gib: Option<u32>,
    /// Whether a battery was being discharged when the run began, where the browser reports it.
    #[serde(default)]
    pub on_battery: Option<bool>,
    /// Peak private memory of all browser processes together during the run, without mapped files
    /// and code, where the driver can measure it.
    #[serde(default)]
    pub processes_peak_bytes: Option<u64>,
    /// Time from requesting the page until its form was usable, without workers and models.
    #[serde(default)]
    pub page_ready_ns: Option<u64>,
}

/// The clock that timed the run, as measured at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ClockInfo {
    /// Which clock, for example `performance.now`.
    pub source: String,
    /// Smallest step seen between two different readings.
    pub granularity_ns: u64,
    /// Mean duration of one reading.
    pub read_cost_ns: u64,
}

/// A graphics adapter and what it offered to the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Adapter {
    /// Name, as reported by the driver or the browser.
    pub name: String,
    /// Graphics API: `vulkan`, `metal`, `dx12`, `gl` or `browser-webgpu`.
    pub graphics_api: String,
    /// Driver and its version, where known.
    pub driver: String,
    /// Whether it computes on the CPU.
    pub software: bool,
    /// Features of the device that was used.
    pub features: Vec<String>,
    /// Limits of the device that was used, by their WebGPU names.
    pub limits: BTreeMap<String, u64>,
}

/// Something that a reader must know to judge the numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Warning {
    /// What kind it is, for programs.
    pub kind: WarningKind,
    /// What it is and what to do about it, for people.
    pub message: String,
}

/// Kinds of warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WarningKind {
    /// The graphics adapter computes on the CPU.
    SoftwareAdapter,
    /// The program was built without optimization.
    DebugBuild,
    /// The page is not cross-origin isolated, so its clock is coarse and it has no threads.
    NotIsolated,
    /// Something requested was not available, and something else was used instead.
    Fallback,
    /// Other programs were using the processor.
    LoadedMachine,
    /// The tab was hidden for some of the run.
    HiddenTab,
    /// The clock is coarse compared with what was timed.
    CoarseClock,
    /// Fewer samples than the plan asks for.
    FewSamples,
    /// Fewer rounds than the plan asks for.
    FewRounds,
    /// A round was lost with its browser.
    LostRound,
    /// The duration of runs changed during the measurement.
    NotSteady,
    /// Runs became gradually longer or shorter.
    Trend,
    /// Many samples lie far from the others.
    Outliers,
    /// The machine became slower or faster while the cell was measured.
    ChangedSpeed,
    /// Runs could not be timed node by node.
    NoProfile,
    /// Results in fewer bits were not compared with those in f32.
    NoAgreement,
    /// The machine saves energy, or was throttled because of heat.
    Power,
}
