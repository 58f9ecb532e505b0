//! Concatenating and splitting on tract and on burn-flex.

use tare_models::{Attribute, Graph};

use crate::common::{INT64, agree, graph, on_integers};

#[test]
fn concatenating_agrees() {
    agree(graph(&[2, 3], &[2, 6], |g, x| {
        g.node("y", "Concat", &[x, x], &[Attribute::Int("axis", 1)])
    }));
}

#[test]
fn concatenating_integers_agrees() {
    on_integers(INT64, |g, x| {
        let turned = g.node("turned", "Transpose", &[x], &[Attribute::Ints("perm", vec![1, 0])]);
        let both = g.node("both", "Concat", &[&turned, &turned], &[Attribute::Int("axis", 1)]);
        let (starts, ends) = (g.integers("starts", &[0, 0]), g.integers("ends", &[3, 4]));
        g.node("made", "Slice", &[&both, &starts, &ends], &[])
    });
}

#[test]
fn splitting_agrees() {
    for sizes in [vec![2, 2, 2], vec![1, 3, 2]] {
        let mut g = Graph::new("case", 7);
        let x = g.input("x", &[2, 6, 3]);
        let lengths = g.integers("lengths", &sizes);
        let names = ["a", "b", "c"];
        let parts = g.node_of("split", "Split", &[&x, &lengths], &[Attribute::Int("axis", 1)], &names);
        for (part, size) in parts.iter().zip(&sizes) {
            g.output(part, &[2, usize::try_from(*size).unwrap(), 3]);
        }
        agree(g.into_bytes());
    }
}
