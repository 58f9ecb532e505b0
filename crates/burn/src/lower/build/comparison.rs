//! Comparing values, and choosing between them.

use std::cmp::Ordering;

use burn_backend::BoolDType;
use burn_backend::ops::{FloatTensorOps, IntTensorOps};
use burn_dispatch::{Dispatch, DispatchTensor};

use crate::lower::host_tensor::HostData;
use crate::lower::lowerer::Lowerer;
use crate::lower::unsupported::{Lowering, Unsupported};
use crate::lower::value::{DeviceValue, Value};
use crate::runtime::program::{IntegerOp, Op};

type CompareFn = fn(DispatchTensor, DispatchTensor, BoolDType) -> DispatchTensor;

/// A comparison: burn's for floats, burn's for integers, and the orders of constants for which it
/// holds.
pub(crate) struct Comparison {
    floats: CompareFn,
    integers: CompareFn,
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
    /// Booleans: true where the comparison holds, with broadcasting. On the host if both values are
    /// constants.
    pub(crate) fn compare(&mut self, comparison: &Comparison, values: [Value; 2]) -> Lowering<Value> {
        if let [Value::Host(a), Value::Host(b)] = &values
            && let Some(bools) = a.compare(b, comparison.holds)
        {
            return Ok(Value::Host(bools));
        }
        let integers = values.iter().any(Value::is_integers);
        let ([a, b], shape) = self.broadcast_together(values)?;
        let (op, a, b) = if integers {
            let op = Op::Integers(IntegerOp::Compare(comparison.integers));
            (op, self.integers(a)?, self.integers(b)?)
        } else {
            let op = Op::Compare(comparison.floats);
            (op, self.floats_or_bools(a)?, self.floats_or_bools(b)?)
        };
        Ok(Value::Bools(self.emit(op, &[&a, &b], shape)))
    }

    /// Compares like [`Self::compare`], at least one of the values being on the device.
    pub(crate) fn compare_on_device(&mut self, comparison: &Comparison, values: [Value; 2]) -> Lowering<DeviceValue> {
        match self.compare(comparison, values)? {
            Value::Bools(bools) => Ok(bools),
            _ => unreachable!("values on the device are compared there"),
        }
    }

    /// `a` where the comparison of `a` with `b` holds, `b` elsewhere.
    pub(crate) fn where_compared(&mut self, comparison: &Comparison, a: Value, b: Value) -> Lowering<Value> {
        let condition = self.compare(comparison, [a.clone(), b.clone()])?;
        self.where_value(condition, a, b)
    }

    /// `a` where the condition is true, `b` elsewhere, with broadcasting. On the host if all three
    /// are constants.
    pub(crate) fn where_value(&mut self, condition: Value, a: Value, b: Value) -> Lowering<Value> {
        if let (Value::Host(condition), Value::Host(a), Value::Host(b)) = (&condition, &a, &b)
            && let Some(chosen) = condition.where_(a, b)
        {
            return Ok(Value::Host(chosen));
        }
        let condition = match condition {
            Value::Bools(device) => device,
            Value::Host(host) if matches!(host.data, HostData::Bool(_)) => self.constant(host),
            _ => return Err(Unsupported::new("a condition that does not hold booleans")),
        };
        self.where_device(condition, a, b)
    }

    /// `a` where a condition on the device is true, `b` elsewhere, with broadcasting.
    pub(crate) fn where_device(&mut self, condition: DeviceValue, a: Value, b: Value) -> Lowering<Value> {
        let ([condition, a, b], shape) = self.broadcast_together([Value::Bools(condition), a, b])?;
        let condition = self.floats_or_bools(condition)?;
        Ok(match (a, b) {
            (Value::Integers(a), Value::Integers(b)) => {
                let op = Op::Integers(IntegerOp::Where);
                Value::Integers(self.emit(op, &[&condition, &a, &b], shape))
            }
            (Value::Bools(a), Value::Bools(b)) => Value::Bools(self.emit(Op::Where, &[&condition, &a, &b], shape)),
            (Value::Floats(a), Value::Floats(b)) => self.emit_floats(Op::Where, &[&condition, &a, &b], shape),
            _ => return Err(Unsupported::new("a choice between values of different types")),
        })
    }
}
