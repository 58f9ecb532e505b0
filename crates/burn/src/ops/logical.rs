//! Logic on booleans and bits, comparisons, and choosing by a condition.

use burn_backend::ops::{FloatTensorOps, IntTensorOps};
use burn_dispatch::{Dispatch, DispatchTensor};
use onnx_ir::Argument;
use onnx_ir::node::is_inf::IsInfNode;

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{
    Comparison, EQUAL, GREATER, GREATER_OR_EQUAL, IntegerBinary, LESS, LESS_OR_EQUAL, Lowerer, Lowering, OpSpec, Value,
    element_type, fold_pair, op,
};
use crate::runtime::program::{IntegerOp, Op, ones_where};

pub(super) const OPS: &[OpSpec] = &[
    op!("And", cx, And(n) => logical(cx, Logic::And, &n.inputs))
        .folds(|_, _, inputs| fold_pair(inputs, |a, b| a.zip_bools(b, |a, b| a && b)))
        .ignores_inferred_rank(),
    op!("BitwiseAnd", cx, BitwiseAnd(n) => bitwise(cx, Dispatch::bitwise_and, &n.inputs)),
    op!("BitwiseNot", cx, BitwiseNot(n) => bitwise_not(cx, &n.inputs[0])),
    op!("BitwiseOr", cx, BitwiseOr(n) => bitwise(cx, Dispatch::bitwise_or, &n.inputs)),
    op!("BitwiseXor", cx, BitwiseXor(n) => bitwise(cx, Dispatch::bitwise_xor, &n.inputs)),
    op!("Equal", cx, Equal(n) => comparison(cx, &EQUAL, &n.inputs)).ignores_inferred_rank(),
    op!("Greater", cx, Greater(n) => comparison(cx, &GREATER, &n.inputs)).ignores_inferred_rank(),
    op!("GreaterOrEqual", cx, GreaterOrEqual(n) => comparison(cx, &GREATER_OR_EQUAL, &n.inputs))
        .ignores_inferred_rank(),
    op!("IsInf", cx, IsInf(n) => is_inf(cx, n)),
    op!("IsNaN", cx, IsNaN(n) => is_nan(cx, &n.inputs[0])),
    op!("Less", cx, Less(n) => comparison(cx, &LESS, &n.inputs)).ignores_inferred_rank(),
    op!("LessOrEqual", cx, LessOrEqual(n) => comparison(cx, &LESS_OR_EQUAL, &n.inputs)).ignores_inferred_rank(),
    op!("Not", cx, Not(n) => not(cx, &n.inputs[0]))
        .folds(|_, _, inputs| fold_not(inputs.first()?))
        .ignores_inferred_rank(),
    op!("Or", cx, Or(n) => logical(cx, Logic::Or, &n.inputs))
        .folds(|_, _, inputs| fold_pair(inputs, |a, b| a.zip_bools(b, |a, b| a || b)))
        .ignores_inferred_rank(),
    op!("Where", cx, Where(n) => where_(cx, &n.inputs)).ignores_inferred_rank(),
    op!("Xor", cx, Xor(n) => logical(cx, Logic::Xor, &n.inputs))
        .folds(|_, _, inputs| fold_pair(inputs, |a, b| a.zip_bools(b, |a, b| a != b)))
        .ignores_inferred_rank(),
];

/// Where a comparison holds.
fn comparison(cx: &mut Lowerer, comparison: &Comparison, inputs: &[Argument]) -> Lowering<Value> {
    let values = [cx.value(&inputs[0])?, cx.value(&inputs[1])?];
    cx.compare(comparison, values)
}

/// An operation on two booleans.
#[derive(Debug, Clone, Copy)]
enum Logic {
    And,
    Or,
    Xor,
}

/// a b for And, min(a + b, 1) for Or, |a - b| for Xor.
fn logical(cx: &mut Lowerer, kind: Logic, inputs: &[Argument]) -> Lowering<Value> {
    let (a, b) = (cx.bools(&inputs[0])?, cx.bools(&inputs[1])?);
    let ([a, b], shape) = cx.broadcast_together([Value::Bools(a), Value::Bools(b)])?;
    let operands = [&cx.floats_or_bools(a)?, &cx.floats_or_bools(b)?];
    let value = match kind {
        Logic::And => cx.emit(Op::Mul, &operands, shape),
        Logic::Or => {
            let sum = cx.emit(Op::Add, &operands, shape.clone());
            let (min, max) = (None, Some(1.0));
            cx.emit(Op::Clamp { min, max }, &[&sum], shape)
        }
        Logic::Xor => {
            let difference = cx.emit(Op::Sub, &operands, shape.clone());
            cx.emit(Op::Abs, &[&difference], shape)
        }
    };
    Ok(Value::Bools(value))
}

/// 1 - x.
fn not(cx: &mut Lowerer, input: &Argument) -> Lowering<Value> {
    let x = cx.bools(input)?;
    let negated = cx.emit(Op::MulScalar(-1.0), &[&x], x.shape.clone());
    Ok(Value::Bools(cx.emit(Op::AddScalar(1.0), &[&negated], x.shape)))
}

fn fold_not(x: &HostTensor) -> Option<HostTensor> {
    match &x.data {
        HostData::Bool(values) => Some(HostTensor {
            shape: x.shape.clone(),
            data: HostData::Bool(values.iter().map(|value| !value).collect()),
        }),
        _ => None,
    }
}

fn is_nan(cx: &mut Lowerer, input: &Argument) -> Lowering<Value> {
    let x = cx.floats(input)?;
    let op = Op::Unary(|x| ones_where(x, Dispatch::float_is_nan));
    Ok(Value::Bools(cx.emit(op, &[&x], x.shape.clone())))
}

fn is_inf(cx: &mut Lowerer, node: &IsInfNode) -> Lowering<Value> {
    let x = cx.floats(&node.inputs[0])?;
    let apply: fn(DispatchTensor) -> DispatchTensor = match (node.config.detect_negative, node.config.detect_positive) {
        (true, true) => |x| ones_where(x, Dispatch::float_is_inf),
        (false, true) => |x| {
            ones_where(x, |x, dtype| {
                Dispatch::float_greater_elem(x, f64::from(f32::MAX).into(), dtype)
            })
        },
        (true, false) => |x| {
            ones_where(x, |x, dtype| {
                Dispatch::float_lower_elem(x, f64::from(f32::MIN).into(), dtype)
            })
        },
        (false, false) => |x| {
            ones_where(x, |x, dtype| {
                Dispatch::float_greater_elem(x, f64::INFINITY.into(), dtype)
            })
        },
    };
    Ok(Value::Bools(cx.emit(Op::Unary(apply), &[&x], x.shape.clone())))
}

/// `a` where the condition is true, `b` elsewhere.
fn where_(cx: &mut Lowerer, inputs: &[Argument]) -> Lowering<Value> {
    let (condition, a, b) = (cx.value(&inputs[0])?, cx.value(&inputs[1])?, cx.value(&inputs[2])?);
    cx.where_value(condition, a, b)
}

/// An operation on the bits of two tensors of integers.
fn bitwise(cx: &mut Lowerer, operation: IntegerBinary, inputs: &[Argument]) -> Lowering<Value> {
    let values = [cx.value(&inputs[0])?, cx.value(&inputs[1])?];
    cx.integer_binary(operation, values, element_type(&inputs[0]))
}

fn bitwise_not(cx: &mut Lowerer, input: &Argument) -> Lowering<Value> {
    let x = cx.value(input)?;
    let x = cx.integers(x)?;
    let op = Op::Integers(IntegerOp::Unary(Dispatch::bitwise_not));
    let computed = cx.emit(op, &[&x], x.shape.clone());
    Ok(Value::Integers(cx.wrap_integers(computed, element_type(input))))
}
