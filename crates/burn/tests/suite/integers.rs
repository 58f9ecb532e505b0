//! Arithmetic on integers that are computed while the model runs, on tract and on burn-flex: their outputs must agree.

use tare_models::{Attribute, Graph, Value};

use crate::common::{agree, graph};

const FLOAT: i64 = 1;
const INT32: i64 = 6;
const INT64: i64 = 7;

/// What `build` makes of integers between -8 and 8.
#[track_caller]
fn on_integers(dtype: i64, build: impl FnOnce(&mut Graph, &Value) -> Value) {
    agree(graph(&[3, 4], &[3, 4], |g, x| {
        let eight = g.constant("eight", &[], &[8.0]);
        let wide = g.node("wide", "Mul", &[x, &eight], &[]);
        let whole = g.node("whole", "Cast", &[&wide], &[Attribute::Int("to", dtype)]);
        let made = build(g, &whole);
        g.node("y", "Cast", &[&made], &[Attribute::Int("to", FLOAT)])
    }));
}

#[test]
fn arithmetic_agrees() {
    for operator in ["Add", "Sub", "Mul", "Div", "Max", "Min"] {
        on_integers(INT64, |g, x| {
            let row = g.integers("row", &[3, -2, 5, -7]);
            g.node("made", operator, &[x, &row], &[])
        });
        // Nothing is divided by zero.
        on_integers(INT32, |g, x| {
            let row = g.integers("row", &[2, 3, -4, 5]);
            let row = g.node("narrow", "Cast", &[&row], &[Attribute::Int("to", INT32)]);
            g.node("made", operator, &[x, &row], &[])
        });
    }
    for operator in ["Abs", "Neg", "Sign"] {
        on_integers(INT32, |g, x| g.node("made", operator, &[x], &[]));
    }
}

#[test]
fn comparisons_and_choices_agree() {
    for operator in ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"] {
        on_integers(INT64, |g, x| {
            let row = g.integers("row", &[3, -2, 0, -7]);
            let truth = g.node("truth", operator, &[x, &row], &[]);
            g.node("made", "Where", &[&truth, x, &row], &[])
        });
    }
}

#[test]
fn integers_are_moved_alike() {
    on_integers(INT64, |g, x| {
        let turned = g.node("turned", "Transpose", &[x], &[Attribute::Ints("perm", vec![1, 0])]);
        let both = g.node("both", "Concat", &[&turned, &turned], &[Attribute::Int("axis", 1)]);
        let (starts, ends) = (g.integers("starts", &[0, 0]), g.integers("ends", &[3, 4]));
        g.node("made", "Slice", &[&both, &starts, &ends], &[])
    });
    for upper in [0, 1] {
        on_integers(INT64, |g, x| {
            g.node("made", "Trilu", &[x], &[Attribute::Int("upper", upper)])
        });
    }
}

#[test]
fn sums_of_integers_agree() {
    for operator in ["ReduceMax", "ReduceMin"] {
        on_integers(INT64, |g, x| {
            let largest = g.node("largest", operator, &[x], &[Attribute::Ints("axes", vec![1])]);
            g.node("made", "Sub", &[x, &largest], &[])
        });
    }
}
