//! Reshaping and broadcasting.

use crate::lower::host_tensor::broadcast;
use crate::lower::lowerer::Lowerer;
use crate::lower::unsupported::{Lowering, Unsupported};
use crate::lower::value::{DeviceValue, Value};
use crate::runtime::program::{IntegerOp, Movement, Op};

impl Lowerer {
    /// The same elements in another shape.
    pub(crate) fn reshape(&mut self, x: &DeviceValue, shape: Vec<usize>) -> DeviceValue {
        if x.shape == shape {
            return x.clone();
        }
        // A scalar is stored with one dimension.
        let stored = if shape.is_empty() { vec![1] } else { shape.clone() };
        self.emit(Op::Move(Movement::Reshape(stored)), &[x], shape)
    }

    /// The same elements in another shape, whatever their type. A constant stays on the host.
    pub(crate) fn reshape_value(&mut self, value: Value, shape: Vec<usize>) -> Value {
        // A scalar is stored with one dimension.
        let stored = if shape.is_empty() { vec![1] } else { shape.clone() };
        match value {
            Value::Host(host) => Value::Host(host.reshape(shape)),
            Value::Floats(device) if device.shape == shape => Value::Floats(device),
            Value::Floats(device) => self.emit_floats(Op::Move(Movement::Reshape(stored)), &[&device], shape),
            Value::Bools(device) if device.shape == shape => Value::Bools(device),
            Value::Bools(device) => Value::Bools(self.emit(Op::Move(Movement::Reshape(stored)), &[&device], shape)),
            Value::Integers(device) if device.shape == shape => Value::Integers(device),
            Value::Integers(device) => {
                let op = Op::Integers(IntegerOp::Move(Movement::Reshape(stored)));
                Value::Integers(self.emit(op, &[&device], shape))
            }
        }
    }

    /// Adds leading dimensions of length 1 up to a rank: burn's operations take operands of equal
    /// rank.
    pub(crate) fn unsqueeze_to(&mut self, x: DeviceValue, rank: usize) -> DeviceValue {
        // A scalar is stored with one dimension.
        let stored = x.shape.len().max(1);
        if stored >= rank {
            return x;
        }
        let mut shape = vec![1; rank - x.shape.len()];
        shape.extend_from_slice(&x.shape);
        if let Some(constant) = self.constant_mut(x.slot) {
            constant.shape.clone_from(&shape);
            return DeviceValue { slot: x.slot, shape };
        }
        self.emit(Op::Move(Movement::Reshape(shape.clone())), &[&x], shape)
    }

    /// Broadcasts values to one shape, on the device.
    pub(crate) fn broadcast_together<const N: usize>(
        &mut self,
        values: [Value; N],
    ) -> Lowering<([Value; N], Vec<usize>)> {
        let mut shape = vec![];
        for value in &values {
            let own = value.shape();
            shape = broadcast(&shape, own).ok_or_else(|| do_not_broadcast(&shape, own))?;
        }
        let mut expanded = Vec::with_capacity(N);
        for value in values {
            expanded.push(self.broadcast_to(value, &shape)?);
        }
        let expanded = <[Value; N]>::try_from(expanded);
        Ok((
            expanded.unwrap_or_else(|_| unreachable!("the number of values stays the same")),
            shape,
        ))
    }

    /// Broadcasts a value to a shape, on the device.
    pub(crate) fn broadcast_to(&mut self, value: Value, shape: &[usize]) -> Lowering<Value> {
        let rank = shape.len();
        let unsqueezed = match self.upload(value)? {
            Value::Floats(x) => Value::Floats(self.unsqueeze_to(x, rank)),
            Value::Bools(x) => Value::Bools(self.unsqueeze_to(x, rank)),
            other => {
                // A scalar is stored with one dimension.
                let own = other.shape().to_vec();
                let stored = own.len().max(1);
                if stored < rank {
                    self.reshape_value(other, [vec![1; rank - own.len()], own].concat())
                } else {
                    other
                }
            }
        };
        if unsqueezed.shape() == shape || unsqueezed.shape().is_empty() && shape == [1] {
            return Ok(unsqueezed);
        }
        self.move_value(unsqueezed, Movement::Expand(shape.to_vec()), shape.to_vec())
    }
}

/// The error for shapes that do not broadcast.
pub(crate) fn do_not_broadcast(a: &[usize], b: &[usize]) -> Unsupported {
    Unsupported::new(format!("shapes {a:?} and {b:?}, which do not broadcast,"))
}
