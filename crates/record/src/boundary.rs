use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a crossing costs in a browser, by how much crosses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BoundaryCost {
    /// From where to where.
    pub crossing: Crossing,
    /// Lengths for several sizes, smallest first.
    pub points: Vec<BoundaryPoint>,
}

/// Lengths of one crossing of one size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BoundaryPoint {
    /// Bytes, calls or dispatches of each crossing.
    pub size: u64,
    /// Crossings that each sample holds.
    pub repeats: u32,
    /// Length of every sample, in order.
    pub samples_ns: Vec<u64>,
}

/// From where to where, and what crosses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Crossing {
    /// So many calls of an empty wasm function, one after the other.
    JsToWasm,
    /// A message of so many bytes to a worker, copied, and its empty answer.
    PostCopied,
    /// A message of so many bytes to a worker, handed over, and its empty answer.
    PostTransferred,
    /// A message to a worker with memory of so many bytes that both see, and its empty answer.
    PostShared,
    /// So many dispatches of an empty shader, submitted at once and awaited.
    WebgpuDispatch,
    /// So many bytes from host memory to the device, awaited.
    WebgpuUpload,
    /// So many bytes from the device to host memory.
    WebgpuReadBack,
}

impl Crossing {
    /// What crosses, and where, in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Crossing::JsToWasm => "calls from JavaScript to wasm",
            Crossing::PostCopied => "message to a worker and back, bytes copied",
            Crossing::PostTransferred => "message to a worker and back, bytes handed over",
            Crossing::PostShared => "message to a worker and back, bytes shared",
            Crossing::WebgpuDispatch => "WebGPU: dispatches of nothing, awaited",
            Crossing::WebgpuUpload => "WebGPU: bytes to the device, awaited",
            Crossing::WebgpuReadBack => "WebGPU: bytes from the device",
        }
    }

    /// Whether the size of a crossing counts bytes.
    pub fn counts_bytes(self) -> bool {
        !matches!(self, Crossing::JsToWasm | Crossing::WebgpuDispatch)
    }
}
