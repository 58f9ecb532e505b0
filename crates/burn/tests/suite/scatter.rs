//! Replacing elements by their indices, on tract and on burn-flex.

use tare_models::Attribute;

use crate::common::{agree, graph, reshaped_integers};

#[test]
fn elements_are_replaced_alike() {
    for axis in [0, 1] {
        agree(graph(&[3, 3], &[3, 3], |g, x| {
            let at = reshaped_integers(g, &[0, 2, 1, 2, -1, 0], &[2, 3]);
            let updates = g.constant("updates", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
            g.node(
                "y",
                "ScatterElements",
                &[x, &at, &updates],
                &[Attribute::Int("axis", axis)],
            )
        }));
    }
    agree(graph(&[4, 2], &[4, 2], |g, x| {
        let at = reshaped_integers(g, &[3, 0], &[2, 1]);
        let updates = g.constant("updates", &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
        g.node("y", "ScatterND", &[x, &at, &updates], &[])
    }));
}
