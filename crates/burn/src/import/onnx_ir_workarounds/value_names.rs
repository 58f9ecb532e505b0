//! Names of values that onnx-ir would take for one. It writes names in small letters and underscores, so that `X.0` and
//! `x_0` become the same value, and a model is computed wrongly without a word: see UPSTREAM.md.

use std::collections::{HashMap, HashSet};

use onnx_ir::GraphProto;

use crate::import::header;

/// Gives every value of a graph a number for a name.
pub(crate) fn number(graph: &mut GraphProto) {
    rename(graph, &mut HashMap::new());
}

/// Whether two values have names that differ in nothing but case and what is neither letter nor digit. Those of graphs inside
/// of nodes are not looked at: where there are such graphs, they may.
pub(crate) fn look_alike(graph: &header::Graph) -> bool {
    if graph
        .node
        .iter()
        .any(|node| ["If", "Loop", "Scan"].contains(&node.op_type.as_str()))
    {
        return true;
    }
    let weights: HashSet<&String> = graph.initializer.iter().map(|weight| &weight.name).collect();
    // Old files name their weights among the inputs too.
    let inputs = graph.input.iter().map(|input| &input.name);
    let inputs = inputs.filter(|name| !weights.contains(name));
    let computed = graph.node.iter().flat_map(|node| &node.output);
    let mut seen = HashSet::new();
    weights.iter().copied().chain(inputs).chain(computed).any(|name| {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        !name.is_empty() && !seen.insert(plain.to_ascii_lowercase())
    })
}

/// Gives every value of a graph, and of those inside its nodes, a number for a name.
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
    for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        for inner in attribute.g.as_mut().into_iter().chain(&mut attribute.graphs) {
            rename(inner, numbers);
        }
    }
}
