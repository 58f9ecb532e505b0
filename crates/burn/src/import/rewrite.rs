//! Rewrites models that onnx-ir rejects or misreads:
//!
//! - Nodes that it rejects get a domain of our own, and reach us as custom nodes.
//! - Values whose names would become equal are numbered.
//! - Nodes are sorted.
//! - Copies of weights are replaced by the weights.
//! - Products that are read twice are kept apart from the Add after them.
//! - Defaults and settings that it loses are written down.

use bytes::Bytes;
use onnx_ir::ModelProto;

use super::header;
use super::onnx_ir_workarounds::{
    batch_norm_epsilon, copied_weights, node_order, shared_products, training_dropout, value_names,
};
use super::own_domain::DOMAIN;
use crate::ops;

/// A file that onnx-ir can read. Most files stay as they are, without a copy if nobody else holds
/// them.
pub(super) fn rewrite(file: Bytes, graph: &header::Graph) -> Vec<u8> {
    rewritten(&file, graph).unwrap_or_else(|| file.into())
}

/// The rewritten file. `None` if it may stay as it is, or cannot be decoded: then the parser says
/// what is wrong with it.
fn rewritten(file: &Bytes, graph: &header::Graph) -> Option<Vec<u8>> {
    let renames = value_names::collide(graph);
    let vectors = graph.vectors();
    let bypasses: Vec<bool> = graph
        .node
        .iter()
        .map(|node| is_onnx(node) && ops::bypasses_onnx_ir(node, &vectors))
        .collect();
    let is_sorted = node_order::is_sorted(graph);
    let copies = copied_weights::find(graph);
    let separates = !is_sorted || renames || shared_products::exist(graph);
    if !separates && !batch_norm_epsilon::is_missing(graph) && copies.is_empty() && !bypasses.contains(&true) {
        return None;
    }
    // Weights stay in the memory of the file until they are written.
    let mut model = <ModelProto as onnx_ir::Message>::parse_from_tokio_bytes(file).ok()?;
    if let Some(graph) = model.graph.as_mut() {
        for (node, _) in graph.node.iter_mut().zip(&bypasses).filter(|(_, bypasses)| **bypasses) {
            node.domain = DOMAIN.into();
        }
        copied_weights::replace(graph, &copies);
        training_dropout::bypass(graph);
        batch_norm_epsilon::write(graph);
        if renames {
            value_names::number(graph);
        }
        if !is_sorted {
            node_order::sort(graph);
        }
        if separates {
            shared_products::separate(graph);
        }
    }
    let mut domain = model.opset_import.first().cloned().unwrap_or_default();
    domain.domain = DOMAIN.into();
    domain.version = 1;
    model.opset_import.push(domain);
    onnx_ir::Message::write_to_bytes(&model).ok()
}

/// Whether the node's operator is one of ONNX's own.
fn is_onnx(node: &header::Node) -> bool {
    ["", "ai.onnx"].contains(&node.domain.as_str())
}
