//! Dropout that may be training, which onnx-ir removes like one for inference (UPSTREAM.md:
//! "Dropout with training_mode").

use onnx_ir::GraphProto;

use super::subgraphs::subgraphs_mut;
use crate::import::own_domain::DOMAIN;

/// Gives nodes with the input `training_mode` our own domain, in graphs inside nodes too.
pub(crate) fn bypass(graph: &mut GraphProto) {
    for node in &mut graph.node {
        if node.op_type == "Dropout" && node.input.get(2).is_some_and(|training| !training.is_empty()) {
            node.domain = DOMAIN.into();
        }
        subgraphs_mut(node).for_each(bypass);
    }
}
