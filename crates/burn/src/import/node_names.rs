//! Names of a file's nodes, for error messages.

use super::header::{Graph, Node};

/// Operators and names of all nodes, as the file has them: onnx-ir renames nodes.
pub(crate) struct NodeNames(Vec<Node>);

impl NodeNames {
    pub(super) fn of(graph: Graph) -> Self {
        Self(graph.node)
    }

    /// An operator's name with the capitals of the file: onnx-ir writes `Dft` and `Lrn` for `DFT`
    /// and `LRN`.
    pub(crate) fn spelling(&self, operator: String) -> String {
        let same = |node: &&Node| node.op_type.eq_ignore_ascii_case(&operator);
        self.0
            .iter()
            .find(same)
            .map_or(operator.clone(), |node| node.op_type.clone())
    }

    /// Names of the nodes with this operator. A node without a name goes by its first output.
    pub(crate) fn of_operator(&self, operator: &str) -> Vec<&str> {
        let nodes = self.0.iter().filter(|node| node.op_type == operator);
        nodes
            .map(|node| match (node.name.as_str(), node.output.first()) {
                ("", Some(output)) => output,
                (name, _) => name,
            })
            .collect()
    }
}
