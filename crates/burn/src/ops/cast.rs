//! Changing the element type.

use burn_backend::ops::{FloatTensorOps, IntTensorOps};
use burn_dispatch::Dispatch;
use burn_tensor::DType as OnnxType;
use onnx_ir::Argument;

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{DeviceValue, Lowerer, Lowering, OpSpec, Unsupported, Value, element_type, op, wrap};
use crate::runtime::program::{IntegerOp, Op, ones_where};

pub(super) const OPS: &[OpSpec] = &[
    op!("Cast", cx, Cast(n) => cast(cx, n.config.to, &n.inputs[0])).ignores_inferred_rank(),
    op!("CastLike", cx, CastLike(n) => cast(cx, n.config.to, &n.inputs[0])),
];

fn cast(cx: &mut Lowerer, to: OnnxType, input: &Argument) -> Lowering<Value> {
    let unsupported = || Unsupported::new(format!("a cast from {:?} to {to:?}", element_type(input)));
    let (is_float, is_integer) = (
        matches!(to, OnnxType::F32 | OnnxType::F16),
        matches!(
            to,
            OnnxType::I64 | OnnxType::I32 | OnnxType::I16 | OnnxType::I8 | OnnxType::U8 | OnnxType::U16
        ),
    );
    Ok(match cx.value(input)? {
        Value::Host(host) => Value::Host(cast_host(host, to).ok_or_else(unsupported)?),
        Value::Floats(x) if is_float => Value::Floats(x),
        Value::Floats(x) if to.is_bool() => nonzero(cx, &x),
        Value::Floats(x) if is_integer => {
            // ONNX rounds towards zero, as burn does.
            let whole = cx.emit(Op::FloatsToIntegers, &[&x], x.shape.clone());
            Value::Integers(cx.wrap_integers(whole, to))
        }
        Value::Bools(x) if is_float => Value::Floats(x),
        Value::Bools(x) if to.is_bool() => Value::Bools(x),
        Value::Bools(x) if is_integer => Value::Integers(cx.emit(Op::FloatsToIntegers, &[&x], x.shape.clone())),
        Value::Integers(x) if is_float => cx.emit_floats(Op::Integers(IntegerOp::ToFloats), &[&x], x.shape.clone()),
        Value::Integers(x) if is_integer => Value::Integers(cx.wrap_integers(x, to)),
        Value::Integers(x) if to.is_bool() => {
            let op = IntegerOp::Unary(|x| ones_where(x, |x, dtype| Dispatch::int_not_equal_elem(x, 0.into(), dtype)));
            Value::Bools(cx.emit(Op::Integers(op), &[&x], x.shape.clone()))
        }
        _ => return Err(unsupported()),
    })
}

fn cast_host(host: HostTensor, to: OnnxType) -> Option<HostTensor> {
    let data = match (host.data, to) {
        (HostData::F32(values), OnnxType::F32 | OnnxType::F16) => HostData::F32(values),
        (HostData::I64(values), OnnxType::F32 | OnnxType::F16) => {
            HostData::F32(values.into_iter().map(|value| value as f32).collect())
        }
        (HostData::Bool(values), OnnxType::F32 | OnnxType::F16) => {
            HostData::F32(values.into_iter().map(|value| f32::from(u8::from(value))).collect())
        }
        (HostData::I64(values), to) if to.is_int() || to.is_uint() => {
            HostData::I64(values.into_iter().map(|value| wrap(value, to)).collect())
        }
        #[allow(clippy::cast_possible_truncation, reason = "ONNX rounds towards zero")]
        (HostData::F32(values), to) if to.is_int() || to.is_uint() => {
            HostData::I64(values.into_iter().map(|value| wrap(value as i64, to)).collect())
        }
        (HostData::Bool(values), to) if to.is_int() || to.is_uint() => {
            HostData::I64(values.into_iter().map(i64::from).collect())
        }
        (HostData::F32(values), to) if to.is_bool() => HostData::Bool(values.into_iter().map(|x| x != 0.0).collect()),
        (HostData::I64(values), to) if to.is_bool() => HostData::Bool(values.into_iter().map(|x| x != 0).collect()),
        (HostData::Bool(values), to) if to.is_bool() => HostData::Bool(values),
        _ => return None,
    };
    Some(HostTensor {
        shape: host.shape,
        data,
    })
}

/// True where floats are not 0.
fn nonzero(cx: &mut Lowerer, x: &DeviceValue) -> Value {
    let op = Op::Unary(|x| ones_where(x, |x, dtype| Dispatch::float_not_equal_elem(x, 0.0.into(), dtype)));
    Value::Bools(cx.emit(op, &[x], x.shape.clone()))
}
