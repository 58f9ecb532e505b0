//! Names of values that onnx-ir would make equal: it changes names to lowercase letters and
//! underscores, so that `X.0` and `x_0` become one value and the model is computed wrongly, without
//! an error (UPSTREAM.md: "values whose names differ only in case or punctuation").

use std::collections::{HashMap, HashSet};

use onnx_ir::GraphProto;

use super::subgraphs::subgraphs_mut;
use crate::import::header;

/// Names every value by a number.
pub(crate) fn number(graph: &mut GraphProto) {
    rename(graph, &mut HashMap::new());
}

/// Whether the names of two values differ only in case and in characters that are neither letters
/// nor digits. Names in graphs inside nodes are unknown here, so that the answer is yes if there
/// are any.
pub(crate) fn collide(graph: &header::Graph) -> bool {
    if graph
        .node
        .iter()
        .any(|node| ["If", "Loop", "Scan"].contains(&node.op_type.as_str()))
    {
        return true;
    }
    let weights: HashSet<&String> = graph.initializer.iter().map(|weight| &weight.name).collect();
    // Old files list their weights among the inputs too.
    let inputs = graph.input.iter().map(|input| &input.name);
    let inputs = inputs.filter(|name| !weights.contains(name));
    let computed = graph.node.iter().flat_map(|node| &node.output);
    let mut seen = HashSet::new();
    weights.iter().copied().chain(inputs).chain(computed).any(|name| {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        !name.is_empty() && !seen.insert(plain.to_ascii_lowercase())
    })
}

/// Names every value of a graph and of the graphs inside its nodes by a number.
fn rename(graph: &mut GraphProto, numbers: &mut HashMap<String, usize>) {
    let mut number = |name: &mut String| {
        if !name.is_empty() {
            let next = numbers.len();
            *name = format!("value{}", numbers.entry(std::mem::take(name)).or_insert(next));
        }
    };
    for value in graph
        .input
        .iter_mut()
        .chain(&mut graph.output)
        .chain(&mut graph.value_info)
    {
        number(&mut value.name);
    }
    for weight in &mut graph.initializer {
        number(&mut weight.name);
    }
    for node in &mut graph.node {
        for name in node.input.iter_mut().chain(&mut node.output) {
            number(name);
        }
    }
    for inner in graph.node.iter_mut().flat_map(subgraphs_mut) {
        rename(inner, numbers);
    }
}
