//! Moving elements, whatever their type.

use crate::lower::host_tensor::{HostTensor, MAX_COMPUTED_ELEMENTS};
use crate::lower::lowerer::Lowerer;
use crate::lower::unsupported::{Lowering, Unsupported};
use crate::lower::value::{DeviceValue, Value};
use crate::runtime::program::{IntegerOp, Movement, Op};

impl Lowerer {
    /// Moves the elements of a value, which gets a shape. Constants are uploaded.
    pub(crate) fn move_value(&mut self, value: Value, movement: Movement, shape: Vec<usize>) -> Lowering<Value> {
        self.move_value_with(value, movement, &[], shape)
    }

    /// Moves the elements of a value by indices, or joins them with others of their type.
    pub(crate) fn move_value_with(
        &mut self,
        value: Value,
        movement: Movement,
        others: &[&DeviceValue],
        shape: Vec<usize>,
    ) -> Lowering<Value> {
        let value = self.upload(value)?;
        let (Value::Floats(x) | Value::Bools(x) | Value::Integers(x)) = &value else {
            unreachable!("it was uploaded")
        };
        let operands: Vec<&DeviceValue> = std::iter::once(x).chain(others.iter().copied()).collect();
        Ok(match &value {
            Value::Integers(_) => {
                let op = Op::Integers(IntegerOp::Move(movement));
                Value::Integers(self.emit(op, &operands, shape))
            }
            Value::Bools(_) => Value::Bools(self.emit(Op::Move(movement), &operands, shape)),
            _ => self.emit_floats(Op::Move(movement), &operands, shape),
        })
    }

    /// Permutes the dimensions of a value. A constant stays on the host.
    pub(crate) fn permute_value(&mut self, value: Value, axes: Vec<usize>) -> Lowering<Value> {
        match value {
            Value::Host(host) => Ok(Value::Host(host.transpose(&axes))),
            value => {
                let shape = axes.iter().map(|&axis| value.shape()[axis]).collect();
                self.move_value(value, Movement::Permute(axes), shape)
            }
        }
    }

    /// Concatenates values along a dimension. Constants stay on the host.
    pub(crate) fn concat_values(&mut self, values: Vec<Value>, axis: usize) -> Lowering<Value> {
        let hosts: Option<Vec<&HostTensor>> = values
            .iter()
            .map(|value| match value {
                Value::Host(host) => Some(host),
                _ => None,
            })
            .collect();
        let misfit = || {
            Unsupported::new(format!(
                "concatenating values along axis {axis} that do not fit together, or are too large"
            ))
        };
        if let Some(hosts) = hosts {
            // Before they are copied: one constant may be meant a thousand times.
            if hosts.iter().map(|host| host.len()).sum::<usize>() > MAX_COMPUTED_ELEMENTS {
                return Err(misfit());
            }
            let hosts: Vec<HostTensor> = hosts.into_iter().cloned().collect();
            return HostTensor::concat(&hosts, axis).map(Value::Host).ok_or_else(misfit);
        }
        // Parts without elements are left out, here and below.
        let mut values = values.into_iter().peekable();
        while values.len() > 1 && values.peek().is_some_and(|value| value.shape().get(axis) == Some(&0)) {
            values.next();
        }
        let first = values
            .next()
            .ok_or_else(|| Unsupported::new("concatenating no values"))
            .and_then(|value| self.upload(value))?;
        let kind = std::mem::discriminant(&first);
        let mut others = Vec::new();
        for value in values {
            match self.upload(value)? {
                value if value.shape().get(axis) == Some(&0) => {}
                value if std::mem::discriminant(&value) != kind => {
                    return Err(Unsupported::new("concatenating values of different types"));
                }
                Value::Floats(x) | Value::Bools(x) | Value::Integers(x) => others.push(x),
                Value::Host(_) => unreachable!("it was uploaded"),
            }
        }
        let mut shape = first.shape().to_vec();
        let lengths = others.iter().map(|part| part.shape.get(axis).copied());
        let length: usize = lengths.sum::<Option<usize>>().ok_or_else(misfit)?;
        *shape.get_mut(axis).ok_or_else(misfit)? += length;
        let fits =
            |other: &[usize]| other.len() == shape.len() && (0..shape.len()).all(|d| d == axis || other[d] == shape[d]);
        if !others.iter().all(|part| fits(&part.shape)) {
            return Err(misfit());
        }
        self.move_value_with(
            first,
            Movement::Concat { axis },
            &others.iter().collect::<Vec<_>>(),
            shape,
        )
    }
}
