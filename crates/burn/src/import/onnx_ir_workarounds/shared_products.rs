//! Products that are read elsewhere too. onnx-ir makes a MatMul and the Add after it one layer without asking who else reads the product,
//! and that value is then missing. A constant that nobody reads, put between the two, keeps them apart.

use std::collections::HashMap;

use onnx_ir::{AttributeProto, AttributeType, GraphProto, NodeProto};

use crate::import::header;

/// Whether the graph has a product of that kind. Those of graphs inside of nodes are not looked at.
pub(crate) fn are_shared(graph: &header::Graph) -> bool {
    let mut reads = HashMap::new();
    let inputs = graph.node.iter().flat_map(|node| &node.input);
    let outputs = graph.output.iter().map(|output| &output.name);
    inputs
        .chain(outputs)
        .for_each(|name| *reads.entry(name).or_insert(0) += 1);
    graph.node.windows(2).any(|pair| {
        let product = pair[0].output.first();
        let is_added = pair[1].op_type == "Add" && product.is_some_and(|name| pair[1].input.contains(name));
        pair[0].op_type == "MatMul" && is_added && product.is_some_and(|name| reads[name] > 1)
    })
}

/// Puts a constant after each of them, in the graphs inside of nodes too.
pub(crate) fn keep_apart(graph: &mut GraphProto) {
    let mut reads = HashMap::new();
    count(graph, &mut reads);
    part(graph, &reads);
}

/// Counts how often each name is read.
fn count(graph: &GraphProto, reads: &mut HashMap<String, usize>) {
    let inputs = graph.node.iter().flat_map(|node| &node.input);
    for name in inputs.chain(graph.output.iter().map(|output| &output.name)) {
        *reads.entry(name.clone()).or_insert(0) += 1;
    }
    for attribute in graph.node.iter().flat_map(|node| &node.attribute) {
        for inner in attribute.g.as_ref().into_iter().chain(&attribute.graphs) {
            count(inner, reads);
        }
    }
}

fn part(graph: &mut GraphProto, reads: &HashMap<String, usize>) {
    let mut nodes = std::mem::take(&mut graph.node).into_iter().peekable();
    while let Some(mut node) = nodes.next() {
        for attribute in &mut node.attribute {
            for inner in attribute.g.as_mut().into_iter().chain(&mut attribute.graphs) {
                part(inner, reads);
            }
        }
        let product = node.output.first().filter(|_| node.op_type == "MatMul").cloned();
        graph.node.push(node);
        let is_added = |product: &String| {
            nodes
                .peek()
                .is_some_and(|next| next.op_type == "Add" && next.input.contains(product))
        };
        if let Some(product) = product.filter(is_added)
            && reads.get(&product).is_some_and(|&reads| reads > 1)
        {
            graph.node.push(nothing(&format!("{product}_kept")));
        }
    }
}

/// A constant: the number zero.
fn nothing(name: &str) -> NodeProto {
    let mut zero = AttributeProto::new();
    zero.name = "value_int".into();
    zero.type_ = AttributeType::INT.into();
    let mut node = NodeProto::new();
    node.op_type = "Constant".into();
    node.name = name.into();
    node.output.push(name.into());
    node.attribute.push(zero);
    node
}
