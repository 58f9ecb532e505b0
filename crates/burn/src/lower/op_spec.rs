//! An operator's line in the table of its family.

use std::collections::HashSet;

use onnx_ir::Node;

use super::host_tensor::HostTensor;
use super::lowerer::Lowerer;
use super::unsupported::Lowering;
use super::value::Value;
use crate::import::header;

/// Lowers a node to one value for each of its outputs. Trailing outputs that nothing reads may be
/// missing.
pub(crate) type LowerFn = fn(&mut Lowerer, &Node) -> Lowering<Vec<Value>>;

/// Computes the only output of a node from its inputs, which are all constants. `None` leaves the
/// node to the device. Absent optional inputs are left out of the list.
pub(crate) type FoldFn = fn(&Lowerer, &Node, &[HostTensor]) -> Option<HostTensor>;

/// Whether a node of the file must bypass onnx-ir. The set holds the names of the inputs and
/// weights that are declared with one dimension.
pub(crate) type BypassFn = fn(&header::Node, &HashSet<&str>) -> bool;

/// An operator: how it is lowered, and all that other parts of the crate must know about it.
#[derive(Debug)]
pub(crate) struct OpSpec {
    /// ONNX's name.
    pub(crate) name: &'static str,
    pub(crate) lower: LowerFn,
    pub(crate) fold: Option<FoldFn>,
    /// Whether the operator is computed correctly even if onnx-ir infers a wrong rank for an input.
    /// Not so if onnx-ir counts the operator's axes by that rank: see `rank_check`.
    pub(crate) ignores_inferred_rank: bool,
    pub(crate) bypass: Option<Bypass>,
}

/// Nodes that bypass onnx-ir as custom nodes, because it rejects or misreads them.
#[derive(Debug)]
pub(crate) struct Bypass {
    pub(crate) applies: BypassFn,
    /// onnx-ir does not count the inputs of custom nodes.
    pub(crate) min_inputs: usize,
}

impl OpSpec {
    /// An operator without further properties.
    pub(crate) const fn new(name: &'static str, lower: LowerFn) -> Self {
        Self {
            name,
            lower,
            fold: None,
            ignores_inferred_rank: false,
            bypass: None,
        }
    }

    /// Nodes of constants are computed on the host: shapes and indices come from them.
    pub(crate) const fn folds(mut self, fold: FoldFn) -> Self {
        self.fold = Some(fold);
        self
    }

    /// Sets the field of this name.
    pub(crate) const fn ignores_inferred_rank(mut self) -> Self {
        self.ignores_inferred_rank = true;
        self
    }

    /// Nodes for which `applies` holds bypass onnx-ir. `lower` then gets them as [`Node::Custom`],
    /// with at least `min_inputs` inputs.
    pub(crate) const fn bypasses_onnx_ir(mut self, min_inputs: usize, applies: BypassFn) -> Self {
        self.bypass = Some(Bypass { applies, min_inputs });
        self
    }
}

/// What an operator's function returns: one value, or one for each output.
pub(crate) trait IntoOutputs {
    fn into_outputs(self) -> Vec<Value>;
}

impl IntoOutputs for Value {
    fn into_outputs(self) -> Vec<Value> {
        vec![self]
    }
}

impl IntoOutputs for Vec<Value> {
    fn into_outputs(self) -> Vec<Value> {
        self
    }
}

/// A line of a table. It names the operator, the [`Lowerer`], and for each variant of [`Node`] that
/// the operator has an expression that lowers it:
///
/// ```text
/// op!("Conv", cx, Conv1d(n) => conv_1d(cx, n), Conv2d(n) => conv_2d(cx, n))
/// ```
macro_rules! op {
    ($name:literal, $cx:ident, $($variant:ident($node:pat) => $lowered:expr),+ $(,)?) => {
        $crate::lower::OpSpec::new($name, |$cx, node| match node {
            $(::onnx_ir::Node::$variant($node) => {
                $lowered.map($crate::lower::IntoOutputs::into_outputs)
            })+
            _ => Err($crate::lower::Unsupported::Operator),
        })
    };
}
pub(crate) use op;
