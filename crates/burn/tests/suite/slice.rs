//! Slicing on tract and on burn-flex.

use crate::common::{agree, graph};

#[test]
fn slices_agree() {
    agree(graph(&[2, 5, 6], &[2, 3, 2], |g, x| {
        let mut bounds = |name: &str, values: &[i64]| g.integers(name, values);
        let (from, to) = (bounds("from", &[0, -4]), bounds("to", &[5, i64::MAX]));
        let (axes, steps) = (bounds("axes", &[1, -1]), bounds("steps", &[2, 3]));
        g.node("y", "Slice", &[x, &from, &to, &axes, &steps], &[])
    }));
}

#[test]
fn slices_backwards_agree() {
    agree(graph(&[3, 5], &[3, 3], |g, x| {
        let (starts, ends) = (g.integers("starts", &[-1]), g.integers("ends", &[i64::MIN]));
        let (axes, steps) = (g.integers("axes", &[1]), g.integers("steps", &[-2]));
        g.node("y", "Slice", &[x, &starts, &ends, &axes, &steps], &[])
    }));
}
