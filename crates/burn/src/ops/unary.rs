//! Functions of one tensor, element by element.

use burn_backend::ops::{FloatTensorOps, IntTensorOps};
use burn_dispatch::{Dispatch, DispatchTensor};
use burn_tensor::DType as OnnxType;
use onnx_ir::node::clip::{ClipInput, ClipNode};
use onnx_ir::{Argument, Node};

use crate::lower::host_tensor::HostTensor;
use crate::lower::{Lowerer, Lowering, OpSpec, Unsupported, Value, element_type, fold_floats, fold_numbers, op};
use crate::runtime::program::{IntegerOp, Op};

pub(super) const OPS: &[OpSpec] = &[
    op!("Abs", cx, Abs(n) => unary_number(cx, Op::Abs, Dispatch::int_abs, &n.inputs[0]))
        .folds(|_, _, inputs| fold_numbers(inputs, f32::abs, i64::checked_abs))
        .ignores_inferred_rank(),
    op!("Acos", cx, Acos(n) => cx.unary(Op::Unary(Dispatch::float_acos), &n.inputs[0])),
    op!("Acosh", cx, Acosh(n) => cx.unary(Op::Unary(Dispatch::float_acosh), &n.inputs[0])),
    op!("Asin", cx, Asin(n) => cx.unary(Op::Unary(Dispatch::float_asin), &n.inputs[0])),
    op!("Asinh", cx, Asinh(n) => cx.unary(Op::Unary(Dispatch::float_asinh), &n.inputs[0])),
    op!("Atan", cx, Atan(n) => cx.unary(Op::Unary(Dispatch::float_atan), &n.inputs[0])),
    op!("Atanh", cx, Atanh(n) => cx.unary(Op::Unary(Dispatch::float_atanh), &n.inputs[0])),
    op!("Ceil", cx, Ceil(n) => cx.unary(Op::Ceil, &n.inputs[0])).folds(|_, _, inputs| fold_floats(inputs, f32::ceil)),
    op!("Clip", cx, Clip(n) => clip(cx, n))
        .folds(fold_clip)
        .ignores_inferred_rank(),
    op!("Cos", cx, Cos(n) => cx.unary(Op::Cos, &n.inputs[0])).folds(|_, _, inputs| fold_floats(inputs, f32::cos)),
    op!("Cosh", cx, Cosh(n) => cx.unary(Op::Unary(Dispatch::float_cosh), &n.inputs[0])),
    op!("Erf", cx, Erf(n) => cx.unary(Op::Erf, &n.inputs[0])).ignores_inferred_rank(),
    op!("Exp", cx, Exp(n) => cx.unary(Op::Exp, &n.inputs[0]))
        .folds(|_, _, inputs| fold_floats(inputs, f32::exp))
        .ignores_inferred_rank(),
    op!("Floor", cx, Floor(n) => cx.unary(Op::Floor, &n.inputs[0]))
        .folds(|_, _, inputs| fold_floats(inputs, f32::floor)),
    op!("Log", cx, Log(n) => cx.unary(Op::Log, &n.inputs[0]))
        .folds(|_, _, inputs| fold_floats(inputs, f32::ln))
        .ignores_inferred_rank(),
    op!("Neg", cx, Neg(n) => unary_number(cx, Op::MulScalar(-1.0), Dispatch::int_neg, &n.inputs[0]))
        .folds(|_, _, inputs| fold_numbers(inputs, |x| -x, i64::checked_neg))
        .ignores_inferred_rank(),
    op!("Reciprocal", cx, Reciprocal(n) => cx.unary(Op::Reciprocal, &n.inputs[0]))
        .folds(|_, _, inputs| fold_floats(inputs, f32::recip)),
    op!("Round", cx, Round(n) => cx.unary(Op::Unary(Dispatch::float_round), &n.inputs[0]))
        .folds(|_, _, inputs| fold_floats(inputs, f32::round_ties_even)),
    op!("Sign", cx, Sign(n) => unary_number(cx, Op::Sign, Dispatch::int_sign, &n.inputs[0]))
        .folds(|_, _, inputs| fold_numbers(inputs, sign, |x| Some(x.signum()))),
    op!("Sin", cx, Sin(n) => cx.unary(Op::Sin, &n.inputs[0])).folds(|_, _, inputs| fold_floats(inputs, f32::sin)),
    op!("Sinh", cx, Sinh(n) => cx.unary(Op::Unary(Dispatch::float_sinh), &n.inputs[0])),
    op!("Sqrt", cx, Sqrt(n) => cx.unary(Op::Sqrt, &n.inputs[0]))
        .folds(|_, _, inputs| fold_floats(inputs, f32::sqrt))
        .ignores_inferred_rank(),
    op!("Tan", cx, Tan(n) => cx.unary(Op::Unary(Dispatch::float_tan), &n.inputs[0])),
];

/// An operation of burn on one tensor of integers.
type IntegerUnary = fn(DispatchTensor) -> DispatchTensor;

/// burn's operation on floats or on integers, whichever the argument is.
fn unary_number(cx: &mut Lowerer, floats: Op, integers: IntegerUnary, input: &Argument) -> Lowering<Value> {
    let value = cx.value(input)?;
    if !value.is_integers() {
        return cx.unary(floats, input);
    }
    let x = cx.integers(value)?;
    let op = Op::Integers(IntegerOp::Unary(integers));
    let computed = cx.emit(op, &[&x], x.shape.clone());
    Ok(Value::Integers(cx.wrap_integers(computed, element_type(input))))
}

/// ONNX: the sign of 0 is 0. NaN stays NaN.
fn sign(x: f32) -> f32 {
    if x == 0.0 || x.is_nan() { x } else { x.signum() }
}

/// Limits elements to an interval.
fn clip(cx: &mut Lowerer, node: &ClipNode) -> Lowering<Value> {
    let min = clip_bound(cx, node.config.min.as_ref(), &node.inputs)?;
    let max = clip_bound(cx, node.config.max.as_ref(), &node.inputs)?;
    // ONNX: if min is greater than max, every element becomes max.
    let min = match (min, max) {
        (Some(min), Some(max)) => Some(min.min(max)),
        _ => min,
    };
    let Value::Integers(x) = cx.value(&node.inputs[0])? else {
        return cx.unary(Op::Clamp { min, max }, &node.inputs[0]);
    };
    let shape = x.shape.clone();
    let mut clipped = x;
    let bounds: [(fn(_, _) -> _, _); 2] = [(Dispatch::int_clamp_min, min), (Dispatch::int_clamp_max, max)];
    for (clamp, bound) in bounds {
        #[allow(clippy::cast_possible_truncation, reason = "saturates at the bounds of i32")]
        if let Some(bound) = bound {
            let op = Op::Integers(IntegerOp::WithScalar(clamp, bound as i32));
            clipped = cx.emit(op, &[&clipped], shape.clone());
        }
    }
    Ok(Value::Integers(clipped))
}

/// A bound of Clip, which must be known when the model is loaded.
fn clip_bound(cx: &Lowerer, bound: Option<&ClipInput>, inputs: &[Argument]) -> Lowering<Option<f64>> {
    match bound {
        // onnx-ir loses bounds of this type (UPSTREAM.md: "lost attributes and defaults").
        None if inputs
            .iter()
            .skip(1)
            .any(|input| !input.is_optional() && element_type(input) == OnnxType::I16) =>
        {
            Err(Unsupported::new("16-bit bounds"))
        }
        None => Ok(None),
        Some(ClipInput::Static(value)) => Ok(Some(*value)),
        Some(ClipInput::Runtime(reference)) => {
            let argument = &inputs[reference.input_index];
            let host = cx.host_value(argument)?;
            host.as_scalar()
                .map(Some)
                .ok_or_else(|| Unsupported::new("a bound that is not a single number"))
        }
    }
}

fn fold_clip(cx: &Lowerer, node: &Node, inputs: &[HostTensor]) -> Option<HostTensor> {
    let (Node::Clip(node), [x, ..]) = (node, inputs) else {
        return None;
    };
    let bound = |bound| clip_bound(cx, bound, &node.inputs).ok();
    let (min, max) = (
        bound(node.config.min.as_ref())?.unwrap_or(f64::NEG_INFINITY),
        bound(node.config.max.as_ref())?.unwrap_or(f64::INFINITY),
    );
    #[allow(clippy::cast_possible_truncation, reason = "floats are f32, and integers saturate")]
    // ONNX: if min is greater than max, every element becomes max.
    x.map_numbers(
        |x| x.max(min as f32).min(max as f32),
        |x| Some(x.max(min as i64).min(max as i64)),
    )
}
