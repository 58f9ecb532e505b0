//! Arithmetic on integers that are computed while the model runs.

use burn_backend::ops::IntTensorOps;
use burn_dispatch::{Dispatch, DispatchTensor};
use burn_tensor::DType as Onnx;
use onnx_ir::Argument;

use crate::lower::element_types::element_type;
use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::elementwise::Binary;
use crate::runtime::program::{IntegerOp, Op};

/// An operation of burn's on two tensors of integers.
pub(crate) type Combine = fn(DispatchTensor, DispatchTensor) -> DispatchTensor;

/// An operation of burn's on one tensor of integers.
pub(crate) type Apply = fn(DispatchTensor) -> DispatchTensor;

/// Whether values are integers, on the device or constant.
pub(crate) fn are_integers(value: &Value) -> bool {
    match value {
        Value::Integers(_) => true,
        Value::Host(host) => matches!(host.data, HostData::I64(_)),
        Value::Device(_) | Value::Truths(_) => false,
    }
}

impl Lowerer {
    /// The value on the device as `i32`: a constant is uploaded.
    pub(crate) fn integers(&mut self, value: Value) -> Lowering<DeviceValue> {
        match value {
            Value::Integers(device) => Ok(device),
            Value::Host(HostTensor {
                shape,
                data: HostData::I64(values),
            }) => match values.iter().find(|&&value| i32::try_from(value).is_err()) {
                Some(wide) => Err(Unsupported::new(format!(
                    "the integer {wide}, which does not fit the 32 bits that burn computes with,"
                ))),
                None => Ok(self.constant(HostTensor {
                    shape,
                    data: HostData::I64(values),
                })),
            },
            _ => Err(Unsupported::new("values that are no integers")),
        }
    }

    /// What burn makes of two tensors of integers, in the type of the first.
    pub(crate) fn combined(&mut self, combine: Combine, values: [Value; 2], dtype: Onnx) -> Lowering<Value> {
        let ([a, b], shape) = self.alike(values)?;
        let (a, b) = (self.integers(a)?, self.integers(b)?);
        let op = Op::Integers(IntegerOp::Combine(combine));
        let computed = self.computed(op, &[&a, &b], shape);
        Ok(Value::Integers(self.within(computed, dtype)))
    }

    pub(crate) fn binary_of_integers(&mut self, kind: Binary, values: [Value; 2], dtype: Onnx) -> Lowering<Value> {
        let combine: Combine = match kind {
            Binary::Add => Dispatch::int_add,
            Binary::Sub => Dispatch::int_sub,
            Binary::Mul => Dispatch::int_mul,
            Binary::Div => Dispatch::int_div,
        };
        self.combined(combine, values, dtype)
    }

    /// burn's operation on floats or on integers, as the value is.
    pub(crate) fn unary_of_any(&mut self, floats: Op, integers: Apply, input: &Argument) -> Lowering<Value> {
        let value = self.value(input)?;
        if !are_integers(&value) {
            return self.unary(floats, input);
        }
        let x = self.integers(value)?;
        let op = Op::Integers(IntegerOp::Apply(integers));
        let computed = self.computed(op, &[&x], x.shape.clone());
        Ok(Value::Integers(self.within(computed, element_type(input))))
    }

    /// An operation on the bits of two values.
    pub(crate) fn bitwise(&mut self, combine: Combine, inputs: &[Argument]) -> Lowering<Value> {
        let values = [self.value(&inputs[0])?, self.value(&inputs[1])?];
        self.combined(combine, values, element_type(&inputs[0]))
    }

    pub(crate) fn bitwise_not(&mut self, input: &Argument) -> Lowering<Value> {
        let x = self.value(input)?;
        let x = self.integers(x)?;
        let op = Op::Integers(IntegerOp::Apply(Dispatch::bitwise_not));
        let computed = self.computed(op, &[&x], x.shape.clone());
        Ok(Value::Integers(self.within(computed, element_type(input))))
    }
}
