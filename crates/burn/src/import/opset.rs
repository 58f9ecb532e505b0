//! What old versions of ONNX mean otherwise, where onnx-ir goes by newer ones without a word.

use tare_record::Failure;
use tare_record::FailureKind;

use crate::import::header;

/// Operators that, until opset 6, say by an attribute which dimension of the first operand the second begins at.
const ALIGNED: [&str; 11] = [
    "Add", "And", "Div", "Equal", "Greater", "Less", "Mul", "Or", "Pow", "Sub", "Xor",
];

/// Refuses nodes that would be computed by the rules of a newer version than theirs.
pub(crate) fn check(graph: &header::Graph, opset: i64) -> Result<(), Failure> {
    if opset >= 7 {
        return Ok(());
    }
    let aligned = |node: &&header::Node| {
        let has = |name: &str| node.attribute.iter().any(|attribute| attribute.name == name);
        ALIGNED.contains(&node.op_type.as_str()) && has("axis") || node.op_type == "PRelu"
    };
    match graph.node.iter().find(aligned) {
        None => Ok(()),
        Some(node) => Err(Failure::new(
            FailureKind::Unsupported,
            format!(
                "tare's burn executor does not support how opset {opset} broadcasts the operands of the operator {} (node {:?}), expected opset 7 or later",
                node.op_type, node.name
            ),
        )
        .with_hint("bring the file to a newer opset, for example with onnx.version_converter, or run it on tract")),
    }
}
