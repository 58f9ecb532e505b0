//! Softmax and similar operators, whose axis means something else in old opsets.

use onnx_ir::Argument;

use crate::lower::host_tensor::HostTensor;
use crate::lower::{DeviceValue, EQUAL, Lowerer, Lowering, OpSpec, Unsupported, Value, op};
use crate::runtime::program::Op;

pub(super) const OPS: &[OpSpec] = &[
    op!("Hardmax", cx, Hardmax(n) => over_rows(cx, n.config.axis, &n.inputs[0], hardmax)),
    op!("LogSoftmax", cx, LogSoftmax(n) => over_rows(cx, n.config.axis, &n.inputs[0], |cx, x, axis| {
        Ok(cx.map(Op::LogSoftmax { axis }, x))
    })),
    op!("Softmax", cx, Softmax(n) => over_rows(cx, n.config.axis, &n.inputs[0], |cx, x, axis| {
        Ok(cx.map(Op::Softmax { axis }, x))
    })),
];

/// Applies an operation along an axis.
///
/// Up to opset 12 the axis splits the dimensions into those of rows and those of columns, and all
/// columns of a row are taken together (ONNX operators, Softmax-11; UPSTREAM.md: "old opsets").
fn over_rows(
    cx: &mut Lowerer,
    axis: usize,
    input: &Argument,
    apply: impl FnOnce(&mut Lowerer, &DeviceValue, usize) -> Lowering<DeviceValue>,
) -> Lowering<Value> {
    let x = cx.floats(input)?;
    if cx.opset >= 13 || axis + 1 == x.shape.len() {
        return apply(cx, &x, axis).map(Value::Floats);
    }
    let unsupported = || Unsupported::new(format!("axis {axis} of shape {:?}", x.shape));
    let (rows, columns) = x.shape.split_at_checked(axis).ok_or_else(unsupported)?;
    let matrix = cx.reshape(&x, vec![rows.iter().product(), columns.iter().product()]);
    let y = apply(cx, &matrix, 1)?;
    Ok(Value::Floats(cx.reshape(&y, x.shape)))
}

/// 1 at the first maximum along a dimension, 0 elsewhere.
fn hardmax(cx: &mut Lowerer, x: &DeviceValue, axis: usize) -> Lowering<DeviceValue> {
    let mut shape = x.shape.clone();
    let unsupported = || Unsupported::new(format!("axis {axis} of shape {:?}", x.shape));
    let size = std::mem::replace(shape.get_mut(axis).ok_or_else(unsupported)?, 1);
    let largest = cx.emit(Op::ArgMax(axis), &[x], shape.clone());
    shape.fill(1);
    shape[axis] = size;
    let indices = Value::Host(HostTensor::from_dims(0..size).reshape(shape));
    cx.compare_on_device(&EQUAL, [Value::Integers(largest), indices])
}
