//! What old versions of ONNX mean otherwise.

use tare_models::{Attribute, Graph};

use crate::common::{agree, computes, refuses};

#[test]
fn softmax_takes_all_dimensions_from_the_axis_on() {
    for operator in ["Softmax", "LogSoftmax", "Hardmax"] {
        for axis in [None, Some(0), Some(1), Some(2), Some(-2)] {
            for opset in [11, 12, 13] {
                let mut g = Graph::new("case", 7);
                let x = g.input("x", &[2, 3, 4]);
                let attributes: Vec<Attribute> = axis.map(|axis| Attribute::Int("axis", axis)).into_iter().collect();
                let y = g.node("y", operator, &[&x], &attributes);
                g.output(&y, &[2, 3, 4]);
                agree(g.into_bytes_of_opset(opset));
            }
        }
    }
}

#[test]
fn operands_that_an_attribute_aligns_are_refused() {
    let mut g = Graph::new("case", 7);
    let x = g.input("x", &[2, 3, 3]);
    let by = g.constant("by", &[3], &[1.0, 2.0, 3.0]);
    let attributes = [Attribute::Int("axis", 1), Attribute::Int("broadcast", 1)];
    let y = g.node("aligned", "Add", &[&x, &by], &attributes);
    g.output(&y, &[2, 3, 3]);
    refuses(
        g.into_bytes_of_opset(6),
        &[2, 3, 3],
        "opset 6 broadcasts the operands of the operator Add (node \"aligned\")",
    );
}

#[test]
fn the_nearest_of_two_is_within_what_is_resized() {
    let resized = |to: usize, scale: f32| {
        let mut g = Graph::new("case", 7);
        let x = g.input("x", &[1, 1, 1, 4]);
        let scales = g.constant("scales", &[4], &[1.0, 1.0, 1.0, scale]);
        let y = g.node("y", "Resize", &[&x, &scales], &[Attribute::Text("mode", "nearest")]);
        g.output(&y, &[1, 1, 1, to]);
        g.into_bytes_of_opset(10)
    };
    let x = [1.0, 2.0, 3.0, 4.0];
    let repeated = [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 4.0, 4.0];
    computes(resized(12, 3.0), &[1, 1, 1, 4], &x, &[(&[1, 1, 1, 12], &repeated)]);
    computes(
        resized(3, 0.75),
        &[1, 1, 1, 4],
        &x,
        &[(&[1, 1, 1, 3], &[1.0, 3.0, 4.0])],
    );
}
