//! A network that copies its input, which shows the overhead of the harness.

use crate::Graph;

/// `x` f32 [1] -> `y` f32 [1], equal to `x`.
pub(crate) fn build(seed: u64) -> Graph {
    let mut graph = Graph::new("null", seed);
    let x = graph.input("x", &[1]);
    let y = graph.node("y", "Identity", &[&x], &[]);
    graph.output(&y, &[1]);
    graph
}
