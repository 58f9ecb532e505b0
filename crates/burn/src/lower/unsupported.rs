//! What users are told about a node that is not supported, in the words of their model.

use onnx_ir::Node;
use tare_record::Failure;
use tare_record::FailureKind;

use crate::import::header;
use crate::lower::Unsupported;

/// The error for a node that cannot be lowered.
pub(crate) fn refuse(node: &Node, unsupported: &Unsupported, names: &NodeNames) -> Failure {
    let operator = names.spelling(operator(node));
    let what = match unsupported {
        Unsupported::Operator => String::new(),
        Unsupported::Part(part) => format!("{part} in "),
    };
    // onnx-ir gives nodes names of its own, so those of the file are told. Several candidates cannot be told apart.
    let named = match names.of_operator(&operator).as_slice() {
        [] => String::new(),
        [only] => format!(" (node {only:?})"),
        [first, rest @ ..] => format!(" (node {first:?} or one of {} more)", rest.len()),
    };
    Failure::new(
        FailureKind::Unsupported,
        format!("tare's burn executor does not support {what}the operator {operator}{named}"),
    )
    .with_hint("run this model on tract, or express the operation with supported operators")
}

/// ONNX's name of the operator; onnx-ir splits some by their number of dimensions.
pub(crate) fn operator(node: &Node) -> String {
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

/// Operators and names of a file's nodes.
pub(crate) struct NodeNames(Vec<header::Node>);

impl NodeNames {
    pub(crate) fn of(graph: header::Graph) -> Self {
        Self(graph.node)
    }

    /// An operator's name as the file has it: onnx-ir writes `Dft` and `Lrn` for `DFT` and `LRN`.
    fn spelling(&self, operator: String) -> String {
        let same = |node: &&header::Node| node.op_type.eq_ignore_ascii_case(&operator);
        self.0
            .iter()
            .find(same)
            .map_or(operator.clone(), |node| node.op_type.clone())
    }

    /// Names of the nodes with that operator, or of their first outputs where they have none.
    fn of_operator(&self, operator: &str) -> Vec<&str> {
        let nodes = self.0.iter().filter(|node| node.op_type == operator);
        nodes
            .map(|node| match (node.name.as_str(), node.output.first()) {
                ("", Some(output)) => output,
                (name, _) => name,
            })
            .collect()
    }
}
