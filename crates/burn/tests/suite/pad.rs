//! Padding on tract and on burn-flex.

use crate::common::{agree, graph};

#[test]
fn padding_agrees() {
    agree(graph(&[1, 2, 3, 4], &[1, 2, 6, 7], |g, x| {
        let pads = g.integers("pads", &[0, 0, 1, 2, 0, 0, 2, 1]);
        g.node("y", "Pad", &[x, &pads], &[])
    }));
}
