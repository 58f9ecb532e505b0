//! Elements that are kept, replaced or found by a condition or a position.

use burn_backend::ops::IntTensorOps;
use burn_dispatch::Dispatch;
use onnx_ir::Argument;
use onnx_ir::node::argmax::ArgMaxConfig;
use onnx_ir::node::argmin::ArgMinConfig;
use onnx_ir::node::cumsum::{CumSumAxis, CumSumNode};
use onnx_ir::node::trilu::{TriluDiagonal, TriluNode};

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::integers::are_integers;
use crate::ops::layout::{resolve_axes, shape_of};
use crate::ops::logical::{EQUAL, GREATER};
use crate::runtime::program::{IntegerOp, Movement, Op, Range};

impl Lowerer {
    /// The value itself and, if the model reads it, that all of it is kept: dropout when nothing is trained.
    pub(crate) fn kept(&mut self, input: &Argument, mask: Option<&Argument>) -> Lowering<Vec<Value>> {
        let x = self.value(input)?;
        if !mask.is_some_and(|mask| self.uses.contains_key(&mask.name)) {
            return Ok(vec![x]);
        }
        let shape = shape_of(&x).to_vec();
        let data = HostData::Bool(vec![true; shape.iter().product()]);
        Ok(vec![x, Value::Host(HostTensor { shape, data })])
    }

    /// The upper or lower triangle of the last two dimensions, 0 elsewhere.
    pub(crate) fn trilu(&mut self, node: &TriluNode) -> Lowering<Value> {
        let x = self.value(&node.inputs[0])?;
        let own = shape_of(&x).to_vec();
        let k = match &node.config.diagonal {
            TriluDiagonal::Static(k) => *k,
            TriluDiagonal::Runtime(reference) => {
                let k = self.host_integers(&node.inputs[reference.input_index])?;
                k.first().copied().unwrap_or(0)
            }
        };
        let &[.., rows, columns] = own.as_slice() else {
            return Err(Unsupported::new(format!("a triangle of shape {own:?}")));
        };
        let kept = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let kept = kept.map(|(row, column)| {
            let right = i128::try_from(column).unwrap_or(i128::MAX) - i128::try_from(row).unwrap_or(i128::MAX);
            if node.config.upper {
                right >= i128::from(k)
            } else {
                right <= i128::from(k)
            }
        });
        let kept = self.constant(HostTensor {
            shape: vec![rows, columns],
            data: HostData::Bool(kept.collect()),
        });
        let zero = Value::Host(HostTensor {
            shape: vec![],
            data: match &x {
                x if are_integers(x) => HostData::I64(vec![0]),
                Value::Truths(_) => HostData::Bool(vec![false]),
                _ => HostData::F32(vec![0.0]),
            },
        });
        self.choose(kept, x, zero)
    }

    /// x where it is larger than alpha, 0 elsewhere.
    pub(crate) fn thresholded_relu(&mut self, alpha: f64, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let above = self.is_above(&x, alpha)?;
        self.choose(above, Value::Device(x), number(0.0))
    }

    /// x + bias below -lambda, x - bias above lambda, 0 between.
    pub(crate) fn shrink(&mut self, lambda: f64, bias: f64, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let above = self.is_above(&x, lambda)?;
        let negated = self.computed(Op::MulScalar(-1.0), &[&x], x.shape.clone());
        let below = self.is_above(&negated, lambda)?;
        let lower = self.step(Op::AddScalar(-bias), &[&x], x.shape.clone());
        let higher = self.step(Op::AddScalar(bias), &[&x], x.shape.clone());
        let rest = self.choose(below, higher, number(0.0))?;
        self.choose(above, lower, rest)
    }

    fn is_above(&mut self, x: &DeviceValue, bound: f64) -> Lowering<DeviceValue> {
        match self.compared_values(&GREATER, [Value::Device(x.clone()), number(bound)])? {
            Value::Truths(above) => Ok(above),
            _ => unreachable!("what is computed is compared on the device"),
        }
    }

    pub(crate) fn arg_max(&mut self, config: &ArgMaxConfig, input: &Argument) -> Lowering<Value> {
        self.arg_extreme(
            Op::ArgMax(config.axis),
            config.axis,
            config.keepdims,
            config.select_last_index,
            input,
        )
    }

    pub(crate) fn arg_min(&mut self, config: &ArgMinConfig, input: &Argument) -> Lowering<Value> {
        self.arg_extreme(
            Op::ArgMin(config.axis),
            config.axis,
            config.keepdims,
            config.select_last_index,
            input,
        )
    }

    fn arg_extreme(&mut self, op: Op, axis: usize, keep: bool, last: bool, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let own = x.shape.clone();
        let mut shape = own.clone();
        match shape.get_mut(axis) {
            Some(size) => *size = 1,
            None => return Err(Unsupported::new(format!("dimension {axis} of shape {shape:?}"))),
        }
        let found = if last {
            // The first of what was turned round.
            let turned = self.computed(Op::Move(Movement::Flip(axis)), &[&x], own.clone());
            let from_end = self.computed(op, &[&turned], shape.clone());
            let negated = Op::Integers(IntegerOp::Apply(Dispatch::int_neg));
            let negated = self.computed(negated, &[&from_end], shape.clone());
            let last = i32::try_from(own[axis].saturating_sub(1));
            let last = last.map_err(|_| Unsupported::new(format!("dimension {axis} of shape {own:?}")))?;
            let shifted = Op::Integers(IntegerOp::WithNumber(Dispatch::int_add_scalar, last));
            self.computed(shifted, &[&negated], shape.clone())
        } else {
            self.computed(op, &[&x], shape.clone())
        };
        let found = Value::Integers(found);
        if !keep {
            shape.remove(axis);
        }
        Ok(self.reshaped(found, shape))
    }

    /// Sums of all elements up to each, along a dimension.
    pub(crate) fn cumulated(&mut self, node: &CumSumNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let axis = match &node.config.axis {
            CumSumAxis::Static(axis) => *axis,
            CumSumAxis::Runtime(reference) => {
                let axes = self.host_integers(&node.inputs[reference.input_index])?;
                resolve_axes(&axes, x.shape.len())?.first().copied().unwrap_or(0)
            }
        };
        if axis >= x.shape.len() {
            return Err(Unsupported::new(format!("dimension {axis} of shape {:?}", x.shape)));
        }
        let flipped = |this: &mut Self, x: &DeviceValue| match node.config.reverse {
            true => this.computed(Op::Move(Movement::Flip(axis)), &[x], x.shape.clone()),
            false => x.clone(),
        };
        let turned = flipped(self, &x);
        let sums = self.computed(Op::CumulativeSum(axis), &[&turned], x.shape.clone());
        if !node.config.exclusive {
            return Ok(Value::Device(flipped(self, &sums)));
        }
        // Moved on by one, because an element taken away again takes digits with it.
        let mut first = x.shape.clone();
        first[axis] = 1;
        let zeros = Value::Host(HostTensor {
            data: HostData::F32(vec![0.0; first.iter().product()]),
            shape: first,
        });
        let mut parts = vec![zeros];
        if x.shape[axis] > 1 {
            let mut shape = x.shape.clone();
            shape[axis] -= 1;
            let ranges = shape.iter().map(|&end| Range { start: 0, end, step: 1 }).collect();
            parts.push(self.moved(Value::Device(sums), Movement::Slice(ranges), shape)?);
        }
        let moved = self.joined_values(parts, axis)?;
        let moved = self.device(moved)?;
        Ok(Value::Device(flipped(self, &moved)))
    }

    /// Softmax or its like along a dimension. Until opset 12 `axis` parts the input into the dimensions of rows and those of columns, and
    /// all columns of a row are taken together (ONNX operators, Softmax-11).
    pub(crate) fn over_rows(
        &mut self,
        axis: usize,
        input: &Argument,
        apply: impl FnOnce(&mut Self, &DeviceValue, usize) -> Lowering<DeviceValue>,
    ) -> Lowering<Value> {
        let x = self.floats(input)?;
        if self.opset >= 13 || axis + 1 == x.shape.len() {
            return apply(self, &x, axis).map(Value::Device);
        }
        let refused = || Unsupported::new(format!("dimension {axis} of shape {:?}", x.shape));
        let (rows, columns) = x.shape.split_at_checked(axis).ok_or_else(refused)?;
        let matrix = self.viewed(&x, vec![rows.iter().product(), columns.iter().product()]);
        let y = apply(self, &matrix, 1)?;
        Ok(Value::Device(self.viewed(&y, x.shape)))
    }

    /// 1 at the first of the largest elements along a dimension, 0 elsewhere.
    pub(crate) fn hardmax(&mut self, x: &DeviceValue, axis: usize) -> Lowering<DeviceValue> {
        let mut shape = x.shape.clone();
        let refused = || Unsupported::new(format!("dimension {axis} of shape {:?}", x.shape));
        let size = std::mem::replace(shape.get_mut(axis).ok_or_else(refused)?, 1);
        let largest = self.computed(Op::ArgMax(axis), &[x], shape.clone());
        shape.fill(1);
        shape[axis] = size;
        let positions = Value::Host(HostTensor::from_dims(0..size).reshaped(shape));
        match self.compared_values(&EQUAL, [Value::Integers(largest), positions])? {
            Value::Truths(found) => Ok(found),
            _ => unreachable!("what is computed is compared on the device"),
        }
    }
}

/// A constant without dimensions.
#[allow(clippy::cast_possible_truncation, reason = "all device values are f32")]
pub(crate) fn number(value: f64) -> Value {
    Value::Host(HostTensor {
        shape: vec![],
        data: HostData::F32(vec![value as f32]),
    })
}
