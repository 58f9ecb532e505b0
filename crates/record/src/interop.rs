use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Cost of an interop operation in a browser, for several sizes.
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

/// Durations of an interop operation for one size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct InteropPoint {
    /// Bytes, calls or dispatches per operation.
    pub size: u64,
    /// Operations per sample.
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
    /// Posting copied bytes to a worker and receiving its empty reply.
    PostCopied,
    /// Posting transferred bytes to a worker and receiving its empty reply.
    PostTransferred,
    /// Posting shared memory to a worker and receiving its empty reply.
    PostShared,
    /// Dispatches of an empty shader, submitted together and awaited.
    WebgpuDispatch,
    /// Copying bytes from host memory to the device, awaited.
    WebgpuUpload,
    /// Copying bytes from the device to host memory.
    WebgpuReadBack,
}

impl InteropOperation {
    /// Whether the size of an operation counts bytes.
    pub fn counts_bytes(self) -> bool {
        !matches!(self, InteropOperation::JsToWasm | InteropOperation::WebgpuDispatch)
    }
}
