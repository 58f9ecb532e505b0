//! Operators that combine any number of tensors, element by element with broadcasting.

use onnx_ir::Argument;

use crate::lower::host_tensor::broadcast;
use crate::lower::{GREATER, LESS, Lowerer, Lowering, OpSpec, Unsupported, Value, do_not_broadcast, fold_all, op};
use crate::runtime::program::Op;

pub(super) const OPS: &[OpSpec] = &[
    op!("Max", cx,
        Max(n) => extremum(cx, Extremum::Max, &n.inputs),
        Custom(n) => extremum(cx, Extremum::Max, &n.inputs),
    )
    .folds(|_, _, inputs| fold_all(inputs, |a, b| a.zip_numbers(b, max, |a, b| Some(a.max(b)))))
    .ignores_inferred_rank()
    // onnx-ir takes two inputs only (UPSTREAM.md: "Max and Min").
    .bypasses_onnx_ir(1, |node, _| node.input.len() != 2),
    op!("Mean", cx, Mean(n) => sum(cx, &n.inputs, 1.0 / n.inputs.len() as f64)),
    op!("Min", cx,
        Min(n) => extremum(cx, Extremum::Min, &n.inputs),
        Custom(n) => extremum(cx, Extremum::Min, &n.inputs),
    )
    .folds(|_, _, inputs| fold_all(inputs, |a, b| a.zip_numbers(b, min, |a, b| Some(a.min(b)))))
    .ignores_inferred_rank()
    .bypasses_onnx_ir(1, |node, _| node.input.len() != 2),
    op!("Sum", cx, Sum(n) => sum(cx, &n.inputs, 1.0)),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extremum {
    Max,
    Min,
}

/// The maximum or minimum of several values.
fn extremum(cx: &mut Lowerer, kind: Extremum, inputs: &[Argument]) -> Lowering<Value> {
    // Most often one value is clamped, for which burn has an operation.
    if let Ok(value) = clamp_by_constants(cx, kind, inputs) {
        return Ok(value);
    }
    let comparison = match kind {
        Extremum::Max => &GREATER,
        Extremum::Min => &LESS,
    };
    let mut best: Option<Value> = None;
    for input in inputs {
        let value = cx.value(input)?;
        best = Some(match best {
            None => value,
            Some(best) => cx.where_compared(comparison, best, value)?,
        });
    }
    best.ok_or_else(|| Unsupported::new("no inputs"))
}

/// The maximum or minimum of one computed value and constants of one element.
fn clamp_by_constants(cx: &mut Lowerer, kind: Extremum, inputs: &[Argument]) -> Lowering<Value> {
    let (mut computed, mut bound, mut rank) = (None, None, 0);
    for input in inputs {
        match cx.value(input)? {
            Value::Host(host) if host.len() == 1 => {
                rank = rank.max(host.shape.len());
                let value = host.as_scalar().unwrap_or(f64::NAN);
                bound = Some(bound.map_or(value, |bound: f64| match kind {
                    Extremum::Max => bound.max(value),
                    Extremum::Min => bound.min(value),
                }));
            }
            Value::Floats(x) if computed.is_none() => computed = Some(x),
            _ => {
                return Err(Unsupported::new(
                    "more than one input that is not a constant of one element",
                ));
            }
        }
    }
    let x = computed.ok_or_else(|| Unsupported::new("only constants"))?;
    if rank > x.shape.len() {
        return Err(Unsupported::new(format!(
            "a constant of rank {rank} with shape {:?}",
            x.shape
        )));
    }
    let (min, max) = match kind {
        Extremum::Max => (bound, None),
        Extremum::Min => (None, bound),
    };
    Ok(cx.emit_floats(Op::Clamp { min, max }, &[&x], x.shape.clone()))
}

/// ONNX: NaN if either is NaN.
pub(super) fn max(a: f32, b: f32) -> f32 {
    if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) }
}

/// ONNX: NaN if either is NaN.
pub(super) fn min(a: f32, b: f32) -> f32 {
    -max(-a, -b)
}

/// The sum of all inputs times `factor`.
fn sum(cx: &mut Lowerer, inputs: &[Argument], factor: f64) -> Lowering<Value> {
    if inputs.len() == 1 {
        return cx.value(&inputs[0]);
    }
    let mut values = Vec::with_capacity(inputs.len());
    for input in inputs {
        values.push(cx.floats(input)?);
    }
    let mut values = values.into_iter();
    let mut sum = values.next().ok_or_else(|| Unsupported::new("no inputs"))?;
    for next in values {
        let shape = broadcast(&sum.shape, &next.shape).ok_or_else(|| do_not_broadcast(&sum.shape, &next.shape))?;
        let (a, b) = (cx.unsqueeze_to(sum, shape.len()), cx.unsqueeze_to(next, shape.len()));
        sum = cx.emit(Op::Add, &[&a, &b], shape);
    }
    Ok(match factor {
        1.0 => Value::Floats(sum),
        factor => cx.emit_floats(Op::MulScalar(factor), &[&sum], sum.shape.clone()),
    })
}
