//! Graphs inside nodes, and who reads the values of a graph.

use std::collections::{HashMap, HashSet};

use onnx_ir::{Node, OnnxGraph};

/// The graphs inside a node.
pub(super) fn subgraphs(node: &Node) -> Vec<&OnnxGraph> {
    match node {
        Node::If(n) => vec![&n.config.then_branch, &n.config.else_branch],
        Node::Loop(n) => vec![&n.config.body],
        Node::Scan(n) => vec![&n.config.body],
        _ => vec![],
    }
}

/// How often each value is read.
pub(super) fn count_uses(graph: &OnnxGraph) -> HashMap<String, usize> {
    let mut uses = HashMap::new();
    add_uses(graph, 1, &mut uses);
    uses
}

fn add_uses(graph: &OnnxGraph, times: usize, uses: &mut HashMap<String, usize>) {
    let read = graph.nodes.iter().flat_map(|node| node.inputs()).chain(&graph.outputs);
    for argument in read.filter(|argument| !argument.name.is_empty()) {
        *uses.entry(argument.name.clone()).or_insert(0) += times;
    }
    for inner in graph.nodes.iter().flat_map(subgraphs) {
        // A loop may read the value in each iteration.
        add_uses(inner, 2, uses);
    }
}

/// Names of the outputs of a graph and of the graphs inside its nodes.
pub(super) fn output_names(graph: &OnnxGraph) -> HashSet<String> {
    let own = graph.outputs.iter().map(|output| output.name.clone());
    let inside = graph.nodes.iter().flat_map(subgraphs).flat_map(output_names);
    own.chain(inside).collect()
}
