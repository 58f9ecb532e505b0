//! Who reads the values of a graph.

use std::collections::{HashMap, HashSet};

use onnx_ir::OnnxGraph;

use crate::ops::control_flow::bodies;

/// How often each value is read.
pub(crate) fn uses(graph: &OnnxGraph) -> HashMap<String, usize> {
    let mut uses = HashMap::new();
    count_uses(graph, 1, &mut uses);
    uses
}

fn count_uses(graph: &OnnxGraph, times: usize, uses: &mut HashMap<String, usize>) {
    let read = graph.nodes.iter().flat_map(|node| node.inputs()).chain(&graph.outputs);
    for argument in read.filter(|argument| !argument.name.is_empty()) {
        *uses.entry(argument.name.clone()).or_insert(0) += times;
    }
    for body in graph.nodes.iter().flat_map(bodies) {
        // Once in each turn.
        count_uses(body, 2, uses);
    }
}

/// Names of the outputs of a graph, and of those inside of its nodes.
pub(crate) fn output_names(graph: &OnnxGraph) -> HashSet<String> {
    let own = graph.outputs.iter().map(|output| output.name.clone());
    let inside = graph.nodes.iter().flat_map(bodies).flat_map(output_names);
    own.chain(inside).collect()
}
