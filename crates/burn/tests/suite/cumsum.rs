//! Running sums.

use tare_models::Attribute;

use crate::common::{agree, computes, graph, refuses};

#[test]
fn running_sums_agree() {
    for (exclusive, reverse) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
            let axis = g.integers("axis", &[1]);
            let shape = g.integers("shape", &[]);
            let axis = g.node("along", "Reshape", &[&axis, &shape], &[]);
            let attributes = [
                Attribute::Int("exclusive", exclusive),
                Attribute::Int("reverse", reverse),
            ];
            g.node("y", "CumSum", &[x, &axis], &attributes)
        }));
    }
}

#[test]
fn exclusive_sums_keep_small_numbers_next_to_large_ones() {
    let model = |reverse| {
        graph(&[3], &[3], |g, x| {
            let axis = g.integers("axis", &[0]);
            let attributes = [Attribute::Int("exclusive", 1), Attribute::Int("reverse", reverse)];
            g.node("y", "CumSum", &[x, &axis], &attributes)
        })
    };
    computes(model(0), &[3], &[1.0, 1e8, 3.0], &[(&[3], &[0.0, 1.0, 1e8])]);
    computes(model(1), &[3], &[3.0, 1e8, 1.0], &[(&[3], &[1e8, 1.0, 0.0])]);
}

#[test]
fn sums_of_integers_are_refused() {
    let model = graph(&[2], &[2], |g, x| {
        let whole = g.integers("whole", &[3, 5]);
        let axis = g.integers("axis", &[0]);
        let sums = g.node("sums", "CumSum", &[&whole, &axis], &[]);
        let two = g.integers("two", &[2]);
        let halves = g.node("halves", "Div", &[&sums, &two], &[]);
        let halves = g.node("as_floats", "Cast", &[&halves], &[Attribute::Int("to", 1)]);
        g.node("y", "Add", &[x, &halves], &[])
    });
    refuses(model, &[2], "integers in the operator CumSum");
}
