//! Triangles of matrices on tract and on burn-flex.

use tare_models::Attribute;

use crate::common::{INT64, agree, graph, on_integers};

#[test]
fn triangles_agree() {
    for upper in [0, 1] {
        agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
            let k = g.integers("k", &[1]);
            let shape = g.integers("shape", &[]);
            let k = g.node("offset", "Reshape", &[&k, &shape], &[]);
            g.node("y", "Trilu", &[x, &k], &[Attribute::Int("upper", upper)])
        }));
    }
}

#[test]
fn triangles_of_integers_agree() {
    for upper in [0, 1] {
        on_integers(INT64, |g, x| {
            g.node("made", "Trilu", &[x], &[Attribute::Int("upper", upper)])
        });
    }
}
