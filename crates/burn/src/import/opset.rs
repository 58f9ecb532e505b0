//! Old opsets that onnx-ir reads by the rules of newer ones, without an error (UPSTREAM.md: "old
//! opsets").

use tare_record::{Failure, FailureKind};

use super::header;

/// Operators whose attribute `axis`, up to opset 6, says at which dimension of the first operand
/// the second one begins.
const BROADCAST_BY_AXIS: [&str; 11] = [
    "Add", "And", "Div", "Equal", "Greater", "Less", "Mul", "Or", "Pow", "Sub", "Xor",
];

/// Rejects nodes that would be computed by the rules of a newer opset.
pub(crate) fn check(graph: &header::Graph, opset: i64) -> Result<(), Failure> {
    if opset >= 7 {
        return Ok(());
    }
    let by_axis = |node: &&header::Node| {
        let has = |name: &str| node.attribute.iter().any(|attribute| attribute.name == name);
        BROADCAST_BY_AXIS.contains(&node.op_type.as_str()) && has("axis") || node.op_type == "PRelu"
    };
    match graph.node.iter().find(by_axis) {
        None => Ok(()),
        Some(node) => Err(Failure::new(
            FailureKind::Unsupported,
            format!(
                "tare's burn executor does not support how opset {opset} broadcasts the operands of the operator \
                 {} (node {:?}); expected opset 7 or later",
                node.op_type, node.name
            ),
        )
        .with_hint("convert the file to a newer opset, for example with onnx.version_converter, or run it on tract")),
    }
}
