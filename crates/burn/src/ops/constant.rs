//! Constants, and values that follow from shapes and settings.

use onnx_ir::Argument;
use onnx_ir::node::constant::ConstantNode;
use onnx_ir::node::constant_of_shape::{ConstantOfShapeNode, ConstantOfShapeShape};
use onnx_ir::node::eye_like::EyeLikeNode;
use onnx_ir::node::range::{RangeInput, RangeNode};
use onnx_ir::node::shape::ShapeNode;
use tare_record::DType;

use crate::lower::host_tensor::{HostData, HostTensor, computable};
use crate::lower::{Lowerer, Lowering, OpSpec, Unsupported, Value, element_type, op, supported_type};

pub(super) const OPS: &[OpSpec] = &[
    op!("Constant", cx, Constant(n) => constant(cx, n)),
    op!("ConstantOfShape", cx, ConstantOfShape(n) => constant_of_shape(cx, n)),
    op!("EyeLike", cx, EyeLike(n) => eye_like(cx, n)),
    op!("Range", cx, Range(n) => range(cx, n)),
    op!("Shape", cx, Shape(n) => shape(cx, n)),
    op!("Size", cx, Size(n) => size(cx, &n.inputs[0])),
];

/// Longer ranges are refused.
const MAX_RANGE_LENGTH: usize = 1 << 24;

fn constant(cx: &Lowerer, node: &ConstantNode) -> Lowering<Value> {
    let value = node.inputs.first();
    cx.value(value.ok_or_else(|| Unsupported::new("a constant without a value"))?)
}

/// The number of elements.
fn size(cx: &Lowerer, input: &Argument) -> Lowering<Value> {
    let count: usize = cx.value(input)?.shape().iter().product();
    Ok(Value::Host(HostTensor::from_dims([count]).reshape(vec![])))
}

fn shape(cx: &mut Lowerer, node: &ShapeNode) -> Lowering<Value> {
    let value = cx.value(&node.inputs[0])?;
    let shape = value.shape();
    let (start, end) = (node.config.start.min(shape.len()), node.config.end.min(shape.len()));
    Ok(Value::Host(HostTensor::from_dims(
        shape[start..end.max(start)].iter().copied(),
    )))
}

fn constant_of_shape(cx: &mut Lowerer, node: &ConstantOfShapeNode) -> Lowering<Value> {
    let wanted = match &node.config.shape {
        ConstantOfShapeShape::Static(shape) => shape.clone(),
        ConstantOfShapeShape::Runtime(reference) => cx.host_integers(&node.inputs[reference.input_index])?,
    };
    let shape = wanted
        .iter()
        .map(|&dim| usize::try_from(dim).map_err(|_| Unsupported::new(format!("shape {wanted:?}"))))
        .collect::<Lowering<Vec<usize>>>()?;
    let shape = computable(shape).ok_or_else(|| Unsupported::new(format!("a constant of shape {wanted:?}")))?;
    let one = match &node.config.value {
        Some(value) => HostTensor::from_burn(value.clone())?.reshape(vec![]),
        None => HostTensor {
            shape: vec![],
            data: HostData::F32(vec![0.0]),
        },
    };
    Ok(Value::Host(one.broadcast_to(&shape)))
}

/// 1 on the diagonal that is `k` to the right of the main one, 0 elsewhere.
fn eye_like(cx: &mut Lowerer, node: &EyeLikeNode) -> Lowering<Value> {
    let shape = cx.value(&node.inputs[0])?.shape().to_vec();
    let unsupported = || Unsupported::new(format!("a diagonal of shape {shape:?}"));
    let shape = computable(shape.clone()).ok_or_else(unsupported)?;
    let &[rows, columns] = shape.as_slice() else {
        return Err(unsupported());
    };
    let dtype = node.config.dtype.unwrap_or_else(|| element_type(&node.inputs[0]));
    let is_one = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let is_one = is_one.map(|(row, column)| {
        i64::try_from(row).ok().and_then(|row| row.checked_add(node.config.k)) == i64::try_from(column).ok()
    });
    let data = match supported_type(dtype) {
        Some(DType::F32 | DType::F16) => HostData::F32(is_one.map(|one| f32::from(u8::from(one))).collect()),
        Some(DType::Bool) => HostData::Bool(is_one.collect()),
        Some(_) => HostData::I64(is_one.map(i64::from).collect()),
        None => return Err(Unsupported::new(format!("values of type {dtype:?}"))),
    };
    Ok(Value::Host(HostTensor { shape, data }))
}

/// start, start + delta, .. up to, not including, the limit.
fn range(cx: &mut Lowerer, node: &RangeNode) -> Lowering<Value> {
    let config = &node.config;
    let number = |input: &RangeInput| -> Lowering<(f64, bool)> {
        Ok(match input {
            RangeInput::Static(value) => (*value as f64, true),
            RangeInput::StaticFloat(value) => (*value, false),
            RangeInput::Runtime(reference) => {
                let host = cx.host_value(&node.inputs[reference.input_index])?;
                let value = host
                    .as_scalar()
                    .ok_or_else(|| Unsupported::new("a bound that is not a single number"))?;
                (value, matches!(host.data, HostData::I64(_)))
            }
        })
    };
    let [(start, is_integer), (limit, _), (delta, _)] =
        [number(&config.start)?, number(&config.limit)?, number(&config.delta)?];
    let count = ((limit - start) / delta).ceil().max(0.0);
    // NaN if the step is 0.
    if count.is_nan() || count > MAX_RANGE_LENGTH as f64 {
        return Err(Unsupported::new(format!("a range from {start} to {limit} by {delta}")));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let count = count as usize;
    let values = (0..count).map(|index| start + index as f64 * delta);
    #[allow(clippy::cast_possible_truncation, reason = "integers, and floats on devices are f32")]
    let data = if is_integer {
        HostData::I64(values.map(|value| value as i64).collect())
    } else {
        HostData::F32(values.map(|value| value as f32).collect())
    };
    Ok(Value::Host(HostTensor {
        shape: vec![count],
        data,
    }))
}
