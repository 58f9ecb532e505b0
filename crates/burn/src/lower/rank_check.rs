//! Checks the ranks that onnx-ir infers.

use onnx_ir::{ArgType, Node};

use super::lowerer::Lowerer;
use super::unsupported::{Lowering, Unsupported};

/// Refuses a node if onnx-ir infers a wrong rank for one of its inputs: onnx-ir has counted the
/// node's axes by that rank (UPSTREAM.md: "wrong ranks").
pub(super) fn check_ranks(cx: &Lowerer, node: &Node) -> Lowering<()> {
    for input in node.inputs() {
        let Some(value) = cx.values.get(&input.name) else {
            continue;
        };
        let rank = value.shape().len();
        let inferred = match &input.ty {
            ArgType::Tensor(tensor) => tensor.rank,
            ArgType::Shape(_) => 1,
            ArgType::ScalarTensor(_) | ArgType::ScalarNative(_) => 0,
        };
        // onnx-ir does not distinguish scalars from vectors of one element.
        if rank != inferred && rank.max(inferred) > 1 {
            return Err(Unsupported::new(format!(
                "an input of rank {rank} for which onnx-ir infers rank {inferred}"
            )));
        }
    }
    Ok(())
}
