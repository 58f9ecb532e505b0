//! Recurrent layers on tract and on burn-flex: their outputs must agree. Backwards tract computes them wrongly (UPSTREAM.md), so
//! that the ONNX backend node tests alone test that: `cargo xtask conformance`.

use tare_models::{Attribute, Value, WeightInit};

use crate::common::{agree, graph};

/// Weights between -0.5 and 0.5.
const HALF: WeightInit = WeightInit::Uniform {
    centre: 0.0,
    spread: 0.5,
};

/// All states of a layer of 5 units over 4 steps of 2 sequences of 3 numbers.
#[track_caller]
fn layer(operator: &str, gates: usize, attributes: &[Attribute]) {
    agree(graph(&[4, 2, 3], &[4, 1, 2, 5], |g, x| {
        let weights = g.weight("W", &[1, gates * 5, 3], HALF);
        let recurrence = g.weight("R", &[1, gates * 5, 5], HALF);
        let bias = g.weight("B", &[1, 2 * gates * 5], HALF);
        let attributes = [attributes, &[Attribute::Int("hidden_size", 5)]].concat();
        g.node("y", operator, &[x, &weights, &recurrence, &bias], &attributes)
    }));
}

#[test]
fn gates_that_see_the_cell_agree() {
    agree(graph(&[4, 2, 3], &[4, 1, 2, 5], |g, x| {
        let weights = g.weight("W", &[1, 20, 3], HALF);
        let recurrence = g.weight("R", &[1, 20, 5], HALF);
        let bias = g.weight("B", &[1, 40], HALF);
        let peepholes = g.weight("P", &[1, 15], HALF);
        let none = Value::absent();
        let inputs = [x, &weights, &recurrence, &bias, &none, &none, &none, &peepholes];
        g.node("y", "LSTM", &inputs, &[Attribute::Int("hidden_size", 5)])
    }));
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
fn layers_agree() {
    layer("RNN", 1, &[]);
    layer("LSTM", 4, &[]);
    layer("GRU", 3, &[]);
    layer("GRU", 3, &[Attribute::Int("linear_before_reset", 1)]);
}
