//! Long short-term memory.

use onnx_ir::node::custom::CustomNode;
use onnx_ir::node::lstm::{LstmActivationFunction, LstmConfig, LstmDirection, LstmNode};

use super::layer::{BOTH, FORWARD, Layer, REVERSE, State, activation, check_clip, directions, gates, run_layer};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::runtime::program::Op;

/// i, o, f = f(X W^T + H R^T + b); c = g(..); C' = f C + i c; H' = o h(C'): Hochreiter and
/// Schmidhuber, 1997, with the forget gate of Gers et al., 2000.
pub(super) fn lstm(cx: &mut Lowerer, node: &LstmNode) -> Lowering<Vec<Value>> {
    let config = &node.config;
    check_clip(config.clip)?;
    if config.input_forget {
        return Err(Unsupported::new("coupled gates"));
    }
    let gate = activation!(config.gate_activation, LstmActivationFunction)?;
    let inner = activation!(config.cell_activation, LstmActivationFunction)?;
    let outer = activation!(config.hidden_activation, LstmActivationFunction)?;
    let width = config.hidden_size;
    let layer = Layer {
        inputs: &node.inputs,
        hidden: width,
        directions: directions!(config.direction, LstmDirection),
        batch_first: config.batch_first,
        cell_input: Some(6),
        peephole_input: config.has_peephole.then_some(7),
        parts: vec![4 * width],
    };
    run_layer(cx, &layer, |cx, direction, step, state| {
        let shape = state.hidden.shape.clone();
        let sums = gates(cx, direction, step, &state.hidden)?;
        let (input, output, forget) = match &direction.peepholes {
            None => {
                // All gates at once.
                let wide = cx.narrow(&sums, 1, 0, 3 * width);
                let gates = cx.map(gate.clone(), &wide);
                (
                    cx.narrow(&gates, 1, 0, width),
                    Some(cx.narrow(&gates, 1, width, width)),
                    cx.narrow(&gates, 1, 2 * width, width),
                )
            }
            Some([input, _, forget]) => (
                peephole_gate(cx, &gate, &sums, 0, input, state.cell.as_ref()),
                None,
                peephole_gate(cx, &gate, &sums, 2 * width, forget, state.cell.as_ref()),
            ),
        };
        let own = cx.narrow(&sums, 1, 3 * width, width);
        let new = cx.map(inner.clone(), &own);
        let added = cx.zip(Op::Mul, &input, &new);
        let cell = match &state.cell {
            Some(cell) => {
                let kept = cx.zip(Op::Mul, &forget, cell);
                cx.zip(Op::Add, &kept, &added)
            }
            None => added,
        };
        let output = match (output, &direction.peepholes) {
            (None, Some([_, output, _])) => peephole_gate(cx, &gate, &sums, width, output, Some(&cell)),
            (Some(output), _) => output,
            (None, None) => unreachable!("gates without peepholes are computed at once"),
        };
        let seen = cx.map(outer.clone(), &cell);
        let hidden = cx.emit(Op::Mul, &[&output, &seen], shape);
        Ok(State {
            hidden,
            cell: Some(cell),
        })
    })
}

/// A gate that sees the cell: f(sum + p C). `sums` is [batch, 4 hidden], of which the gate's part
/// begins at a column; p is [1, hidden].
fn peephole_gate(
    cx: &mut Lowerer,
    gate: &Op,
    sums: &DeviceValue,
    start: usize,
    peephole: &DeviceValue,
    cell: Option<&DeviceValue>,
) -> DeviceValue {
    let width = peephole.shape[1];
    let mut sum = cx.narrow(sums, 1, start, width);
    if let Some(cell) = cell {
        let weighted = cx.emit(Op::Mul, &[cell, peephole], cell.shape.clone());
        sum = cx.zip(Op::Add, &sum, &weighted);
    }
    cx.map(gate.clone(), &sum)
}

/// An LSTM with peepholes (Gers and Schmidhuber, 2000), as ONNX describes it.
pub(super) fn lstm_with_peepholes(cx: &mut Lowerer, node: &CustomNode) -> Lowering<Vec<Value>> {
    let attributes = &node.attrs;
    if attributes.get_strings("activations").is_some() {
        return Err(Unsupported::new("activations together with peepholes"));
    }
    let number = |name: &str| attributes.get_i64(name).unwrap_or(0);
    let given = |input: usize| node.inputs.get(input).is_some_and(|input| !input.is_optional());
    let hidden_size = usize::try_from(number("hidden_size")).map_err(|_| Unsupported::new("a negative hidden_size"))?;
    let config = LstmConfig {
        input_size: 0,
        hidden_size,
        direction: match attributes.get_string("direction") {
            None | Some("forward") => LstmDirection::Forward,
            Some("reverse") => LstmDirection::Reverse,
            Some("bidirectional") => LstmDirection::Bidirectional,
            Some(other) => return Err(Unsupported::new(format!("the direction {other:?}"))),
        },
        has_bias: given(3),
        has_initial_h: given(5),
        has_initial_c: given(6),
        has_peephole: true,
        batch_first: number("layout") == 1,
        clip: attributes.get_f32("clip"),
        input_forget: number("input_forget") != 0,
        gate_activation: LstmActivationFunction::Sigmoid,
        cell_activation: LstmActivationFunction::Tanh,
        hidden_activation: LstmActivationFunction::Tanh,
    };
    lstm(
        cx,
        &LstmNode {
            name: node.name.clone(),
            inputs: node.inputs.clone(),
            outputs: node.outputs.clone(),
            config,
        },
    )
}
