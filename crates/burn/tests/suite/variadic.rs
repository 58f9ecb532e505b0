//! Operators on any number of tensors, on tract and on burn-flex.

use tare_models::Attribute;

use crate::common::{INT32, INT64, agree, graph, on_integers};

#[test]
fn sums_and_means_agree() {
    for operator in ["Sum", "Mean"] {
        agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
            let row = g.constant("row", &[4], &[0.1, 0.2, 0.3, 0.4]);
            let column = g.constant("column", &[3, 1], &[1.0, 2.0, 3.0]);
            g.node("y", operator, &[x, &row, &column], &[])
        }));
    }
}

#[test]
fn the_maximum_of_several_agrees() {
    for operator in ["Max", "Min"] {
        agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
            let row = g.constant("row", &[4], &[0.1, -0.2, 0.3, -0.4]);
            let negated = g.node("negated", "Neg", &[x], &[]);
            let larger = g.node("larger", operator, &[x, &row], &[]);
            g.node("y", operator, &[&larger, &negated], &[])
        }));
        // A constant with more dimensions than the other operand.
        agree(graph(&[2, 3, 4], &[1, 2, 3, 4], |g, x| {
            let bound = g.constant("bound", &[1, 1, 1, 1], &[0.25]);
            g.node("y", operator, &[x, &bound], &[])
        }));
    }
}

#[test]
fn clamping_by_a_constant_agrees() {
    let x = [2, 3, 4];
    for op in ["Max", "Min"] {
        agree(graph(&x, &x, |g, x| {
            let bound = g.constant("bound", &[], &[0.25]);
            g.node("y", op, &[x, &bound], &[])
        }));
    }
}

#[test]
fn the_maximum_of_integers_agrees() {
    for operator in ["Max", "Min"] {
        on_integers(INT64, |g, x| {
            let row = g.integers("row", &[3, -2, 5, -7]);
            g.node("made", operator, &[x, &row], &[])
        });
        on_integers(INT32, |g, x| {
            let row = g.integers("row", &[2, 3, -4, 5]);
            let row = g.node("narrow", "Cast", &[&row], &[Attribute::Int("to", INT32)]);
            g.node("made", operator, &[x, &row], &[])
        });
    }
}
