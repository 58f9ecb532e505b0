use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::DType;

/// An engine that tare can measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EngineName {
    /// tract on the CPU.
    Tract,
    /// burn on the CPU, through burn-flex.
    BurnFlex,
    /// burn on the GPU, through wgpu: Vulkan, Metal or DX12 natively, WebGPU in a browser.
    BurnWgpu,
}

impl EngineName {
    /// Every engine, in the order in which they are listed.
    pub const ALL: [EngineName; 3] = [EngineName::Tract, EngineName::BurnFlex, EngineName::BurnWgpu];

    /// The name used on the command line, in plans and in records.
    pub fn as_str(self) -> &'static str {
        match self {
            EngineName::Tract => "tract",
            EngineName::BurnFlex => "burn-flex",
            EngineName::BurnWgpu => "burn-wgpu",
        }
    }
}

impl std::fmt::Display for EngineName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for EngineName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|engine| engine.as_str() == text)
            .ok_or_else(|| format!("unknown engine {text:?}: expected tract, burn-flex or burn-wgpu"))
    }
}

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
    /// Whether to measure too what it costs in a browser to cross between JavaScript, wasm, workers and WebGPU, and how quickly the page
    /// reacts while its slowest cell on one thread runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub boundary: bool,
    /// What to measure.
    #[serde(rename = "cell")]
    pub cells: Vec<CellPlan>,
}

/// One model on a list of engines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CellPlan {
    /// Name of a built-in model, or the path of an `.onnx` file.
    pub model: String,
    /// Engines to measure it on; none means those that suit the environment, which the record then names.
    #[serde(default)]
    pub engines: Vec<EngineName>,
    /// Dimensions of inputs whose shape the model leaves open, by input name.
    #[serde(default)]
    pub shapes: BTreeMap<String, Vec<usize>>,
    /// CPU threads, each number in cells of its own. Browsers have threads where the page is cross-origin isolated, Node has one, and
    /// engines on the GPU none.
    #[serde(default = "one_thread")]
    pub threads: Vec<usize>,
    /// Vector instructions to limit tract to natively, each in cells of their own on the fewest threads, beside the widest that
    /// the processor has: `avx512`, `fma`, `sse2` or `neon`. No other engine can be limited; browsers have one width.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vector_limits: Vec<String>,
    /// In browsers: measure tract on one thread with relaxed SIMD too, in cells of its own; on several it always has it. Its multiply-add rounds once where the processor can, so that
    /// results differ in the last places from machine to machine. No other engine has a module for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub relaxed_simd: bool,
    /// Natively: measure burn-wgpu with kernels in WGSL too, as browsers take them, in cells of its own, where the platform's own compiler
    /// takes another language.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wgsl: bool,
    /// What counts as agreement with the reference, where it is not what tare's own table says for the model.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tolerance: Tolerance,
}

fn one_thread() -> Vec<usize> {
    vec![1]
}

/// Largest difference from the reference that counts as agreement, as a share of the reference's largest magnitude, by
/// number format of the output. Types that are absent must be equal.
pub type Tolerance = BTreeMap<DType, f64>;

/// When warm-up and sampling of a cell end. Times and numbers of samples are those of all rounds together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Every cell is measured in so many processes or workers, one after the other, with those of other cells between
    /// them: two processes that run the same code differ by more than their samples show.
    pub rounds: usize,
    /// Sampling goes on for at least this long, in milliseconds.
    pub min_time_ms: u64,
    /// and until at least this many samples were taken.
    pub min_samples: usize,
    /// and until half the width of the median's 95 % interval is at most this share of it, in percent,
    pub precision_percent: u32,
    /// but for that not longer than this, in milliseconds,
    pub max_time_ms: u64,
    /// and never past this many samples.
    pub max_samples: usize,
    /// Runs of every round that are not sampled, at least.
    pub min_warmup_runs: usize,
    /// Warm-up of every round goes on for at least this long, in milliseconds.
    pub min_warmup_ms: u64,
    /// A round that takes longer than this, in seconds, from its start is stopped and its cell said to have timed out.
    pub cell_limit_s: u64,
    /// A further round is begun only if all rounds of the cell are likely to take no longer than this, in seconds; `None`
    /// stands for `cell_limit_s`.
    pub rounds_limit_s: Option<u64>,
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
            cell_limit_s: 120,
            rounds_limit_s: None,
        }
    }
}
