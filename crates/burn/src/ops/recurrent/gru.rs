//! Gated recurrent units.

use onnx_ir::node::gru::{GruActivationFunction, GruDirection, GruNode};

use super::layer::{
    BOTH, FORWARD, Layer, REVERSE, State, activation, at_step, check_clip, directions, linear_step, run_layer,
};
use crate::lower::{Lowerer, Lowering, Unsupported, Value};
use crate::runtime::program::Op;

/// z, r = f(X W^T + H R^T + b); h = g(X Wh^T + (r H) Rh^T + b), or with r after the product;
/// H' = (1 - z) h + z H: Cho et al., 2014.
pub(super) fn gru(cx: &mut Lowerer, node: &GruNode) -> Lowering<Vec<Value>> {
    let config = &node.config;
    check_clip(config.clip)?;
    let gate = activation!(config.gate_activation, GruActivationFunction)?;
    let activation = activation!(config.hidden_activation, GruActivationFunction)?;
    let (width, late) = (config.hidden_size, config.linear_before_reset);
    let layer = Layer {
        inputs: &node.inputs,
        hidden: width,
        directions: directions!(config.direction, GruDirection),
        batch_first: config.batch_first,
        cell_input: None,
        peephole_input: None,
        parts: vec![2 * width, width],
    };
    run_layer(cx, &layer, |cx, direction, step, state| {
        let shape = state.hidden.shape.clone();
        let from_input = at_step(cx, &direction.inputs, step);
        let [early, own_part] = direction.recurrence.as_slice() else {
            unreachable!("the weights of a GRU are split in two")
        };
        let wide = cx.narrow(&from_input, 1, 0, 2 * width);
        let recurrent = linear_step(cx, &state.hidden, early)?;
        let sum = cx.emit(Op::Add, &[&wide, &recurrent], wide.shape.clone());
        let gates = cx.emit(gate.clone(), &[&sum], wide.shape);
        let (update, reset) = (cx.narrow(&gates, 1, 0, width), cx.narrow(&gates, 1, width, width));
        let recurrent = if late {
            let product = linear_step(cx, &state.hidden, own_part)?;
            cx.emit(Op::Mul, &[&reset, &product], shape.clone())
        } else {
            let kept = cx.emit(Op::Mul, &[&reset, &state.hidden], shape.clone());
            linear_step(cx, &kept, own_part)?
        };
        let own = cx.narrow(&from_input, 1, 2 * width, width);
        let sum = cx.emit(Op::Add, &[&own, &recurrent], shape.clone());
        let new = cx.emit(activation.clone(), &[&sum], shape.clone());
        // (1 - z) h + z H = h + z (H - h).
        let difference = cx.emit(Op::Sub, &[&state.hidden, &new], shape.clone());
        let share = cx.emit(Op::Mul, &[&update, &difference], shape.clone());
        let hidden = cx.emit(Op::Add, &[&new, &share], shape);
        Ok(State { hidden, cell: None })
    })
}
