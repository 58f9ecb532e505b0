//! Where the time of a run goes.

/// How long one node of the graph takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeTime {
    /// The name that onnx-ir gives the node: its operator with a number.
    pub node: String,
    /// ONNX's name of its operator.
    pub operator: String,
    /// Number of burn operations that it became; 0 if it was computed when the model was loaded.
    pub steps: usize,
    /// Time that one run spends in it.
    pub duration_ns: u64,
}
