//! What onnx-ir rejects or misreads: see UPSTREAM.md.

use std::collections::BTreeMap;

use prost::Message;
use tare_burn::Burn;
use tare_models::{Attribute, Graph, Value, onnx, prepare};

use crate::common::{HALF, agree, graph, run};

/// onnx-ir changes names to lowercase letters without dots.
#[test]
fn names_that_differ_only_in_case_or_punctuation_are_kept_apart() {
    let mut g = Graph::new("case", 7);
    let inputs = ["x.0", "x_0", "X.0"].map(|name| g.input(name, &[3]));
    let mut terms = inputs.iter().enumerate().map(|(number, input)| {
        let factor = g.constant(&format!("factor{number}"), &[], &[number as f32 + 2.0]);
        let name = ["a.b", "a_b", "A.b"][number];
        g.node(name, "Mul", &[input, &factor], &[])
    });
    let [a, b, c] = [terms.next(), terms.next(), terms.next()].map(Option::unwrap);
    drop(terms);
    let ab = g.node("ab", "Sub", &[&a, &b], &[]);
    let y = g.node("y", "Add", &[&ab, &c], &[]);
    g.output(&y, &[3]);
    agree(g.into_bytes());
}

#[test]
fn products_that_are_read_twice_are_kept() {
    let layer = |read_as_output: bool| {
        let mut g = Graph::new("case", 7);
        let x = g.input("x", &[2, 3]);
        let weights = g.constant("weights", &[3, 2], &[1.0, -2.0, 0.5, 3.0, 0.25, -1.0]);
        let bias = g.constant("bias", &[2], &[4.0, -0.5]);
        let product = g.node("product", "MatMul", &[&x, &weights], &[]);
        let sum = g.node("sum", "Add", &[&product, &bias], &[]);
        if read_as_output {
            g.output(&product, &[2, 2]);
        }
        let y = g.node("y", "Mul", &[&sum, if read_as_output { &sum } else { &product }], &[]);
        g.output(&y, &[2, 2]);
        g.into_bytes()
    };
    agree(layer(true));
    agree(layer(false));
}

#[test]
fn copies_of_weights_are_weights() {
    agree(graph(&[4, 2, 5], &[4, 1, 2, 5], |g, x| {
        let weights = g.weight("W", &[1, 20, 5], HALF);
        let copy = g.node("copy", "Identity", &[&weights], &[]);
        let recurrence = g.node("copy_of_copy", "Identity", &[&copy], &[]);
        g.node(
            "y",
            "LSTM",
            &[x, &weights, &recurrence],
            &[Attribute::Int("hidden_size", 5)],
        )
    }));
}

#[test]
fn unsorted_nodes_are_computed() {
    let sorted = tare_models::find("digits").unwrap().onnx(&BTreeMap::new());
    let mut model = onnx::Model::decode(sorted.as_slice()).unwrap();
    model.graph.as_mut().unwrap().node.reverse();
    let outputs = [sorted, model.encode_to_vec()].map(|bytes| {
        let workload = prepare("case", bytes, &BTreeMap::new(), &[], 3).unwrap();
        run(&Burn::flex(1), &workload).unwrap()
    });
    assert_eq!(outputs[0], outputs[1]);
}

/// Simplification gives some results the shape of x, and turns a reshape to reversed dimensions
/// into a transposition.
#[test]
fn simplification_is_off() {
    for (operator, amounts) in [("Pad", vec![0, 1, 2, 3]), ("Tile", vec![2, 3])] {
        agree(graph(&[3, 4], &[], |g, x| {
            let amounts = g.integers("amounts", &amounts);
            let larger = g.node("larger", operator, &[x, &amounts], &[]);
            reshaped_to_reversed_shape(g, &larger)
        }));
    }
    agree(graph(&[1, 1, 3, 4], &[], |g, x| {
        let (none, scales) = (Value::absent(), g.constant("scales", &[4], &[1.0, 1.0, 2.0, 3.0]));
        let larger = g.node(
            "larger",
            "Resize",
            &[x, &none, &scales],
            &[Attribute::Text("mode", "nearest")],
        );
        let flat = g.integers("flat", &[0, 1]);
        let plane = g.node("plane", "Squeeze", &[&larger, &flat], &[]);
        reshaped_to_reversed_shape(g, &plane)
    }));
    agree(graph(&[3, 4], &[4, 3], reshaped_to_reversed_shape));
}

/// Reshapes x [a, b] to [b, a]. The sizes are computed from the shape of x.
fn reshaped_to_reversed_shape(g: &mut Graph, x: &Value) -> Value {
    let shape = g.node("shape", "Shape", &[x], &[]);
    let sizes = [1, 0].map(|place| {
        let at = g.integers(&format!("at{place}"), &[place]);
        g.node(&format!("size{place}"), "Gather", &[&shape, &at], &[])
    });
    let turned = g.node(
        "turned",
        "Concat",
        &[&sizes[0], &sizes[1]],
        &[Attribute::Int("axis", 0)],
    );
    g.node("y", "Reshape", &[x, &turned], &[])
}
