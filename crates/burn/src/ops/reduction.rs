//! Reductions over dimensions.

use burn_backend::ops::IntTensorOps;
use burn_dispatch::{Dispatch, DispatchTensor};
use onnx_ir::node::argmax::ArgMaxConfig;
use onnx_ir::node::argmin::ArgMinConfig;
use onnx_ir::node::reduce::{ReduceAxes, ReduceConfig};
use onnx_ir::{Argument, Node};

use super::variadic::{max, min};
use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{Lowerer, Lowering, OpSpec, Unsupported, Value, op, resolve_axes};
use crate::runtime::program::{IntegerOp, Movement, Op};

pub(super) const OPS: &[OpSpec] = &[
    op!("ArgMax", cx, ArgMax(n) => arg_max(cx, &n.config, &n.inputs[0])),
    op!("ArgMin", cx, ArgMin(n) => arg_min(cx, &n.config, &n.inputs[0])),
    op!("ReduceL1", cx, ReduceL1(n) => reduce_mapped(cx, Op::Abs, &n.config, &n.inputs)),
    op!("ReduceL2", cx, ReduceL2(n) => {
        reduce_sum_square(cx, &n.config, &n.inputs).and_then(|sum| cx.map_value(sum, Op::Sqrt))
    }),
    op!("ReduceLogSum", cx, ReduceLogSum(n) => {
        reduce(cx, Reduction::Sum, &n.config, &n.inputs).and_then(|sum| cx.map_value(sum, Op::Log))
    }),
    op!("ReduceLogSumExp", cx, ReduceLogSumExp(n) => reduce_log_sum_exp(cx, &n.config, &n.inputs)),
    op!("ReduceMax", cx, ReduceMax(n) => reduce(cx, Reduction::Max, &n.config, &n.inputs)).folds(fold_reduction),
    op!("ReduceMean", cx, ReduceMean(n) => reduce(cx, Reduction::Mean, &n.config, &n.inputs)),
    op!("ReduceMin", cx, ReduceMin(n) => reduce(cx, Reduction::Min, &n.config, &n.inputs)).folds(fold_reduction),
    op!("ReduceProd", cx, ReduceProd(n) => reduce(cx, Reduction::Product, &n.config, &n.inputs)).folds(fold_reduction),
    op!("ReduceSum", cx, ReduceSum(n) => reduce(cx, Reduction::Sum, &n.config, &n.inputs)).folds(fold_reduction),
    op!("ReduceSumSquare", cx, ReduceSumSquare(n) => reduce_sum_square(cx, &n.config, &n.inputs)),
];

/// What elements are reduced to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reduction {
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
            Reduction::Product => Op::ProdDim(axis),
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
        Op::Integers(IntegerOp::AlongAxis(along, axis))
    }

    /// What an empty dimension is reduced to.
    fn of_empty(self) -> f32 {
        match self {
            Reduction::Max => f32::NEG_INFINITY,
            Reduction::Mean => f32::NAN,
            Reduction::Min => f32::INFINITY,
            Reduction::Product => 1.0,
            Reduction::Sum => 0.0,
        }
    }
}

fn reduce(cx: &mut Lowerer, kind: Reduction, config: &ReduceConfig, inputs: &[Argument]) -> Lowering<Value> {
    let x = cx.value(&inputs[0])?;
    reduce_value(cx, x, kind, config, inputs)
}

/// The sum of the squares.
fn reduce_sum_square(cx: &mut Lowerer, config: &ReduceConfig, inputs: &[Argument]) -> Lowering<Value> {
    let x = cx.floats(&inputs[0])?;
    let squares = cx.emit_floats(Op::Mul, &[&x, &x], x.shape.clone());
    reduce_value(cx, squares, Reduction::Sum, config, inputs)
}

/// The sum of what `op` makes of each element.
fn reduce_mapped(cx: &mut Lowerer, op: Op, config: &ReduceConfig, inputs: &[Argument]) -> Lowering<Value> {
    let x = cx.floats(&inputs[0])?;
    let mapped = cx.emit_floats(op, &[&x], x.shape.clone());
    reduce_value(cx, mapped, Reduction::Sum, config, inputs)
}

/// log(sum(exp(x))) as max + log(sum(exp(x - max))), which does not overflow.
fn reduce_log_sum_exp(cx: &mut Lowerer, config: &ReduceConfig, inputs: &[Argument]) -> Lowering<Value> {
    let x = cx.floats(&inputs[0])?;
    if x.shape.contains(&0) {
        let sum = reduce_value(cx, Value::Floats(x), Reduction::Sum, config, inputs)?;
        return cx.map_value(sum, Op::Log);
    }
    let kept = ReduceConfig {
        keepdims: true,
        ..config.clone()
    };
    let largest = reduce_value(cx, Value::Floats(x.clone()), Reduction::Max, &kept, inputs)?;
    let largest = cx.device_floats(largest)?;
    // exp and log handle infinities.
    let (min, max) = (Some(f64::from(f32::MIN)), Some(f64::from(f32::MAX)));
    let largest = cx.map(Op::Clamp { min, max }, &largest);
    let below = cx.emit(Op::Sub, &[&x, &largest], x.shape.clone());
    let shares = cx.emit_floats(Op::Exp, &[&below], x.shape.clone());
    let sum = reduce_value(cx, shares, Reduction::Sum, config, inputs)?;
    let sum = cx.device_floats(sum)?;
    let logarithm = cx.map(Op::Log, &sum);
    let largest = cx.reshape(&largest, sum.shape);
    Ok(Value::Floats(cx.zip(Op::Add, &logarithm, &largest)))
}

fn reduce_value(
    cx: &mut Lowerer,
    x: Value,
    kind: Reduction,
    config: &ReduceConfig,
    inputs: &[Argument],
) -> Lowering<Value> {
    let x = cx.upload(x)?;
    let own = x.shape().to_vec();
    let rank = own.len();
    let mut axes = match &config.axes {
        ReduceAxes::Static(axes) => axes.clone(),
        ReduceAxes::Runtime(reference) => resolve_axes(&cx.host_integers(&inputs[reference.input_index])?, rank)?,
    };
    if axes.is_empty() {
        if config.noop_with_empty_axes {
            return Ok(x);
        }
        axes = (0..rank).collect();
    }
    if let Some(axis) = axes.iter().find(|&&axis| axis >= rank) {
        return Err(Unsupported::new(format!("axis {axis} of shape {own:?}")));
    }
    let mut shape = own.clone();
    axes.iter().for_each(|&axis| shape[axis] = 1);
    let reduced = if own.contains(&0) {
        let Value::Floats(_) = x else {
            return Err(Unsupported::new(format!("integers of shape {own:?}")));
        };
        let data = HostData::F32(vec![kind.of_empty(); shape.iter().product()]);
        Value::Host(HostTensor {
            shape: shape.clone(),
            data,
        })
    } else {
        reduce_along(cx, x, kind, &axes)?
    };
    if config.keepdims {
        return Ok(reduced);
    }
    let kept = (0..rank).filter(|axis| !axes.contains(axis));
    let kept = kept.map(|axis| shape[axis]).collect();
    Ok(cx.reshape_value(reduced, kept))
}

/// Reduces one dimension after the other. They stay with length 1.
fn reduce_along(cx: &mut Lowerer, x: Value, kind: Reduction, axes: &[usize]) -> Lowering<Value> {
    let (is_integer, is_bool) = (matches!(x, Value::Integers(_)), matches!(x, Value::Bools(_)));
    if is_bool && !matches!(kind, Reduction::Max | Reduction::Min) {
        return Err(Unsupported::new(format!("the {kind:?} of booleans").to_lowercase()));
    }
    let (Value::Floats(mut x) | Value::Bools(mut x) | Value::Integers(mut x)) = x else {
        unreachable!("it was uploaded")
    };
    let mut shape = x.shape.clone();
    // Taking the mean of one dimension after the other would truncate more than once.
    let is_integer_mean = is_integer && kind == Reduction::Mean;
    let count: usize = axes.iter().map(|&axis| shape[axis]).product();
    for &axis in axes {
        shape[axis] = 1;
        let op = match (is_integer_mean, is_integer) {
            (true, _) => Reduction::Sum.integers(axis),
            (_, true) => kind.integers(axis),
            _ => kind.floats(axis),
        };
        x = cx.emit(op, &[&x], shape.clone());
    }
    if is_integer_mean {
        let count = i32::try_from(count).map_err(|_| Unsupported::new(format!("the mean of {count} integers")))?;
        let op = Op::Integers(IntegerOp::WithScalar(Dispatch::int_div_scalar, count));
        x = cx.map(op, &x);
    }
    Ok(match (is_integer, is_bool) {
        (true, _) => Value::Integers(x),
        (_, true) => Value::Bools(x),
        _ => Value::Floats(x),
    })
}

fn fold_reduction(cx: &Lowerer, node: &Node, _: &[HostTensor]) -> Option<HostTensor> {
    match node {
        Node::ReduceMax(n) => reduce_host(cx, &n.config, &n.inputs, max, |a, b| Some(a.max(b))),
        Node::ReduceMin(n) => reduce_host(cx, &n.config, &n.inputs, min, |a, b| Some(a.min(b))),
        Node::ReduceProd(n) => reduce_host(cx, &n.config, &n.inputs, |a, b| a * b, i64::checked_mul),
        Node::ReduceSum(n) => reduce_host(cx, &n.config, &n.inputs, |a, b| a + b, i64::checked_add),
        _ => None,
    }
}

fn reduce_host(
    cx: &Lowerer,
    config: &ReduceConfig,
    inputs: &[Argument],
    floats: fn(f32, f32) -> f32,
    integers: fn(i64, i64) -> Option<i64>,
) -> Option<HostTensor> {
    let Value::Host(x) = cx.value(&inputs[0]).ok()? else {
        return None;
    };
    let rank = x.shape.len();
    let mut axes = match &config.axes {
        ReduceAxes::Static(axes) => axes.clone(),
        ReduceAxes::Runtime(reference) => {
            resolve_axes(&cx.host_integers(&inputs[reference.input_index]).ok()?, rank).ok()?
        }
    };
    if axes.is_empty() {
        if config.noop_with_empty_axes {
            return Some(x);
        }
        axes = (0..rank).collect();
    }
    axes.iter()
        .try_fold(x, |x, &axis| x.reduce(axis, floats, integers))
        .map(|reduced| {
            if config.keepdims {
                return reduced;
            }
            let kept = (0..rank).filter(|axis| !axes.contains(axis));
            let shape = kept.map(|axis| reduced.shape[axis]).collect();
            reduced.reshape(shape)
        })
}

fn arg_max(cx: &mut Lowerer, config: &ArgMaxConfig, input: &Argument) -> Lowering<Value> {
    arg_extremum(
        cx,
        Op::ArgMax(config.axis),
        config.axis,
        config.keepdims,
        config.select_last_index,
        input,
    )
}

fn arg_min(cx: &mut Lowerer, config: &ArgMinConfig, input: &Argument) -> Lowering<Value> {
    arg_extremum(
        cx,
        Op::ArgMin(config.axis),
        config.axis,
        config.keepdims,
        config.select_last_index,
        input,
    )
}

/// The index of the first or last maximum or minimum along a dimension. `op` finds the first one.
fn arg_extremum(cx: &mut Lowerer, op: Op, axis: usize, keep: bool, last: bool, input: &Argument) -> Lowering<Value> {
    let x = cx.floats(input)?;
    let own = x.shape.clone();
    let mut shape = own.clone();
    match shape.get_mut(axis) {
        Some(size) => *size = 1,
        None => return Err(Unsupported::new(format!("axis {axis} of shape {shape:?}"))),
    }
    let found = if last {
        // The last one is the first one of the reversed dimension.
        let reversed = cx.emit(Op::Move(Movement::Flip(axis)), &[&x], own.clone());
        let from_end = cx.emit(op, &[&reversed], shape.clone());
        let negated = Op::Integers(IntegerOp::Unary(Dispatch::int_neg));
        let negated = cx.emit(negated, &[&from_end], shape.clone());
        let last = i32::try_from(own[axis].saturating_sub(1));
        let last = last.map_err(|_| Unsupported::new(format!("axis {axis} of shape {own:?}")))?;
        let shifted = Op::Integers(IntegerOp::WithScalar(Dispatch::int_add_scalar, last));
        cx.emit(shifted, &[&negated], shape.clone())
    } else {
        cx.emit(op, &[&x], shape.clone())
    };
    let found = Value::Integers(found);
    if !keep {
        shape.remove(axis);
    }
    Ok(cx.reshape_value(found, shape))
}
