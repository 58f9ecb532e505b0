//! Reductions on tract and on burn-flex.

use tare_models::Attribute;

use crate::common::{INT64, agree, computes, graph, ints, on_integers, refuses, scaled};

#[test]
fn reductions_agree() {
    for (keep, output) in [(1, vec![2, 1, 4]), (0, vec![2, 4])] {
        agree(graph(&[2, 3, 4], &output, |g, x| {
            let axes = g.integers("axes", &[1]);
            g.node("y", "ReduceSum", &[x, &axes], &[Attribute::Int("keepdims", keep)])
        }));
        for op in ["ReduceMean", "ReduceMax"] {
            agree(graph(&[2, 3, 4], &output, |g, x| {
                g.node("y", op, &[x], &[ints("axes", &[-2]), Attribute::Int("keepdims", keep)])
            }));
        }
    }
}

#[test]
fn more_reductions_agree() {
    for operator in [
        "ReduceMin",
        "ReduceProd",
        "ReduceSumSquare",
        "ReduceL1",
        "ReduceL2",
        "ReduceLogSum",
        "ReduceLogSumExp",
    ] {
        agree(graph(&[2, 3, 4], &[2, 1, 4], |g, x| {
            let x = scaled(g, x, 1.0, 1.5);
            g.node("y", operator, &[&x], &[Attribute::Ints("axes", vec![1])])
        }));
    }
}

#[test]
fn indices_of_maxima_agree() {
    for operator in ["ArgMax", "ArgMin"] {
        agree(graph(&[2, 3, 4], &[2, 4], |g, x| {
            let attributes = [Attribute::Int("axis", 1), Attribute::Int("keepdims", 0)];
            let at = g.node("at", operator, &[x], &attributes);
            g.node("y", "Cast", &[&at], &[Attribute::Int("to", 1)])
        }));
    }
}

#[test]
fn the_last_of_equal_maxima_agrees() {
    for operator in ["ArgMax", "ArgMin"] {
        agree(graph(&[3, 5], &[3, 1], |g, x| {
            let rounded = g.node("rounded", "Round", &[x], &[]);
            let attributes = [Attribute::Int("axis", 1), Attribute::Int("select_last_index", 1)];
            let at = g.node("found", operator, &[&rounded], &attributes);
            g.node("y", "Cast", &[&at], &[Attribute::Int("to", 1)])
        }));
    }
}

#[test]
fn reductions_of_integers_agree() {
    for operator in ["ReduceMax", "ReduceMin"] {
        on_integers(INT64, |g, x| {
            let largest = g.node("largest", operator, &[x], &[Attribute::Ints("axes", vec![1])]);
            g.node("made", "Sub", &[x, &largest], &[])
        });
    }
}

#[test]
fn the_logarithm_of_a_sum_of_exponentials_does_not_overflow() {
    let model = |keepdims, shape: &[usize]| {
        graph(&[2, 2], shape, |g, x| {
            let attributes = [ints("axes", &[1]), Attribute::Int("keepdims", keepdims)];
            g.node("y", "ReduceLogSumExp", &[x], &attributes)
        })
    };
    let x = [100.0, 100.0, -200.0, -200.0];
    let expected = [100.0 + 2f32.ln(), -200.0 + 2f32.ln()];
    computes(model(0, &[2]), &[2, 2], &x, &[(&[2], &expected)]);
    computes(model(1, &[2, 1]), &[2, 2], &x, &[(&[2, 1], &expected)]);
}

#[test]
fn a_mean_of_integers_is_truncated_once() {
    let model = graph(&[2, 2], &[1, 1], |g, x| {
        let whole = g.node("whole", "Cast", &[x], &[Attribute::Int("to", 7)]);
        let mean = g.node("mean", "ReduceMean", &[&whole], &[]);
        g.node("y", "Cast", &[&mean], &[Attribute::Int("to", 1)])
    });
    computes(model, &[2, 2], &[1.0, 0.0, 2.0, 1.0], &[(&[1, 1], &[1.0])]);
}

#[test]
fn an_axis_that_does_not_exist_is_refused() {
    let x = [2, 3, 4];
    let axis = graph(&x, &x, |g, x| {
        let axes = g.integers("axes", &[3]);
        g.node("y", "ReduceSum", &[x, &axes], &[])
    });
    refuses(axis, &x, "3");
}
