//! Graphs inside nodes: the branches of an If, the body of a Loop or Scan.

use onnx_ir::{GraphProto, NodeProto};

/// The graphs inside a node.
pub(super) fn subgraphs(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    let attributes = node.attribute.iter();
    attributes.flat_map(|attribute| attribute.g.as_ref().into_iter().chain(&attribute.graphs))
}

/// The graphs inside a node, to be changed.
pub(super) fn subgraphs_mut(node: &mut NodeProto) -> impl Iterator<Item = &mut GraphProto> {
    let attributes = node.attribute.iter_mut();
    attributes.flat_map(|attribute| attribute.g.as_mut().into_iter().chain(&mut attribute.graphs))
}
