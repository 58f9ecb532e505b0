//! Operators that pass a value on as it is.

use onnx_ir::Argument;
use onnx_ir::node::custom::CustomNode;

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{Lowerer, Lowering, OpSpec, Unsupported, Value, op};

pub(super) const OPS: &[OpSpec] = &[
    op!("Dropout", cx,
        Dropout(n) => dropout(cx, &n.inputs[0], n.outputs.get(1)),
        Custom(n) => dropout_with_mode(cx, n),
    )
    // onnx-ir removes the node even if it is training (UPSTREAM.md: "Dropout with training_mode").
    .bypasses_onnx_ir(3, |node, _| node.has_input(2)),
    op!("Identity", cx, Identity(n) => cx.value(&n.inputs[0])).ignores_inferred_rank(),
];

/// Dropout outside training: the value itself and, if the model reads it, a mask that keeps all of
/// it.
fn dropout(cx: &mut Lowerer, input: &Argument, mask: Option<&Argument>) -> Lowering<Vec<Value>> {
    let x = cx.value(input)?;
    if !mask.is_some_and(|mask| cx.is_read(mask)) {
        return Ok(vec![x]);
    }
    let shape = x.shape().to_vec();
    let data = HostData::Bool(vec![true; shape.iter().product()]);
    Ok(vec![x, Value::Host(HostTensor { shape, data })])
}

/// Dropout with the input `training_mode`, which must be false.
fn dropout_with_mode(cx: &mut Lowerer, node: &CustomNode) -> Lowering<Vec<Value>> {
    let training = cx.host_value(&node.inputs[2])?;
    if training.as_scalar() != Some(0.0) {
        return Err(Unsupported::new("training"));
    }
    dropout(cx, &node.inputs[0], node.outputs.get(1))
}
