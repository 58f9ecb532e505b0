//! What users are told about a node that is not supported, in the words of their model.

use onnx_ir::{Message, ModelProto, Node};
use tare_core::EngineError;
use tare_record::FailureKind;

use crate::lower::Unsupported;

/// The error for a node that cannot be lowered. `model` is the ONNX file.
pub(crate) fn refuse(node: &Node, unsupported: &Unsupported, model: &[u8]) -> EngineError {
    let operator = operator(node);
    let what = match unsupported {
        Unsupported::Operator => String::new(),
        Unsupported::Part(part) => format!("{part} in "),
    };
    // onnx-ir gives nodes names of its own, so the model is asked. Several candidates cannot be told apart.
    let named = match nodes_of(&operator, model).as_slice() {
        [] => String::new(),
        [only] => format!(" (node {only:?})"),
        [first, rest @ ..] => format!(" (node {first:?} or one of {} more)", rest.len()),
    };
    EngineError::new(
        FailureKind::Unsupported,
        format!("tare's burn executor does not support {what}the operator {operator}{named}"),
    )
    .with_hint("run this model on tract, or express the operation with supported operators")
}

/// ONNX's name of the operator; onnx-ir splits some by their number of dimensions.
fn operator(node: &Node) -> String {
    match node {
        Node::Custom(custom) => custom.op_type.clone(),
        Node::Linear(_) => "Gemm".into(),
        other => {
            let name = other.node_type().to_string();
            ["1d", "2d", "3d"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))
                .map_or(name.clone(), str::to_owned)
        }
    }
}

/// Names of the nodes with that operator, or of their first outputs where they have none.
fn nodes_of(operator: &str, model: &[u8]) -> Vec<String> {
    let Ok(model) = ModelProto::parse_from_bytes(model) else {
        return vec![];
    };
    let nodes = model.graph.node.iter().filter(|node| node.op_type == operator);
    nodes
        .map(|node| {
            if node.name.is_empty() {
                node.output.first().cloned().unwrap_or_default()
            } else {
                node.name.clone()
            }
        })
        .collect()
}
