//! Determinants, which tract lacks, with results that can be checked by hand.

use crate::common::{computes, graph, refuses};

#[test]
fn determinants_of_small_matrices() {
    let det = |shape: &[usize], outer: &[usize]| graph(shape, outer, |g, x| g.node("y", "Det", &[x], &[]));
    computes(det(&[1, 1], &[]), &[1, 1], &[7.0], &[(&[], &[7.0])]);
    computes(
        det(&[2, 2, 2], &[2]),
        &[2, 2, 2],
        &[1.0, 2.0, 3.0, 4.0, 2.0, 0.0, 0.0, 5.0],
        &[(&[2], &[-2.0, 10.0])],
    );
    let x = [2.0, 0.0, 1.0, 1.0, 3.0, 2.0, 0.0, 1.0, 4.0];
    computes(det(&[3, 3], &[]), &[3, 3], &x, &[(&[], &[21.0])]);
    let x = [
        0.0, 2.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 7.0, 0.0,
    ];
    computes(det(&[4, 4], &[]), &[4, 4], &x, &[(&[], &[210.0])]);
    refuses(
        det(&[5, 5], &[]),
        &[5, 5],
        "matrices of shape [5, 5] (at most 4 by 4) in the operator Det",
    );
    refuses(det(&[2, 3], &[]), &[2, 3], "must be a square matrix");
}
