//! Old opsets.

use tare_models::{Attribute, Graph};

use crate::common::refuses;

#[test]
fn broadcasting_by_an_axis_is_refused() {
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
