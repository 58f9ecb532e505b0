//! Plain recurrent layers.

use onnx_ir::node::rnn::{RnnActivationFunction, RnnDirection, RnnNode};

use super::layer::{BOTH, FORWARD, Layer, REVERSE, State, activation, check_clip, directions, gates, run_layer};
use crate::lower::{Lowerer, Lowering, Unsupported, Value};
use crate::runtime::program::Op;

/// H' = f(X W^T + H R^T + b).
pub(super) fn rnn(cx: &mut Lowerer, node: &RnnNode) -> Lowering<Vec<Value>> {
    let config = &node.config;
    check_clip(config.clip)?;
    let activation = activation!(config.hidden_activation, RnnActivationFunction)?;
    let layer = Layer {
        inputs: &node.inputs,
        hidden: config.hidden_size,
        directions: directions!(config.direction, RnnDirection),
        batch_first: config.batch_first,
        cell_input: None,
        peephole_input: None,
        parts: vec![config.hidden_size],
    };
    run_layer(cx, &layer, |cx, direction, step, state| {
        let gates = gates(cx, direction, step, &state.hidden)?;
        let hidden = cx.emit(activation.clone(), &[&gates], gates.shape.clone());
        Ok(State { hidden, cell: None })
    })
}
