//! Logic and comparisons on tract and on burn-flex.

use tare_models::Attribute;

use crate::common::{INT64, agree, graph, on_integers};

#[test]
fn logic_and_comparisons_agree() {
    for operator in ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"] {
        // Equal elements and different ones.
        agree(graph(&[2, 4], &[2, 4], |g, x| {
            let rounded = g.node("rounded", "Round", &[x], &[]);
            let bound = g.constant("bound", &[4], &[0.0, 1.0, -1.0, 0.0]);
            let truth = g.node("truth", operator, &[&rounded, &bound], &[]);
            g.node("y", "Where", &[&truth, x, &bound], &[])
        }));
    }
    for operator in ["And", "Or", "Xor"] {
        agree(graph(&[2, 4], &[2, 4], |g, x| {
            let (low, high) = (g.constant("low", &[], &[-0.3]), g.constant("high", &[], &[0.3]));
            let (above, below) = (
                g.node("above", "Greater", &[x, &low], &[]),
                g.node("below", "Less", &[x, &high], &[]),
            );
            let both = g.node("both", operator, &[&above, &below], &[]);
            let neither = g.node("neither", "Not", &[&both], &[]);
            g.node("y", "Cast", &[&neither], &[Attribute::Int("to", 1)])
        }));
    }
}

#[test]
fn comparisons_of_integers_agree() {
    for operator in ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"] {
        on_integers(INT64, |g, x| {
            let row = g.integers("row", &[3, -2, 0, -7]);
            let truth = g.node("truth", operator, &[x, &row], &[]);
            g.node("made", "Where", &[&truth, x, &row], &[])
        });
    }
}
