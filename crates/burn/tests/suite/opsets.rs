//! What old versions of ONNX mean otherwise.

use tare_models::{Attribute, Graph};

use crate::common::{agree, refuses};

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
