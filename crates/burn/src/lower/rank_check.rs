//! What onnx-ir believes of values, checked against what they are.

use onnx_ir::{ArgType, Argument, Node};

use super::{Lowerer, Lowering, Unsupported, Value};
use crate::lower::element_types::{element_type, fitted};
use crate::ops::layout::shape_of;

impl Lowerer {
    /// Refuses a node one of whose inputs has another number of dimensions than onnx-ir believes: it has counted the node's axes by that
    /// number. Operators without axes are computed by what the values are.
    pub(crate) fn check_ranks(&self, node: &Node) -> Lowering<()> {
        if is_without_axes(node) {
            return Ok(());
        }
        for input in node.inputs() {
            let Some(value) = self.values.get(&input.name) else {
                continue;
            };
            let rank = shape_of(value).len();
            let believed = match &input.ty {
                ArgType::Tensor(tensor) => tensor.rank,
                ArgType::Shape(_) => 1,
                ArgType::ScalarTensor(_) | ArgType::ScalarNative(_) => 0,
            };
            // It does not tell numbers from lines of one element.
            if rank != believed && rank.max(believed) > 1 {
                return Err(Unsupported::new(format!(
                    "an input of {rank} dimensions that onnx-ir takes for one of {believed}"
                )));
            }
        }
        Ok(())
    }

    /// A node's result in the type that onnx-ir says: integers keep the bits that theirs has, and floats are none.
    pub(crate) fn typed(&self, value: Value, output: &Argument) -> Lowering<Value> {
        let said = element_type(output);
        let is_whole = said.is_int() || said.is_uint();
        match value {
            Value::Host(host) if is_whole => Ok(Value::Host(fitted(host, said))),
            Value::Device(_) if is_whole => Err(Unsupported::new("integers")),
            other => Ok(other),
        }
    }
}

fn is_without_axes(node: &Node) -> bool {
    matches!(
        node,
        Node::Abs(_)
            | Node::Add(_)
            | Node::And(_)
            | Node::Cast(_)
            | Node::Clip(_)
            | Node::Div(_)
            | Node::Equal(_)
            | Node::Erf(_)
            | Node::Exp(_)
            | Node::Gelu(_)
            | Node::Greater(_)
            | Node::GreaterOrEqual(_)
            | Node::GridSample(_)
            | Node::Identity(_)
            | Node::If(_)
            | Node::LeakyRelu(_)
            | Node::Less(_)
            | Node::LessOrEqual(_)
            | Node::Log(_)
            | Node::Loop(_)
            | Node::Max(_)
            | Node::Min(_)
            | Node::Mod(_)
            | Node::Mul(_)
            | Node::Neg(_)
            | Node::Not(_)
            | Node::Or(_)
            | Node::Pow(_)
            | Node::Relu(_)
            | Node::Reshape(_)
            | Node::Scan(_)
            | Node::Sigmoid(_)
            | Node::Sqrt(_)
            | Node::Sub(_)
            | Node::Tanh(_)
            | Node::Where(_)
    )
}
