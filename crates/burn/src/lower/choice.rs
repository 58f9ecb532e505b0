//! Elements that are kept, replaced or found by a condition or a position.

use burn_backend::ops::FloatTensorOps;
use burn_dispatch::Dispatch;
use onnx_ir::Argument;
use onnx_ir::node::argmax::ArgMaxConfig;
use onnx_ir::node::argmin::ArgMinConfig;
use onnx_ir::node::cumsum::{CumSumAxis, CumSumNode};
use onnx_ir::node::trilu::{TriluDiagonal, TriluNode};

use super::movement::{resolve_axes, shape_of};
use super::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::host::{HostData, HostTensor};
use crate::plan::Op;

impl Lowerer {
    /// Number of elements.
    pub(super) fn size(&self, input: &Argument) -> Lowering<Value> {
        let count: usize = shape_of(&self.value(input)?).iter().product();
        Ok(Value::Host(HostTensor::from_dims([count]).reshaped(vec![])))
    }

    /// The upper or lower triangle of the last two dimensions, 0 elsewhere.
    pub(super) fn trilu(&mut self, node: &TriluNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let k = match &node.config.diagonal {
            TriluDiagonal::Static(k) => *k,
            TriluDiagonal::Runtime(reference) => {
                let k = self.host_integers(&node.inputs[reference.input_index])?;
                k.first().copied().unwrap_or(0)
            }
        };
        let &[.., rows, columns] = x.shape.as_slice() else {
            return Err(Unsupported::new(format!("a triangle of shape {:?}", x.shape)));
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
        let zero = self.number(0.0);
        self.choose(kept, x, zero)
    }

    /// x where it is larger than alpha, 0 elsewhere.
    pub(super) fn thresholded_relu(&mut self, alpha: f64, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let (above, zero) = (self.is_above(&x, alpha)?, self.number(0.0));
        self.choose(above, x, zero)
    }

    /// x + bias below -lambda, x - bias above lambda, 0 between.
    pub(super) fn shrink(&mut self, lambda: f64, bias: f64, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let above = self.is_above(&x, lambda)?;
        let negated = self.computed(Op::MulScalar(-1.0), &[&x], x.shape.clone());
        let below = self.is_above(&negated, lambda)?;
        let lower = self.computed(Op::AddScalar(-bias), &[&x], x.shape.clone());
        let higher = self.computed(Op::AddScalar(bias), &[&x], x.shape.clone());
        let zero = self.number(0.0);
        let rest = self.choose(below, higher, zero)?;
        let rest = self.device(rest)?;
        self.choose(above, lower, rest)
    }

    fn is_above(&mut self, x: &DeviceValue, bound: f64) -> Lowering<DeviceValue> {
        let bound = self.number(bound);
        self.compared_values(Dispatch::float_greater, [x.clone(), bound])
    }

    /// A constant without dimensions.
    #[allow(clippy::cast_possible_truncation, reason = "all device values are f32")]
    fn number(&mut self, value: f64) -> DeviceValue {
        self.constant(HostTensor {
            shape: vec![],
            data: HostData::F32(vec![value as f32]),
        })
    }

    pub(super) fn arg_max(&mut self, config: &ArgMaxConfig, input: &Argument) -> Lowering<Value> {
        self.arg_extreme(
            Op::ArgMax(config.axis),
            config.axis,
            config.keepdims,
            config.select_last_index,
            input,
        )
    }

    pub(super) fn arg_min(&mut self, config: &ArgMinConfig, input: &Argument) -> Lowering<Value> {
        self.arg_extreme(
            Op::ArgMin(config.axis),
            config.axis,
            config.keepdims,
            config.select_last_index,
            input,
        )
    }

    fn arg_extreme(&mut self, op: Op, axis: usize, keep: bool, last: bool, input: &Argument) -> Lowering<Value> {
        if last {
            return Err(Unsupported::new("the last of equal elements"));
        }
        let x = self.floats(input)?;
        let mut shape = x.shape.clone();
        match shape.get_mut(axis) {
            Some(size) => *size = 1,
            None => return Err(Unsupported::new(format!("dimension {axis} of shape {shape:?}"))),
        }
        let found = Value::Integers(self.computed(op, &[&x], shape.clone()));
        if !keep {
            shape.remove(axis);
        }
        Ok(self.reshaped(found, shape))
    }

    /// Sums of all elements up to each, along a dimension.
    pub(super) fn cumulated(&mut self, node: &CumSumNode) -> Lowering<Value> {
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
            true => this.computed(Op::Flip(axis), &[x], x.shape.clone()),
            false => x.clone(),
        };
        let turned = flipped(self, &x);
        let sums = self.computed(Op::CumulativeSum(axis), &[&turned], x.shape.clone());
        let sums = flipped(self, &sums);
        Ok(match node.config.exclusive {
            true => self.step(Op::Sub, &[&sums, &x], x.shape.clone()),
            false => Value::Device(sums),
        })
    }

    /// The largest of all positions: x [n, c, ..] -> [n, c, 1, ..].
    pub(super) fn global_max_pool(&mut self, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let &[n, c, ref positions @ ..] = x.shape.as_slice() else {
            return Err(Unsupported::new(format!("an input of shape {:?}", x.shape)));
        };
        let shape = [&[n, c], vec![1; positions.len()].as_slice()].concat();
        let flat = vec![n, c, positions.iter().product()];
        let flat = self.computed(Op::Reshape(flat.clone()), &[&x], flat);
        let largest = self.step(Op::MaxDim(2), &[&flat], vec![n, c, 1]);
        Ok(self.reshaped(largest, shape))
    }
}
