//! Functions of one tensor on tract and on burn-flex.

use tare_models::WeightInit;

use crate::common::{INT32, agree, function, graph, on_integers};

#[test]
fn functions_of_angles_agree() {
    for operator in ["Acos", "Asin", "Atan", "Atanh", "Sinh", "Cosh", "Tan", "Asinh"] {
        function(operator, &[], 0.9, 0.0);
    }
    function("Acosh", &[], 1.0, 2.5);
    function("Round", &[], 6.0, 0.25);
}

#[test]
fn functions_agree() {
    let x = [2, 3, 4];
    for op in [
        "Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "Neg", "Sign", "Sin", "Tanh",
    ] {
        agree(graph(&x, &x, |g, x| g.node("y", op, &[x], &[])));
    }
    for op in ["Log", "Reciprocal", "Sqrt"] {
        agree(graph(&x, &x, |g, x| {
            let positive = g.node("p", "Sigmoid", &[x], &[]);
            g.node("y", op, &[&positive], &[])
        }));
    }
}

#[test]
fn functions_of_integers_agree() {
    for operator in ["Abs", "Neg", "Sign"] {
        on_integers(INT32, |g, x| g.node("made", operator, &[x], &[]));
    }
}

#[test]
fn clipping_agrees() {
    let x = [2, 3, 4];
    agree(graph(&x, &x, |g, x| {
        let low = g.weight(
            "low",
            &[],
            WeightInit::Uniform {
                center: -0.25,
                spread: 0.0,
            },
        );
        let high = g.weight(
            "high",
            &[],
            WeightInit::Uniform {
                center: 0.5,
                spread: 0.0,
            },
        );
        g.node("y", "Clip", &[x, &low, &high], &[])
    }));
}
