//! Operators that change shapes or the order of elements, on tract and on burn-flex.

use tare_models::Attribute;

use crate::common::{agree, graph, ints};

#[test]
fn rearrangements_agree() {
    agree(graph(&[2, 3], &[4, 9], |g, x| {
        let repeats = g.integers("repeats", &[2, 3]);
        g.node("y", "Tile", &[x, &repeats], &[])
    }));
    for mode in ["DCR", "CRD"] {
        agree(graph(&[1, 8, 2, 3], &[1, 2, 4, 6], |g, x| {
            g.node(
                "y",
                "DepthToSpace",
                &[x],
                &[Attribute::Int("blocksize", 2), Attribute::Text("mode", mode)],
            )
        }));
    }
    agree(graph(&[1, 2, 4, 6], &[1, 8, 2, 3], |g, x| {
        g.node("y", "SpaceToDepth", &[x], &[Attribute::Int("blocksize", 2)])
    }));
}

#[test]
fn layouts_agree() {
    agree(graph(&[2, 3, 4], &[4, 2, 3], |g, x| {
        g.node("y", "Transpose", &[x], &[ints("perm", &[2, 0, 1])])
    }));
    agree(graph(&[2, 3, 4], &[2, 12], |g, x| {
        g.node("y", "Flatten", &[x], &[Attribute::Int("axis", 1)])
    }));
    agree(graph(&[3, 1], &[2, 3, 4], |g, x| {
        let shape = g.integers("shape", &[2, 1, 4]);
        g.node("y", "Expand", &[x, &shape], &[])
    }));
}
