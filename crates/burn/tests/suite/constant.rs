//! Shapes as outputs, on tract and on burn-flex.

use tare_models::Graph;
use tare_record::DType;

use crate::common::agree;

#[test]
fn shapes_are_outputs_alike() {
    let mut g = Graph::new("case", 7);
    let x = g.input("x", &[3, 4]);
    let shape = g.node("shape", "Shape", &[&x], &[]);
    let two = g.integers("two", &[2]);
    let twice = g.node("twice", "Mul", &[&shape, &two], &[]);
    let zero = g.integers("zero", &[0]);
    let first = g.node("first", "Gather", &[&shape, &zero], &[]);
    for value in [shape, twice, first] {
        g.output_of(&value, DType::I64, &[]);
    }
    agree(g.into_bytes());
}
