//! A network that does nothing: the cost of the harness alone.

use crate::Graph;

/// `x` f32 [1] -> `y` f32 [1], the same.
pub(crate) fn build(seed: u64) -> Graph {
    let mut graph = Graph::new("null", seed);
    let x = graph.input("x", &[1]);
    let y = graph.node("y", "Identity", &[&x], &[]);
    graph.output(&y, &[1]);
    graph
}
