use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an interop operation costs in a browser, for several sizes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct InteropCost {
    /// Which operation.
    #[serde(rename = "crossing")]
    pub operation: InteropOperation,
    /// Durations for several sizes, smallest first.
    pub points: Vec<InteropPoint>,
}

/// Durations of an interop operation of one size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct InteropPoint {
    /// Bytes, calls or dispatches of each operation.
    pub size: u64,
    /// Operations that each sample holds.
    pub repeats: u32,
    /// Duration of every sample, in order.
    pub samples_ns: Vec<u64>,
}

/// A call or copy from one side of a browser's interfaces to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum InteropOperation {
    /// Calls of an empty wasm function from JavaScript, one after the other.
    JsToWasm,
    /// A message to a worker whose bytes are copied, and its empty answer.
    PostCopied,
    /// A message to a worker whose bytes are transferred, and its empty answer.
    PostTransferred,
    /// A message to a worker with shared memory, and its empty answer.
    PostShared,
    /// Dispatches of an empty shader, submitted at once and awaited.
    WebgpuDispatch,
    /// Bytes from host memory to the device, awaited.
    WebgpuUpload,
    /// Bytes from the device to host memory.
    WebgpuReadBack,
}

impl InteropOperation {
    /// Whether the size of an operation counts bytes.
    pub fn counts_bytes(self) -> bool {
        !matches!(self, InteropOperation::JsToWasm | InteropOperation::WebgpuDispatch)
    }
}
