//! Integers on the device.

use burn_backend::ops::IntTensorOps;
use burn_dispatch::{Dispatch, DispatchTensor};
use burn_tensor::DType as OnnxType;

use crate::lower::lowerer::Lowerer;
use crate::lower::unsupported::Lowering;
use crate::lower::value::{DeviceValue, Value};
use crate::runtime::program::{IntegerOp, Op};

/// An operation of burn on two tensors of integers.
pub(crate) type IntegerBinary = fn(DispatchTensor, DispatchTensor) -> DispatchTensor;

/// The four basic operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
}

impl Lowerer {
    /// A value on the device as `f32`. Integers are converted.
    pub(crate) fn cast_to_floats(&mut self, value: Value) -> Lowering<DeviceValue> {
        match value {
            Value::Integers(x) => Ok(self.emit(Op::Integers(IntegerOp::ToFloats), &[&x], x.shape.clone())),
            other => self.device_floats(other),
        }
    }

    /// Emits an operation on two values of integers, with broadcasting. The result wraps around to
    /// the width of `dtype`.
    pub(crate) fn integer_binary(
        &mut self,
        operation: IntegerBinary,
        values: [Value; 2],
        dtype: OnnxType,
    ) -> Lowering<Value> {
        let ([a, b], shape) = self.broadcast_together(values)?;
        let (a, b) = (self.integers(a)?, self.integers(b)?);
        let op = Op::Integers(IntegerOp::Binary(operation));
        let computed = self.emit(op, &[&a, &b], shape);
        Ok(Value::Integers(self.wrap_integers(computed, dtype)))
    }

    /// Emits one of the four basic operations on integers: see [`Self::integer_binary`].
    pub(crate) fn integer_arithmetic(
        &mut self,
        kind: Arithmetic,
        values: [Value; 2],
        dtype: OnnxType,
    ) -> Lowering<Value> {
        let operation: IntegerBinary = match kind {
            Arithmetic::Add => Dispatch::int_add,
            Arithmetic::Sub => Dispatch::int_sub,
            Arithmetic::Mul => Dispatch::int_mul,
            Arithmetic::Div => Dispatch::int_div,
        };
        self.integer_binary(operation, values, dtype)
    }

    /// Wraps integers around to the width of a type with fewer bits. Wider types leave them as they
    /// are.
    pub(crate) fn wrap_integers(&mut self, x: DeviceValue, dtype: OnnxType) -> DeviceValue {
        let (mask, offset) = match dtype {
            OnnxType::U8 => (0xff, 0),
            OnnxType::U16 => (0xffff, 0),
            OnnxType::I8 => (0xff, 0x80),
            OnnxType::I16 => (0xffff, 0x8000),
            _ => return x,
        };
        let shape = x.shape.clone();
        let mut with = |x: DeviceValue, op, number| {
            let op = Op::Integers(IntegerOp::WithScalar(op, number));
            self.emit(op, &[&x], shape.clone())
        };
        if offset == 0 {
            return with(x, Dispatch::bitwise_and_scalar, mask);
        }
        let shifted = with(x, Dispatch::int_add_scalar, offset);
        let kept = with(shifted, Dispatch::bitwise_and_scalar, mask);
        with(kept, Dispatch::int_sub_scalar, offset)
    }
}
