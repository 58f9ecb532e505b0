//! Products that are read twice. onnx-ir turns a MatMul and the Add after it into one layer, even
//! if something else reads the product too, and the product is lost. An unread constant between the
//! two keeps them apart (UPSTREAM.md: "a product that is read twice").

use std::collections::HashMap;

use onnx_ir::{AttributeProto, AttributeType, GraphProto, NodeProto};

use super::subgraphs::{subgraphs, subgraphs_mut};
use crate::import::header;

/// Whether the graph has such a product. Graphs inside nodes are not searched.
pub(crate) fn exist(graph: &header::Graph) -> bool {
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

/// Puts a constant after each of them, in graphs inside nodes too.
pub(crate) fn separate(graph: &mut GraphProto) {
    let mut reads = HashMap::new();
    count_reads(graph, &mut reads);
    insert_constants(graph, &reads);
}

/// Counts how often each name is read.
fn count_reads(graph: &GraphProto, reads: &mut HashMap<String, usize>) {
    let inputs = graph.node.iter().flat_map(|node| &node.input);
    for name in inputs.chain(graph.output.iter().map(|output| &output.name)) {
        *reads.entry(name.clone()).or_insert(0) += 1;
    }
    for inner in graph.node.iter().flat_map(subgraphs) {
        count_reads(inner, reads);
    }
}

fn insert_constants(graph: &mut GraphProto, reads: &HashMap<String, usize>) {
    let mut nodes = std::mem::take(&mut graph.node).into_iter().peekable();
    while let Some(mut node) = nodes.next() {
        subgraphs_mut(&mut node).for_each(|inner| insert_constants(inner, reads));
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
            graph.node.push(unread_constant(&format!("{product}_kept")));
        }
    }
}

/// A node that makes the constant 0.
fn unread_constant(name: &str) -> NodeProto {
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
