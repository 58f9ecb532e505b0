//! Element types of ONNX, and what they are on the device: floats of 16 bits are computed with 32, integers of all widths are
//! `i32`, and both get their own type again when an output is read.

use burn_backend::ops::IntTensorOps;
use burn_dispatch::Dispatch;
use burn_tensor::DType as Onnx;
use onnx_ir::{ArgType, Argument};
use tare_record::DType;

use super::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::lower::host_tensor::{HostData, HostTensor};
use crate::runtime::program::{IntegerOp, Op, tested};

/// The type of a tensor outside of the engine, if it may have one.
pub(crate) fn known(dtype: Onnx) -> Option<DType> {
    Some(match dtype {
        Onnx::F16 => DType::F16,
        Onnx::F32 => DType::F32,
        Onnx::I8 => DType::I8,
        Onnx::I32 => DType::I32,
        Onnx::I64 => DType::I64,
        Onnx::U8 => DType::U8,
        Onnx::Bool(_) => DType::Bool,
        _ => return None,
    })
}

/// The element type of a value; onnx-ir has none for shapes, which are integers of 64 bits, and panics if asked for it.
pub(crate) fn element_type(argument: &Argument) -> Onnx {
    match argument.ty {
        ArgType::Shape(_) => Onnx::I64,
        _ => argument.ty.elem_type(),
    }
}

impl Lowerer {
    pub(crate) fn cast(&mut self, to: Onnx, input: &Argument) -> Lowering<Value> {
        let refused = || Unsupported::new(format!("a cast from {:?} to {to:?}", element_type(input)));
        let (is_float, is_integer) = (
            matches!(to, Onnx::F32 | Onnx::F16),
            matches!(to, Onnx::I64 | Onnx::I32 | Onnx::I16 | Onnx::I8 | Onnx::U8 | Onnx::U16),
        );
        Ok(match self.value(input)? {
            Value::Host(host) => Value::Host(host_cast(host, to).ok_or_else(refused)?),
            Value::Device(x) if is_float => Value::Device(x),
            Value::Device(x) if to.is_bool() => self.as_truths(&x),
            Value::Device(x) if is_integer => {
                // ONNX: towards zero, as burn does.
                let whole = self.computed(Op::FloatsToIntegers, &[&x], x.shape.clone());
                Value::Integers(self.within(whole, to))
            }
            Value::Truths(x) if is_float => Value::Device(x),
            Value::Truths(x) if to.is_bool() => Value::Truths(x),
            Value::Truths(x) if is_integer => {
                Value::Integers(self.computed(Op::FloatsToIntegers, &[&x], x.shape.clone()))
            }
            Value::Integers(x) if is_float => self.step(Op::Integers(IntegerOp::ToFloats), &[&x], x.shape.clone()),
            Value::Integers(x) if is_integer => Value::Integers(self.within(x, to)),
            Value::Integers(x) if to.is_bool() => {
                let op = IntegerOp::Apply(|x| tested(x, |x, stored| Dispatch::int_not_equal_elem(x, 0.into(), stored)));
                Value::Truths(self.computed(Op::Integers(op), &[&x], x.shape.clone()))
            }
            _ => return Err(refused()),
        })
    }

    /// What remains of integers in a type of fewer bits; wider ones stay as they are.
    pub(crate) fn within(&mut self, x: DeviceValue, dtype: Onnx) -> DeviceValue {
        let (mask, offset) = match dtype {
            Onnx::U8 => (0xff, 0),
            Onnx::U16 => (0xffff, 0),
            Onnx::I8 => (0xff, 0x80),
            Onnx::I16 => (0xffff, 0x8000),
            _ => return x,
        };
        let shape = x.shape.clone();
        let mut with = |x: DeviceValue, op, number| {
            let op = Op::Integers(IntegerOp::WithNumber(op, number));
            self.computed(op, &[&x], shape.clone())
        };
        if offset == 0 {
            return with(x, Dispatch::bitwise_and_scalar, mask);
        }
        let shifted = with(x, Dispatch::int_add_scalar, offset);
        let kept = with(shifted, Dispatch::bitwise_and_scalar, mask);
        with(kept, Dispatch::int_sub_scalar, offset)
    }
}

fn host_cast(host: HostTensor, to: Onnx) -> Option<HostTensor> {
    let data = match (host.data, to) {
        (HostData::F32(values), Onnx::F32 | Onnx::F16) => HostData::F32(values),
        (HostData::I64(values), Onnx::F32 | Onnx::F16) => {
            HostData::F32(values.into_iter().map(|value| value as f32).collect())
        }
        (HostData::Bool(values), Onnx::F32 | Onnx::F16) => {
            HostData::F32(values.into_iter().map(|value| f32::from(u8::from(value))).collect())
        }
        (HostData::I64(values), to) if to.is_int() || to.is_uint() => {
            HostData::I64(values.into_iter().map(|value| narrowed(value, to)).collect())
        }
        #[allow(clippy::cast_possible_truncation, reason = "ONNX Cast truncates")]
        (HostData::F32(values), to) if to.is_int() || to.is_uint() => {
            HostData::I64(values.into_iter().map(|value| narrowed(value as i64, to)).collect())
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

/// Integers with the bits that a type has; others as they are.
pub(crate) fn fitted(mut host: HostTensor, to: Onnx) -> HostTensor {
    if let HostData::I64(values) = &mut host.data {
        values.iter_mut().for_each(|value| *value = narrowed(*value, to));
    }
    host
}

/// What remains of an integer in a type of fewer bits.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "ONNX Cast keeps the low bits"
)]
fn narrowed(value: i64, to: Onnx) -> i64 {
    match to {
        Onnx::I8 => i64::from(value as i8),
        Onnx::I16 => i64::from(value as i16),
        Onnx::I32 => i64::from(value as i32),
        Onnx::U8 => i64::from(value as u8),
        Onnx::U16 => i64::from(value as u16),
        Onnx::U32 => i64::from(value as u32),
        _ => value,
    }
}
