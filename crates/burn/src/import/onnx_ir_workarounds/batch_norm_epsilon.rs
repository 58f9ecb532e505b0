//! The default epsilon of BatchNormalization, which onnx-ir takes for 0 (UPSTREAM.md: "lost
//! attributes and defaults").

use onnx_ir::{AttributeProto, AttributeType, GraphProto};

use super::subgraphs::subgraphs_mut;
use crate::import::header;

/// ONNX's default.
const EPSILON: f32 = 1e-5;

/// Whether a node of the graph relies on the default. Graphs inside nodes are not searched: where
/// they exist, the file is rewritten anyway.
pub(crate) fn is_missing(graph: &header::Graph) -> bool {
    graph.node.iter().any(|node| {
        let given = node.attribute.iter().any(|attribute| attribute.name == "epsilon");
        node.op_type == "BatchNormalization" && !given
    })
}

/// Writes the default down, in graphs inside nodes too.
pub(crate) fn write(graph: &mut GraphProto) {
    for node in &mut graph.node {
        subgraphs_mut(node).for_each(write);
        let given = node.attribute.iter().any(|attribute| attribute.name == "epsilon");
        if node.op_type == "BatchNormalization" && !given {
            let mut epsilon = AttributeProto::new();
            epsilon.name = "epsilon".into();
            epsilon.type_ = AttributeType::FLOAT.into();
            epsilon.f = EPSILON;
            node.attribute.push(epsilon);
        }
    }
}
