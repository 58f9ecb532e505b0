//! Softmax and similar operators on tract and on burn-flex.

use tare_models::{Attribute, Graph};

use crate::common::{agree, function, graph};

#[test]
fn softmax_agrees() {
    agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
        g.node("y", "Softmax", &[x], &[Attribute::Int("axis", 1)])
    }));
    function("LogSoftmax", &[Attribute::Int("axis", 1)], 4.0, 0.0);
}

#[test]
fn the_first_of_equal_maxima_agrees() {
    agree(graph(&[3, 5], &[3, 5], |g, x| {
        let rounded = g.node("rounded", "Round", &[x], &[]);
        g.node("y", "Hardmax", &[&rounded], &[Attribute::Int("axis", 1)])
    }));
}

#[test]
fn old_opsets_take_all_dimensions_from_the_axis_on() {
    for operator in ["Softmax", "LogSoftmax", "Hardmax"] {
        for axis in [None, Some(0), Some(1), Some(2), Some(-2)] {
            for opset in [11, 12, 13] {
                let mut g = Graph::new("case", 7);
                let x = g.input("x", &[2, 3, 4]);
                let attributes: Vec<Attribute> = axis.map(|axis| Attribute::Int("axis", axis)).into_iter().collect();
                let y = g.node("y", operator, &[&x], &attributes);
                g.output(&y, &[2, 3, 4]);
                agree(g.into_bytes_of_opset(opset));
            }
        }
    }
}
