use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the time of a run goes, by node of the graph. Profiled runs follow the samples, and are none of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorProfile {
    /// One for each round of the cell.
    pub rounds: Vec<ProfiledRound>,
    /// The nodes in the order in which they run.
    pub nodes: Vec<ProfiledNode>,
}

/// The profiled runs of one round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfiledRound {
    /// Duration of every profiled run, in order.
    pub runs_ns: Vec<u64>,
    /// Speeds that no kernel can exceed here, if they were measured.
    pub peak: Option<PeakSpeed>,
}

/// Speeds that tare's own kernels reach in the same process or worker, with the same threads and vector instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeakSpeed {
    /// Multiply-accumulates of `f32` on values in registers, per second.
    pub multiply_accumulates_per_s: u64,
    /// Bytes that are read and written, per second, when buffers larger than any cache are copied.
    pub copied_bytes_per_s: u64,
}

/// A node of the graph as the engine runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfiledNode {
    /// The engine's name of it. A model of several networks counts them: `2/conv1`.
    pub name: String,
    /// ONNX's name of its operator, or the engine's if the engine added the node.
    pub operator: String,
    /// Multiply-accumulates of a run. As usual, only the products in convolutions and matrix products count.
    pub multiply_accumulates: u64,
    /// Size of what it reads and writes in a run, if nothing has to be read twice.
    pub bytes: u64,
    /// Mean duration in a profiled run, for each round.
    pub rounds_ns: Vec<u64>,
}

impl ProfiledNode {
    /// Mean duration over all rounds, in nanoseconds. 0 without rounds.
    pub fn mean_ns(&self) -> f64 {
        self.rounds_ns.iter().sum::<u64>() as f64 / self.rounds_ns.len().max(1) as f64
    }
}
