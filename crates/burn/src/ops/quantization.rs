//! 8-bit integers with a scale and a zero point.

use burn_backend::ops::{FloatTensorOps, IntTensorOps};
use burn_dispatch::Dispatch;
use burn_tensor::DType as OnnxType;
use onnx_ir::Argument;
use onnx_ir::node::custom::CustomNode;
use onnx_ir::node::dequantize_linear::DequantizeLinearNode;
use onnx_ir::node::quantize_linear::QuantizeLinearNode;

use crate::lower::{
    Arithmetic, DeviceValue, Lowerer, Lowering, OpSpec, Unsupported, Value, element_type, op, resolve_axis,
};
use crate::runtime::program::{IntegerOp, Op};

pub(super) const OPS: &[OpSpec] = &[
    op!("DequantizeLinear", cx, DequantizeLinear(n) => dequantize_linear(cx, n)),
    // onnx-ir rejects it (UPSTREAM.md: "operators and attributes that it rejects").
    op!("DynamicQuantizeLinear", cx, Custom(n) => dynamic_quantize_linear(cx, n)).bypasses_onnx_ir(1, |_, _| true),
    op!("MatMulInteger", cx, MatMulInteger(n) => matmul_integer(cx, &n.inputs)),
    // onnx-ir rejects it in three dimensions (UPSTREAM.md: "operators and attributes that it
    // rejects").
    op!("QLinearMatMul", cx, Custom(n) => qlinear_matmul(cx, n)).bypasses_onnx_ir(8, |_, _| true),
    op!("QuantizeLinear", cx, QuantizeLinear(n) => quantize_linear(cx, n)),
];

/// The smallest and largest number of a type.
fn bounds(dtype: OnnxType) -> Lowering<(f64, f64)> {
    match dtype {
        OnnxType::U8 => Ok((0.0, 255.0)),
        OnnxType::I8 => Ok((-128.0, 127.0)),
        other => Err(Unsupported::new(format!("quantization to {other:?}"))),
    }
}

/// round(x / scale) + zero point, limited to what the type holds.
fn quantize_linear(cx: &mut Lowerer, node: &QuantizeLinearNode) -> Lowering<Value> {
    let config = &node.config;
    if config.block_size.is_some_and(|size| size != 0) {
        return Err(Unsupported::new("quantization in blocks"));
    }
    let x = cx.floats(&node.inputs[0])?;
    let scale = cx.floats(&node.inputs[1])?;
    let scale = along_axis(cx, &scale, config.axis, x.shape.len())?;
    let zero = cx.optional_value(node.inputs.get(2))?;
    let dtype = match (&zero, node.inputs.get(2)) {
        (Some(_), Some(input)) => element_type(input),
        _ => config.output_dtype.unwrap_or(OnnxType::U8),
    };
    let (min, max) = bounds(dtype)?;
    let scaled = cx.emit(Op::Div, &[&x, &scale], x.shape.clone());
    let mut whole = cx.map(Op::Unary(Dispatch::float_round), &scaled);
    if let Some(zero) = zero {
        let zero = cx.cast_to_floats(zero)?;
        let zero = along_axis(cx, &zero, config.axis, x.shape.len())?;
        whole = cx.emit(Op::Add, &[&whole, &zero], x.shape.clone());
    }
    let y = round_and_clamp(cx, &whole, min, max);
    Ok(Value::Integers(cx.emit(Op::FloatsToIntegers, &[&y], x.shape)))
}

/// (x - zero point) scale.
fn dequantize_linear(cx: &mut Lowerer, node: &DequantizeLinearNode) -> Lowering<Value> {
    let config = &node.config;
    if config.block_size.is_some_and(|size| size != 0) {
        return Err(Unsupported::new("quantization in blocks"));
    }
    let x = cx.value(&node.inputs[0])?;
    let x = cx.cast_to_floats(x)?;
    let scale = cx.floats(&node.inputs[1])?;
    let scale = along_axis(cx, &scale, config.axis, x.shape.len())?;
    let mut centered = x;
    if let Some(zero) = cx.optional_value(node.inputs.get(2))? {
        let zero = cx.cast_to_floats(zero)?;
        let zero = along_axis(cx, &zero, config.axis, centered.shape.len())?;
        centered = cx.emit(Op::Sub, &[&centered, &zero], centered.shape.clone());
    }
    Ok(cx.emit_floats(Op::Mul, &[&centered, &scale], centered.shape.clone()))
}

/// Reshapes a scalar, or a vector with one number for each index of an axis (1 by default), so that
/// it broadcasts to values of this rank.
fn along_axis(cx: &mut Lowerer, x: &DeviceValue, axis: Option<i64>, rank: usize) -> Lowering<DeviceValue> {
    let mut shape = vec![1; rank.max(1)];
    match *x.shape.as_slice() {
        [] | [1] => {}
        [size] => {
            shape[resolve_axis(axis.unwrap_or(1), rank)?] = size;
        }
        _ => return Err(Unsupported::new(format!("a scale of shape {:?}", x.shape))),
    }
    Ok(cx.reshape(x, shape))
}

/// x as 8-bit integers, with the scale and the zero point that follow from its range.
fn dynamic_quantize_linear(cx: &mut Lowerer, node: &CustomNode) -> Lowering<Vec<Value>> {
    let x = cx.floats(&node.inputs[0])?;
    let count = x.shape.iter().product();
    let flat = cx.reshape(&x, vec![count]);
    let one = || vec![1];
    let smallest = cx.emit(Op::MinDim(0), &[&flat], one());
    let smallest = cx.map(
        Op::Clamp {
            min: None,
            max: Some(0.0),
        },
        &smallest,
    );
    let largest = cx.emit(Op::MaxDim(0), &[&flat], one());
    let largest = cx.map(
        Op::Clamp {
            min: Some(0.0),
            max: None,
        },
        &largest,
    );
    let range = cx.zip(Op::Sub, &largest, &smallest);
    let scale = cx.map(Op::MulScalar(1.0 / 255.0), &range);
    let steps = cx.zip(Op::Div, &smallest, &scale);
    let negated = cx.map(Op::MulScalar(-1.0), &steps);
    let zero = round_and_clamp(cx, &negated, 0.0, 255.0);
    let scaled = cx.emit(Op::Div, &[&flat, &scale], vec![count]);
    let whole = cx.map(Op::Unary(Dispatch::float_round), &scaled);
    let shifted = cx.emit(Op::Add, &[&whole, &zero], vec![count]);
    let y = round_and_clamp(cx, &shifted, 0.0, 255.0);
    let y = cx.emit(Op::FloatsToIntegers, &[&y], y.shape.clone());
    let zero = cx.emit(Op::FloatsToIntegers, &[&zero], one());
    Ok(vec![
        cx.reshape_value(Value::Integers(y), x.shape),
        cx.reshape_value(Value::Floats(scale), vec![]),
        cx.reshape_value(Value::Integers(zero), vec![]),
    ])
}

/// The product of a and b. Both, and the product, have a scale and a zero point.
fn qlinear_matmul(cx: &mut Lowerer, node: &CustomNode) -> Lowering<Value> {
    let centered = |cx: &mut Lowerer, first: usize| -> Lowering<(DeviceValue, DeviceValue)> {
        let dtype = OnnxType::I32;
        let values = [cx.value(&node.inputs[first])?, cx.value(&node.inputs[first + 2])?];
        let centered = cx.integer_arithmetic(Arithmetic::Sub, values, dtype)?;
        Ok((cx.integers(centered)?, cx.floats(&node.inputs[first + 1])?))
    };
    let ((a, a_scale), (b, b_scale)) = (centered(cx, 0)?, centered(cx, 3)?);
    let (y_scale, y_zero) = (cx.floats(&node.inputs[6])?, cx.value(&node.inputs[7])?);
    if [&a_scale, &b_scale, &y_scale]
        .iter()
        .any(|scale| scale.shape.iter().product::<usize>() != 1)
    {
        return Err(Unsupported::new("a scale for each row"));
    }
    let product = integer_product(cx, &a, &b)?;
    let shape = product.shape.clone();
    let floats = cx.emit(Op::Integers(IntegerOp::ToFloats), &[&product], shape.clone());
    let ones = vec![1; shape.len()];
    let [a_scale, b_scale, y_scale] = [a_scale, b_scale, y_scale].map(|scale| cx.reshape(&scale, ones.clone()));
    let scale = cx.zip(Op::Mul, &a_scale, &b_scale);
    let scale = cx.zip(Op::Div, &scale, &y_scale);
    let scaled = cx.emit(Op::Mul, &[&floats, &scale], shape.clone());
    let whole = cx.map(Op::Unary(Dispatch::float_round), &scaled);
    let (min, max) = bounds(element_type(&node.inputs[7]))?;
    let zero = cx.integers(y_zero)?;
    let zero = cx.emit(Op::Integers(IntegerOp::ToFloats), &[&zero], zero.shape.clone());
    let zero = cx.reshape(&zero, ones);
    let shifted = cx.emit(Op::Add, &[&whole, &zero], shape);
    let y = round_and_clamp(cx, &shifted, min, max);
    Ok(Value::Integers(cx.emit(Op::FloatsToIntegers, &[&y], y.shape.clone())))
}

/// The product of a and b minus their zero points.
fn matmul_integer(cx: &mut Lowerer, inputs: &[Argument]) -> Lowering<Value> {
    let mut operands = Vec::with_capacity(2);
    for position in 0..2 {
        let value = cx.value(&inputs[position])?;
        let value = match cx.optional_value(inputs.get(position + 2))? {
            None => value,
            Some(zero) if zero.shape().iter().product::<usize>() == 1 => {
                cx.integer_arithmetic(Arithmetic::Sub, [value, zero], OnnxType::I32)?
            }
            Some(_) => return Err(Unsupported::new("a zero point for each row")),
        };
        operands.push(cx.integers(value)?);
    }
    integer_product(cx, &operands[0], &operands[1]).map(Value::Integers)
}

/// a [.., m, k] times b [.., k, n], both integers.
fn integer_product(cx: &mut Lowerer, a: &DeviceValue, b: &DeviceValue) -> Lowering<DeviceValue> {
    let unsupported = || Unsupported::new(format!("a product of shapes {:?} and {:?}", a.shape, b.shape));
    let (Some((matrix_a, batch_a)), Some((matrix_b, batch_b))) = (
        a.shape.split_last_chunk::<2>().map(|(x, y)| (y, x)),
        b.shape.split_last_chunk::<2>().map(|(x, y)| (y, x)),
    ) else {
        return Err(unsupported());
    };
    if matrix_a[1] != matrix_b[0] || batch_a != batch_b {
        return Err(unsupported());
    }
    let shape = [batch_a, &[matrix_a[0], matrix_b[1]]].concat();
    let op = Op::Integers(IntegerOp::Binary(Dispatch::int_matmul));
    Ok(cx.emit(op, &[a, b], shape))
}

fn round_and_clamp(cx: &mut Lowerer, x: &DeviceValue, min: f64, max: f64) -> DeviceValue {
    let whole = cx.map(Op::Unary(Dispatch::float_round), x);
    let (min, max) = (Some(min), Some(max));
    cx.map(Op::Clamp { min, max }, &whole)
}
