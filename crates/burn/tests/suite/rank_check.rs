//! Wrong ranks that onnx-ir infers.

use tare_models::{Attribute, Graph, Value};
use tare_record::DType;

use crate::common::refuses;

#[test]
fn axes_counted_by_a_wrong_rank_are_refused() {
    let mut graph = Graph::new("case", 7);
    let x = graph.input("x", &[2, 2]);
    let turns = graph.node("turns", "Size", &[&x], &[]);
    let mut body = Graph::new("body", 1);
    body.input_of("turn", DType::I64, &[]);
    let before = body.input_of("before", DType::Bool, &[]);
    let after = body.node("after", "Identity", &[&before], &[]);
    let seen = body.node("seen", "Neg", &[&x], &[]);
    body.output_of(&after, DType::Bool, &[]);
    body.output(&seen, &[2, 2]);
    let attributes = [Attribute::Graph("body", body)];
    // The loop stacks its outputs along a new dimension, which onnx-ir does not count.
    let all = graph.node_of("loop", "Loop", &[&turns, &Value::absent()], &attributes, &["all"]);
    let y = graph.node("y", "Softmax", &[&all[0]], &[Attribute::Int("axis", -1)]);
    graph.output(&y, &[4, 2, 2]);
    refuses(
        graph.into_bytes(),
        &[2, 2],
        "an input of rank 3 for which onnx-ir infers rank 2 in the operator Softmax",
    );
}
