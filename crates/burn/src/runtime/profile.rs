//! Where the time of a run goes.

/// How long a node of the graph takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeTime {
    /// Its name, which onnx-ir gives: the operator with a number.
    pub node: String,
    /// Its operator.
    pub operator: String,
    /// Operations of burn's that it became; none if it was computed when the model was loaded.
    pub steps: usize,
    /// Time of one run in it.
    pub duration_ns: u64,
}
