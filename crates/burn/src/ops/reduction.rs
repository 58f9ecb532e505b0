//! Sums, means and maxima over dimensions.

use burn_backend::ops::IntTensorOps;
use burn_dispatch::{Dispatch, DispatchTensor};
use onnx_ir::Argument;
use onnx_ir::node::reduce::{ReduceAxes, ReduceConfig};

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::layout::{resolve_axes, shape_of};
use crate::runtime::program::{IntegerOp, Op};

/// What elements are reduced to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reduction {
    Max,
    Mean,
    Min,
    Product,
    Sum,
}

impl Reduction {
    fn floats(self, axis: usize) -> Op {
        match self {
            Reduction::Max => Op::MaxDim(axis),
            Reduction::Mean => Op::MeanDim(axis),
            Reduction::Min => Op::MinDim(axis),
            Reduction::Product => Op::ProductDim(axis),
            Reduction::Sum => Op::SumDim(axis),
        }
    }

    fn integers(self, axis: usize) -> Op {
        let along: fn(DispatchTensor, usize) -> DispatchTensor = match self {
            Reduction::Max => Dispatch::int_max_dim,
            Reduction::Mean => Dispatch::int_mean_dim,
            Reduction::Min => Dispatch::int_min_dim,
            Reduction::Product => Dispatch::int_prod_dim,
            Reduction::Sum => Dispatch::int_sum_dim,
        };
        Op::Integers(IntegerOp::Along(along, axis))
    }

    /// What no elements are reduced to.
    fn of_none(self) -> f32 {
        match self {
            Reduction::Max => f32::NEG_INFINITY,
            Reduction::Mean => f32::NAN,
            Reduction::Min => f32::INFINITY,
            Reduction::Product => 1.0,
            Reduction::Sum => 0.0,
        }
    }
}

impl Lowerer {
    /// Reduces one dimension after the other, each of which is kept with length 1 first.
    pub(crate) fn reduce(&mut self, kind: Reduction, config: &ReduceConfig, inputs: &[Argument]) -> Lowering<Value> {
        let x = self.value(&inputs[0])?;
        self.reduced(x, kind, config, inputs)
    }

    /// The sum of the squares.
    pub(crate) fn reduce_squares(&mut self, config: &ReduceConfig, inputs: &[Argument]) -> Lowering<Value> {
        let x = self.floats(&inputs[0])?;
        let squares = self.step(Op::Mul, &[&x, &x], x.shape.clone());
        self.reduced(squares, Reduction::Sum, config, inputs)
    }

    /// The sum of what `before` makes of each element.
    pub(crate) fn reduce_mapped(&mut self, before: Op, config: &ReduceConfig, inputs: &[Argument]) -> Lowering<Value> {
        let x = self.floats(&inputs[0])?;
        let mapped = self.step(before, &[&x], x.shape.clone());
        self.reduced(mapped, Reduction::Sum, config, inputs)
    }

    /// log(sum(exp(x))) as max + log(sum(exp(x - max))), which does not overflow.
    pub(crate) fn reduce_log_sum_exp(&mut self, config: &ReduceConfig, inputs: &[Argument]) -> Lowering<Value> {
        let x = self.floats(&inputs[0])?;
        if x.shape.contains(&0) {
            let sum = self.reduced(Value::Device(x), Reduction::Sum, config, inputs)?;
            return self.then(sum, Op::Log);
        }
        let kept = ReduceConfig {
            keepdims: true,
            ..config.clone()
        };
        let largest = self.reduced(Value::Device(x.clone()), Reduction::Max, &kept, inputs)?;
        let largest = self.device(largest)?;
        // Infinities are left to exp and log.
        let (min, max) = (Some(f64::from(f32::MIN)), Some(f64::from(f32::MAX)));
        let largest = self.same(Op::Clamp { min, max }, &largest);
        let below = self.computed(Op::Sub, &[&x, &largest], x.shape.clone());
        let shares = self.step(Op::Exp, &[&below], x.shape.clone());
        let sum = self.reduced(shares, Reduction::Sum, config, inputs)?;
        let sum = self.device(sum)?;
        let logarithm = self.same(Op::Log, &sum);
        let largest = self.viewed(&largest, sum.shape);
        Ok(Value::Device(self.both(Op::Add, &logarithm, &largest)))
    }

    /// What `after` makes of a reduced value.
    pub(crate) fn then(&mut self, reduced: Value, after: Op) -> Lowering<Value> {
        let x = self.device(reduced)?;
        Ok(self.step(after, &[&x], x.shape.clone()))
    }

    fn reduced(&mut self, x: Value, kind: Reduction, config: &ReduceConfig, inputs: &[Argument]) -> Lowering<Value> {
        let x = self.uploaded(x)?;
        let own = shape_of(&x).to_vec();
        let rank = own.len();
        let mut axes = match &config.axes {
            ReduceAxes::Static(axes) => axes.clone(),
            ReduceAxes::Runtime(reference) => resolve_axes(&self.host_integers(&inputs[reference.input_index])?, rank)?,
        };
        if axes.is_empty() {
            if config.noop_with_empty_axes {
                return Ok(x);
            }
            axes = (0..rank).collect();
        }
        if let Some(axis) = axes.iter().find(|&&axis| axis >= rank) {
            return Err(Unsupported::new(format!("dimension {axis} of shape {own:?}")));
        }
        let mut shape = own.clone();
        axes.iter().for_each(|&axis| shape[axis] = 1);
        let reduced = if own.contains(&0) {
            let Value::Device(_) = x else {
                return Err(Unsupported::new(format!("integers of shape {own:?}")));
            };
            let data = HostData::F32(vec![kind.of_none(); shape.iter().product()]);
            Value::Host(HostTensor {
                shape: shape.clone(),
                data,
            })
        } else {
            self.reduced_along(x, kind, &axes)?
        };
        if config.keepdims {
            return Ok(reduced);
        }
        let kept = (0..rank).filter(|axis| !axes.contains(axis));
        let kept = kept.map(|axis| shape[axis]).collect();
        Ok(self.reshaped(reduced, kept))
    }

    fn reduced_along(&mut self, x: Value, kind: Reduction, axes: &[usize]) -> Lowering<Value> {
        let (is_integer, is_truth) = (matches!(x, Value::Integers(_)), matches!(x, Value::Truths(_)));
        if is_truth && !matches!(kind, Reduction::Max | Reduction::Min) {
            return Err(Unsupported::new(format!("the {kind:?} of truth values").to_lowercase()));
        }
        let (Value::Device(mut x) | Value::Truths(mut x) | Value::Integers(mut x)) = x else {
            unreachable!("it was uploaded")
        };
        let mut shape = x.shape.clone();
        // A mean of whole means would be cut off more than once.
        let is_whole_mean = is_integer && kind == Reduction::Mean;
        let count: usize = axes.iter().map(|&axis| shape[axis]).product();
        for &axis in axes {
            shape[axis] = 1;
            let op = match (is_whole_mean, is_integer) {
                (true, _) => Reduction::Sum.integers(axis),
                (_, true) => kind.integers(axis),
                _ => kind.floats(axis),
            };
            x = self.computed(op, &[&x], shape.clone());
        }
        if is_whole_mean {
            let count = i32::try_from(count).map_err(|_| Unsupported::new(format!("the mean of {count} integers")))?;
            let op = Op::Integers(IntegerOp::WithNumber(Dispatch::int_div_scalar, count));
            x = self.same(op, &x);
        }
        Ok(match (is_integer, is_truth) {
            (true, _) => Value::Integers(x),
            (_, true) => Value::Truths(x),
            _ => Value::Device(x),
        })
    }

    /// The mean over dimensions, which are kept with length 1.
    pub(crate) fn mean(&mut self, x: &DeviceValue, axes: &[usize]) -> DeviceValue {
        let mut shape = x.shape.clone();
        axes.iter().fold(x.clone(), |x, &axis| {
            shape[axis] = 1;
            self.computed(Op::MeanDim(axis), &[&x], shape.clone())
        })
    }
}
