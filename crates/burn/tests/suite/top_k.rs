//! The largest or smallest elements.

use tare_models::{Attribute, Graph};

use crate::common::{FLOAT, agree, cast, computes};

#[test]
fn the_largest_and_smallest_are_ranked_alike() {
    for (axis, largest, k) in [(1, 1, 3), (0, 1, 2), (-1, 0, 5), (1, 0, 1)] {
        let mut g = Graph::new("case", 7);
        let x = g.input("x", &[4, 5]);
        let k = g.integers("k", &[k]);
        let attributes = [Attribute::Int("axis", axis), Attribute::Int("largest", largest)];
        let found = g.node_of("found", "TopK", &[&x, &k], &attributes, &["values", "places"]);
        g.output(&found[0], &[]);
        let places = cast(&mut g, "floats", &found[1], FLOAT);
        g.output(&places, &[]);
        agree(g.into_bytes());
    }
}

#[test]
fn infinite_elements_are_ranked_once() {
    for (largest, worst) in [(1, f32::NEG_INFINITY), (0, f32::INFINITY)] {
        let mut g = Graph::new("case", 7);
        let x = g.input("x", &[4]);
        let one = g.constant("one", &[], &[1.0]);
        // Inputs hold only finite numbers.
        let zero = g.constant("zero", &[], &[0.0]);
        let x = g.node("infinite", "Div", &[&x, &zero], &[]);
        let x = g.node("numbers", "Add", &[&x, &one], &[]);
        let k = g.integers("k", &[3]);
        let found = g.node_of(
            "found",
            "TopK",
            &[&x, &k],
            &[Attribute::Int("largest", largest)],
            &["values", "places"],
        );
        let places = g.node("places_as_floats", "Cast", &[&found[1]], &[Attribute::Int("to", 1)]);
        g.output(&places, &[3]);
        let x = [worst.signum(), worst.signum(), -worst.signum(), worst.signum()];
        computes(g.into_bytes(), &[4], &x, &[(&[3], &[2.0, 0.0, 1.0])]);
    }
}
