//! What this executor does not support, and the error that says so in the words of the model.

use onnx_ir::Node;
use tare_record::{Failure, FailureKind};

use crate::import::node_names::NodeNames;

/// Something that this executor does not support.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unsupported {
    /// The operator of a node.
    Operator,
    /// Something in a node: the text after "does not support".
    Part(String),
}

impl Unsupported {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self::Part(what.into())
    }
}

/// A result of lowering.
pub(crate) type Lowering<T> = Result<T, Unsupported>;

/// The error for a node that cannot be lowered.
pub(super) fn node_failure(node: &Node, unsupported: &Unsupported, names: &NodeNames) -> Failure {
    let operator = names.spelling(operator_name(node));
    let what = match unsupported {
        Unsupported::Operator => String::new(),
        Unsupported::Part(part) => format!("{part} in "),
    };
    // onnx-ir renames nodes, so the file's names are shown. If several nodes have this operator, it
    // is unknown which of them is meant.
    let node = match names.of_operator(&operator).as_slice() {
        [] => String::new(),
        [only] => format!(" (node {only:?})"),
        [first, rest @ ..] => format!(" (node {first:?} or one of {} more)", rest.len()),
    };
    Failure::new(
        FailureKind::Unsupported,
        format!("tare's burn executor does not support {what}the operator {operator}{node}"),
    )
    .with_hint("run this model on tract, or express the operation with supported operators")
}

/// ONNX's name of a node's operator, with onnx-ir's capitals. onnx-ir has several variants of some
/// operators: by the number of dimensions, and `Linear` for Gemm and for MatMul with Add.
pub(crate) fn operator_name(node: &Node) -> String {
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
