//! Arithmetic on two tensors, on tract and on burn-flex.

use tare_models::{Attribute, WeightInit};

use crate::common::{FLOAT, INT32, INT64, agree, cast, computes, graph, on_integers};

#[test]
fn arithmetic_agrees() {
    let x = [2, 3, 4];
    for op in ["Add", "Sub", "Mul", "Div"] {
        for shape in [vec![2, 3, 4], vec![4], vec![3, 1], vec![1]] {
            agree(graph(&x, &x, |g, x| {
                let other = g.weight(
                    "other",
                    &shape,
                    WeightInit::Uniform {
                        center: 2.0,
                        spread: 0.5,
                    },
                );
                g.node("y", op, &[x, &other], &[])
            }));
            agree(graph(&x, &x, |g, x| {
                let other = g.weight(
                    "other",
                    &shape,
                    WeightInit::Uniform {
                        center: 2.0,
                        spread: 0.5,
                    },
                );
                let positive = g.node("p", "Sigmoid", &[x], &[]);
                g.node("y", op, &[&other, &positive], &[])
            }));
        }
    }
}

#[test]
fn arithmetic_on_integers_agrees() {
    for operator in ["Add", "Sub", "Mul", "Div"] {
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

#[test]
fn powers_agree() {
    let x = [2, 3, 4];
    for exponent in [2.0, 3.0] {
        agree(graph(&x, &x, |g, x| {
            let exponent = g.constant("exponent", &[], &[exponent]);
            g.node("y", "Pow", &[x, &exponent], &[])
        }));
    }
}

#[test]
fn remainders_agree() {
    agree(graph(&[3, 4], &[3, 4], |g, x| {
        let by = g.constant("by", &[4], &[0.3, -0.4, 0.7, 1.5]);
        g.node("y", "Mod", &[x, &by], &[Attribute::Int("fmod", 1)])
    }));
}

/// Not compared with tract, which gives the remainder of integers that a run casts the sign of the
/// dividend.
#[test]
fn the_remainder_of_integers_has_the_sign_of_the_divisor() {
    let bytes = graph(&[2, 4], &[2, 4], |g, x| {
        let whole = cast(g, "whole", x, INT64);
        let by = g.integers("by", &[3, -4, 7, -2]);
        let rest = g.node("rest", "Mod", &[&whole, &by], &[]);
        cast(g, "y", &rest, FLOAT)
    });
    computes(
        bytes,
        &[2, 4],
        &[5.0, 5.0, 5.0, 5.0, -5.0, -5.0, -5.0, -5.0],
        &[(&[2, 4], &[2.0, -3.0, 5.0, -1.0, 1.0, -1.0, 2.0, -1.0])],
    );
}

#[test]
fn a_scalar_times_a_vector_of_one_element_is_a_vector() {
    agree(graph(&[2, 3], &[1], |g, x| {
        let sum = g.node("sum", "ReduceSum", &[x], &[Attribute::Int("keepdims", 0)]);
        let one = g.constant("by", &[1], &[3.0]);
        g.node("y", "Mul", &[&sum, &one], &[])
    }));
}
