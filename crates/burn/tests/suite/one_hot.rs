//! Classes as vectors, on tract and on burn-flex.

use tare_models::{Attribute, Graph};
use tare_record::DType;

use crate::common::agree;

#[test]
fn classes_become_vectors_alike() {
    for axis in [-1, 0, 1] {
        let mut g = Graph::new("case", 7);
        let classes = g.input_of("classes", DType::I64, &[2, 3]);
        let (depth, values) = (g.integers("depth", &[5]), g.constant("values", &[2], &[-1.0, 4.0]));
        let five = g.integers("five", &[5]);
        let classes = g.node("few", "Mod", &[&classes, &five], &[]);
        let y = g.node(
            "y",
            "OneHot",
            &[&classes, &depth, &values],
            &[Attribute::Int("axis", axis)],
        );
        g.output(&y, &[]);
        agree(g.into_bytes());
    }
}
