//! Recurrent layers on tract and on burn-flex. tract computes reversed layers wrongly
//! (UPSTREAM.md), so that only the ONNX backend node tests check those: `cargo xtask conformance`.

use tare_models::{Attribute, Value};

use crate::common::{HALF, agree, graph};

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
fn layers_agree() {
    layer("RNN", 1, &[]);
    layer("LSTM", 4, &[]);
    layer("GRU", 3, &[]);
    layer("GRU", 3, &[Attribute::Int("linear_before_reset", 1)]);
}

#[test]
fn peepholes_agree() {
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
