//! Truth values: held as `f32` of 0 and 1, because not all devices store booleans alike.

use burn_backend::ops::{BoolTensorOps, FloatTensorOps};
use burn_backend::{BoolDType, FloatDType};
use burn_dispatch::{Dispatch, DispatchTensor};
use onnx_ir::Argument;
use onnx_ir::node::is_inf::IsInfNode;

use super::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::host::{HostData, broadcast};
use crate::plan::Op;

/// A comparison of burn's.
pub(super) type Compare = fn(DispatchTensor, DispatchTensor, BoolDType) -> DispatchTensor;

/// burn's truth values as 0 and 1.
fn as_floats(truths: DispatchTensor) -> DispatchTensor {
    Dispatch::bool_into_float(truths, FloatDType::F32)
}

impl Lowerer {
    /// Whether the comparison holds, element by element.
    pub(super) fn compared(&mut self, compare: Compare, inputs: &[Argument]) -> Lowering<Value> {
        let operands = [self.floats_or_truths(&inputs[0])?, self.floats_or_truths(&inputs[1])?];
        self.compared_values(compare, operands).map(Value::Truths)
    }

    pub(super) fn compared_values(&mut self, compare: Compare, operands: [DeviceValue; 2]) -> Lowering<DeviceValue> {
        let ([a, b], shape) = self.alike(operands)?;
        Ok(self.computed(Op::Compare(compare), &[&a, &b], shape))
    }

    /// a b for and, |a - b| for exclusive or; the larger for or.
    pub(super) fn logic(&mut self, kind: Logic, inputs: &[Argument]) -> Lowering<Value> {
        let (a, b) = (self.truths(&inputs[0])?, self.truths(&inputs[1])?);
        let ([a, b], shape) = self.alike([a, b])?;
        let operands = [&a, &b];
        let value = match kind {
            Logic::And => self.computed(Op::Mul, &operands, shape),
            Logic::Or => {
                let sum = self.computed(Op::Add, &operands, shape.clone());
                let (min, max) = (None, Some(1.0));
                self.computed(Op::Clamp { min, max }, &[&sum], shape)
            }
            Logic::Xor => {
                let difference = self.computed(Op::Sub, &operands, shape.clone());
                self.computed(Op::Abs, &[&difference], shape)
            }
        };
        Ok(Value::Truths(value))
    }

    pub(super) fn not(&mut self, input: &Argument) -> Lowering<Value> {
        let x = self.truths(input)?;
        let negated = self.computed(Op::MulScalar(-1.0), &[&x], x.shape.clone());
        Ok(Value::Truths(self.computed(Op::AddScalar(1.0), &[&negated], x.shape)))
    }

    pub(super) fn is_nan(&mut self, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let op = Op::Apply(|x| as_floats(Dispatch::float_is_nan(x, BoolDType::Native)));
        Ok(Value::Truths(self.computed(op, &[&x], x.shape.clone())))
    }

    pub(super) fn is_inf(&mut self, node: &IsInfNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let apply: fn(DispatchTensor) -> DispatchTensor =
            match (node.config.detect_negative, node.config.detect_positive) {
                (true, true) => |x| as_floats(Dispatch::float_is_inf(x, BoolDType::Native)),
                (false, true) => |x| {
                    as_floats(Dispatch::float_greater_elem(
                        x,
                        f64::from(f32::MAX).into(),
                        BoolDType::Native,
                    ))
                },
                (true, false) => |x| {
                    as_floats(Dispatch::float_lower_elem(
                        x,
                        f64::from(f32::MIN).into(),
                        BoolDType::Native,
                    ))
                },
                (false, false) => {
                    |x| as_floats(Dispatch::float_greater_elem(x, f64::INFINITY.into(), BoolDType::Native))
                }
            };
        Ok(Value::Truths(self.computed(Op::Apply(apply), &[&x], x.shape.clone())))
    }

    /// `a` where the condition is true, `b` elsewhere.
    pub(super) fn chosen(&mut self, inputs: &[Argument]) -> Lowering<Value> {
        let condition = self.truths(&inputs[0])?;
        let (a, b) = (self.value(&inputs[1])?, self.value(&inputs[2])?);
        let (a, b) = (self.not_integers(a)?, self.not_integers(b)?);
        self.choose(condition, a, b)
    }

    /// `a` where `condition` is 1, `b` elsewhere.
    pub(super) fn choose(&mut self, condition: DeviceValue, a: DeviceValue, b: DeviceValue) -> Lowering<Value> {
        let ([condition, a, b], shape) = self.alike([condition, a, b])?;
        Ok(self.step(Op::Choose, &[&condition, &a, &b], shape))
    }

    /// What is not 0.
    pub(super) fn as_truths(&mut self, x: &DeviceValue) -> Value {
        let op = Op::Apply(|x| as_floats(Dispatch::float_not_equal_elem(x, 0.0.into(), BoolDType::Native)));
        Value::Truths(self.computed(op, &[x], x.shape.clone()))
    }

    /// Truth values on the device.
    fn truths(&mut self, argument: &Argument) -> Lowering<DeviceValue> {
        match self.value(argument)? {
            Value::Truths(device) => Ok(device),
            Value::Host(host) if matches!(host.data, HostData::Bool(_)) => Ok(self.constant(host)),
            _ => Err(Unsupported::new(format!("{:?} not being truth values", argument.name))),
        }
    }

    fn floats_or_truths(&mut self, argument: &Argument) -> Lowering<DeviceValue> {
        match self.value(argument)? {
            Value::Truths(device) => Ok(device),
            other => self.not_integers(other),
        }
    }

    pub(super) fn not_integers(&mut self, value: Value) -> Lowering<DeviceValue> {
        match value {
            // f32 would not tell large ones apart.
            Value::Host(host) if matches!(host.data, HostData::I64(_)) => {
                Err(Unsupported::new("integers that are computed while the model runs"))
            }
            other => self.device(other),
        }
    }

    /// Expanded to the shape that all broadcast to.
    fn alike<const N: usize>(&mut self, values: [DeviceValue; N]) -> Lowering<([DeviceValue; N], Vec<usize>)> {
        let mut shape = vec![];
        for value in &values {
            shape = broadcast(&shape, &value.shape).ok_or_else(|| {
                Unsupported::new(format!(
                    "shapes {shape:?} and {:?}, which do not broadcast",
                    value.shape
                ))
            })?;
        }
        let expanded = values.map(|value| {
            let lifted = self.lifted(value, shape.len());
            if lifted.shape == shape {
                return lifted;
            }
            self.computed(Op::Expand(shape.clone()), &[&lifted], shape.clone())
        });
        Ok((expanded, shape))
    }
}

/// Operations of two truth values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Logic {
    And,
    Or,
    Xor,
}
