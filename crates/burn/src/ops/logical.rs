//! Truth values: held as `f32` of 0 and 1, because not all devices store booleans alike.

use std::cmp::Ordering;

use burn_backend::BoolDType;
use burn_backend::ops::{FloatTensorOps, IntTensorOps};
use burn_dispatch::{Dispatch, DispatchTensor};
use onnx_ir::Argument;
use onnx_ir::node::is_inf::IsInfNode;

use crate::lower::host_tensor::{HostData, broadcast};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::integers::are_integers;
use crate::ops::layout::shape_of;
use crate::runtime::program::{IntegerOp, Movement, Op, tested};

type Compare = fn(DispatchTensor, DispatchTensor, BoolDType) -> DispatchTensor;

/// A comparison: burn's of floats, burn's of integers, and in which orders of constants it holds.
pub(crate) struct Comparison {
    floats: Compare,
    integers: Compare,
    holds: fn(Ordering) -> bool,
}

pub(crate) const EQUAL: Comparison = Comparison {
    floats: Dispatch::float_equal,
    integers: Dispatch::int_equal,
    holds: Ordering::is_eq,
};

pub(crate) const GREATER: Comparison = Comparison {
    floats: Dispatch::float_greater,
    integers: Dispatch::int_greater,
    holds: Ordering::is_gt,
};

pub(crate) const GREATER_OR_EQUAL: Comparison = Comparison {
    floats: Dispatch::float_greater_equal,
    integers: Dispatch::int_greater_equal,
    holds: Ordering::is_ge,
};

pub(crate) const LESS: Comparison = Comparison {
    floats: Dispatch::float_lower,
    integers: Dispatch::int_lower,
    holds: Ordering::is_lt,
};

pub(crate) const LESS_OR_EQUAL: Comparison = Comparison {
    floats: Dispatch::float_lower_equal,
    integers: Dispatch::int_lower_equal,
    holds: Ordering::is_le,
};

impl Lowerer {
    /// Whether the comparison holds, element by element.
    pub(crate) fn compared(&mut self, comparison: &Comparison, inputs: &[Argument]) -> Lowering<Value> {
        let values = [self.value(&inputs[0])?, self.value(&inputs[1])?];
        self.compared_values(comparison, values)
    }

    pub(crate) fn compared_values(&mut self, comparison: &Comparison, values: [Value; 2]) -> Lowering<Value> {
        if let [Value::Host(a), Value::Host(b)] = &values
            && let Some(truths) = a.compared(b, comparison.holds)
        {
            return Ok(Value::Host(truths));
        }
        let integers = values.iter().any(are_integers);
        let ([a, b], shape) = self.alike(values)?;
        let (op, a, b) = if integers {
            let op = Op::Integers(IntegerOp::Compare(comparison.integers));
            (op, self.integers(a)?, self.integers(b)?)
        } else {
            let op = Op::Compare(comparison.floats);
            (op, self.floats_or_truths(a)?, self.floats_or_truths(b)?)
        };
        Ok(Value::Truths(self.computed(op, &[&a, &b], shape)))
    }

    /// a b for and, |a - b| for exclusive or; the larger for or.
    pub(crate) fn logic(&mut self, kind: Logic, inputs: &[Argument]) -> Lowering<Value> {
        let (a, b) = (self.truths(&inputs[0])?, self.truths(&inputs[1])?);
        let ([a, b], shape) = self.alike([Value::Truths(a), Value::Truths(b)])?;
        let operands = [&self.floats_or_truths(a)?, &self.floats_or_truths(b)?];
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

    pub(crate) fn not(&mut self, input: &Argument) -> Lowering<Value> {
        let x = self.truths(input)?;
        let negated = self.computed(Op::MulScalar(-1.0), &[&x], x.shape.clone());
        Ok(Value::Truths(self.computed(Op::AddScalar(1.0), &[&negated], x.shape)))
    }

    pub(crate) fn is_nan(&mut self, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let op = Op::Apply(|x| tested(x, Dispatch::float_is_nan));
        Ok(Value::Truths(self.computed(op, &[&x], x.shape.clone())))
    }

    pub(crate) fn is_inf(&mut self, node: &IsInfNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let apply: fn(DispatchTensor) -> DispatchTensor =
            match (node.config.detect_negative, node.config.detect_positive) {
                (true, true) => |x| tested(x, Dispatch::float_is_inf),
                (false, true) => |x| {
                    tested(x, |x, stored| {
                        Dispatch::float_greater_elem(x, f64::from(f32::MAX).into(), stored)
                    })
                },
                (true, false) => |x| {
                    tested(x, |x, stored| {
                        Dispatch::float_lower_elem(x, f64::from(f32::MIN).into(), stored)
                    })
                },
                (false, false) => |x| {
                    tested(x, |x, stored| {
                        Dispatch::float_greater_elem(x, f64::INFINITY.into(), stored)
                    })
                },
            };
        Ok(Value::Truths(self.computed(Op::Apply(apply), &[&x], x.shape.clone())))
    }

    /// `a` where the condition is true, `b` elsewhere.
    pub(crate) fn chosen(&mut self, inputs: &[Argument]) -> Lowering<Value> {
        let values = (
            self.value(&inputs[0])?,
            self.value(&inputs[1])?,
            self.value(&inputs[2])?,
        );
        self.choose_value(values.0, values.1, values.2)
    }

    /// `a` where the comparison with `b` holds, `b` elsewhere.
    pub(crate) fn preferred(&mut self, comparison: &Comparison, a: Value, b: Value) -> Lowering<Value> {
        let first = self.compared_values(comparison, [a.clone(), b.clone()])?;
        self.choose_value(first, a, b)
    }

    /// `a` where the condition is true, `b` elsewhere; on the host if all are constants.
    pub(crate) fn choose_value(&mut self, condition: Value, a: Value, b: Value) -> Lowering<Value> {
        if let (Value::Host(condition), Value::Host(a), Value::Host(b)) = (&condition, &a, &b)
            && let Some(chosen) = condition.chosen(a, b)
        {
            return Ok(Value::Host(chosen));
        }
        let condition = match condition {
            Value::Truths(device) => device,
            Value::Host(host) if matches!(host.data, HostData::Bool(_)) => self.constant(host),
            _ => return Err(Unsupported::new("a condition that is no truth values")),
        };
        self.choose(condition, a, b)
    }

    /// `a` where `condition` is 1, `b` elsewhere.
    pub(crate) fn choose(&mut self, condition: DeviceValue, a: Value, b: Value) -> Lowering<Value> {
        let ([condition, a, b], shape) = self.alike([Value::Truths(condition), a, b])?;
        let condition = self.floats_or_truths(condition)?;
        Ok(match (a, b) {
            (Value::Integers(a), Value::Integers(b)) => {
                let op = Op::Integers(IntegerOp::Choose);
                Value::Integers(self.computed(op, &[&condition, &a, &b], shape))
            }
            (Value::Truths(a), Value::Truths(b)) => {
                Value::Truths(self.computed(Op::Choose, &[&condition, &a, &b], shape))
            }
            (Value::Device(a), Value::Device(b)) => self.step(Op::Choose, &[&condition, &a, &b], shape),
            _ => return Err(Unsupported::new("choices of different types")),
        })
    }

    /// What is not 0.
    pub(crate) fn as_truths(&mut self, x: &DeviceValue) -> Value {
        let op = Op::Apply(|x| tested(x, |x, stored| Dispatch::float_not_equal_elem(x, 0.0.into(), stored)));
        Value::Truths(self.computed(op, &[x], x.shape.clone()))
    }

    /// Truth values on the device.
    pub(crate) fn truths(&mut self, argument: &Argument) -> Lowering<DeviceValue> {
        match self.value(argument)? {
            Value::Truths(device) => Ok(device),
            Value::Host(host) if matches!(host.data, HostData::Bool(_)) => Ok(self.constant(host)),
            _ => Err(Unsupported::new(format!("{:?} not being truth values", argument.name))),
        }
    }

    /// The value on the device as `f32`, which truth values are too.
    pub(crate) fn floats_or_truths(&mut self, value: Value) -> Lowering<DeviceValue> {
        match value {
            Value::Truths(device) => Ok(device),
            other => self.device(other),
        }
    }

    /// Uploaded, and expanded to the shape that all broadcast to.
    pub(crate) fn alike<const N: usize>(&mut self, values: [Value; N]) -> Lowering<([Value; N], Vec<usize>)> {
        let mut shape = vec![];
        for value in &values {
            let own = shape_of(value);
            shape = broadcast(&shape, own).ok_or_else(|| do_not_broadcast(&shape, own))?;
        }
        let mut expanded = Vec::with_capacity(N);
        for value in values {
            expanded.push(self.spread(value, &shape)?);
        }
        let expanded = <[Value; N]>::try_from(expanded);
        Ok((
            expanded.unwrap_or_else(|_| unreachable!("as many as there were")),
            shape,
        ))
    }

    /// The value in a shape that its own broadcasts to.
    pub(crate) fn spread(&mut self, value: Value, shape: &[usize]) -> Lowering<Value> {
        let rank = shape.len();
        let lifted = match self.uploaded(value)? {
            Value::Device(x) => Value::Device(self.lifted(x, rank)),
            Value::Truths(x) => Value::Truths(self.lifted(x, rank)),
            other => {
                // A scalar is stored with one dimension.
                let own = shape_of(&other).to_vec();
                let stored = own.len().max(1);
                if stored < rank {
                    self.reshaped(other, [vec![1; rank - own.len()], own].concat())
                } else {
                    other
                }
            }
        };
        if shape_of(&lifted) == shape || shape_of(&lifted).is_empty() && shape == [1] {
            return Ok(lifted);
        }
        self.moved(lifted, Movement::Expand(shape.to_vec()), shape.to_vec())
    }
}

/// The refusal of shapes that do not broadcast to one.
pub(crate) fn do_not_broadcast(a: &[usize], b: &[usize]) -> Unsupported {
    Unsupported::new(format!("shapes {a:?} and {b:?}, which do not broadcast"))
}

/// Operations of two truth values.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Logic {
    And,
    Or,
    Xor,
}
