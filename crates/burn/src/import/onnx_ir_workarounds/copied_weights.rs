//! Copies of weights. PyTorch's exporter writes equal weights once, and an Identity for each
//! further one. onnx-ir takes those for computed values, and rejects layers that mix them with real
//! weights (UPSTREAM.md: "layers whose weights are copies").

use std::collections::{HashMap, HashSet};

use onnx_ir::GraphProto;

use crate::import::header;

/// Operators whose weights onnx-ir wants to be either all constant or all computed.
const OPERATORS: [&str; 6] = [
    "DeformConv",
    "GroupNormalization",
    "GRU",
    "InstanceNormalization",
    "LSTM",
    "RNN",
];

/// The copies that such layers read, each with its weight.
pub(crate) fn find(graph: &header::Graph) -> HashMap<String, String> {
    let reads: HashSet<&String> = graph
        .node
        .iter()
        .filter(|node| OPERATORS.contains(&node.op_type.as_str()))
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

/// Makes all nodes read the weights instead of the copies.
pub(crate) fn replace(graph: &mut GraphProto, copies: &HashMap<String, String>) {
    for node in &mut graph.node {
        for name in &mut node.input {
            if let Some(weight) = copies.get(name.as_str()) {
                name.clone_from(weight);
            }
        }
    }
}
