//! A network that copies its input, which shows the overhead of the harness.

use crate::Graph;

/// `x` f32 [batch] -> `y` f32 [batch], equal to `x`.
pub(crate) fn build(seed: u64, batch: usize) -> Graph {
    let mut graph = Graph::new("null", seed);
    let x = graph.input("x", &[batch]);
    let y = graph.node("y", "Identity", &[&x], &[]);
    graph.output(&y, &[batch]);
    graph
}
