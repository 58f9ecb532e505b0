//! Copies of weights. PyTorch's exporter writes equal weights once and has an Identity for each of the others; onnx-ir takes those for
//! values that a run computes, and refuses layers that have one of them beside a real weight.

use std::collections::{HashMap, HashSet};

use onnx_ir::GraphProto;

use crate::import::header;

/// Operators whose weights onnx-ir wants to be all known or all computed.
const GROUPS: [&str; 6] = [
    "DeformConv",
    "GroupNormalization",
    "GRU",
    "InstanceNormalization",
    "LSTM",
    "RNN",
];

/// The weight of each copy that such a layer reads.
pub(crate) fn read(graph: &header::Graph) -> HashMap<String, String> {
    let reads: HashSet<&String> = graph
        .node
        .iter()
        .filter(|node| GROUPS.contains(&node.op_type.as_str()))
        .flat_map(|node| &node.input)
        .collect();
    if reads.is_empty() {
        return HashMap::new();
    }
    let mut weights: HashMap<&String, &String> = graph.initializer.iter().map(|w| (&w.name, &w.name)).collect();
    let mut copies = HashMap::new();
    for node in graph.node.iter().filter(|node| node.op_type == "Identity") {
        let ([input], [output]) = (node.input.as_slice(), node.output.as_slice()) else {
            continue;
        };
        let Some(&weight) = weights.get(input) else { continue };
        weights.insert(output, weight);
        if reads.contains(output) {
            copies.insert(output.clone(), weight.clone());
        }
    }
    copies
}

/// Has the layers read the weights themselves.
pub(crate) fn pass_by(graph: &mut GraphProto, copies: &HashMap<String, String>) {
    for node in &mut graph.node {
        for name in &mut node.input {
            if let Some(weight) = copies.get(name.as_str()) {
                name.clone_from(weight);
            }
        }
    }
}
