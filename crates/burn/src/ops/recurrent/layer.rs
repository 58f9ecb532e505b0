//! What the three kinds of recurrent layers have in common.

use onnx_ir::Argument;

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::runtime::program::{Movement, Op};

/// More time steps are refused: each becomes several steps of the program.
const MAX_TIME_STEPS: usize = 4096;

/// The directions of a layer: for each, whether it goes backwards in time.
pub(super) const FORWARD: &[bool] = &[false];

pub(super) const REVERSE: &[bool] = &[true];

pub(super) const BOTH: &[bool] = &[false, true];

/// The directions of a layer, from one of onnx-ir's types.
macro_rules! directions {
    ($direction:expr, $kind:ident) => {
        match $direction {
            $kind::Forward => FORWARD,
            $kind::Reverse => REVERSE,
            $kind::Bidirectional => BOTH,
        }
    };
}
pub(super) use directions;

/// The operation of an activation function, from one of onnx-ir's types.
macro_rules! activation {
    ($function:expr, $kind:ident) => {
        match $function {
            $kind::Sigmoid => Ok(Op::Sigmoid),
            $kind::Tanh => Ok(Op::Tanh),
            $kind::Relu => Ok(Op::Relu),
            other => Err(Unsupported::new(format!("the activation {other:?}"))),
        }
    };
}
pub(super) use activation;

/// The settings of a layer.
pub(super) struct Layer<'a> {
    pub(super) inputs: &'a [Argument],
    /// Number of hidden units.
    pub(super) hidden: usize,
    pub(super) directions: &'static [bool],
    pub(super) batch_first: bool,
    /// Position of the input with the initial cell, for layers that have one.
    pub(super) cell_input: Option<usize>,
    /// Position of the input with the peepholes, for layers that have them.
    pub(super) peephole_input: Option<usize>,
    /// Widths of the parts that the recurrent weights are split into: each is a product of its own.
    pub(super) parts: Vec<usize>,
}

/// One direction of a layer: its weights on the device, transposed.
pub(super) struct Direction {
    /// The products of all inputs with the weights, plus biases: [steps, batch, gates hidden].
    pub(super) inputs: DeviceValue,
    /// For each part, the weight [hidden, part] and the bias [part] of the hidden state.
    pub(super) recurrence: Vec<(DeviceValue, Option<DeviceValue>)>,
    /// Weights of the cell in the gates, [1, hidden] each: input, output, forget.
    pub(super) peepholes: Option<[DeviceValue; 3]>,
}

/// The state of a layer, [batch, hidden] each.
pub(super) struct State {
    pub(super) hidden: DeviceValue,
    /// Only an LSTM has one.
    pub(super) cell: Option<DeviceValue>,
}

/// Unrolls a layer. `advance` computes the state after a time step.
///
/// Returns all hidden states, [steps, directions, batch, hidden], the last hidden state, and the
/// last cell, [directions, batch, hidden] each.
pub(super) fn run_layer(
    cx: &mut Lowerer,
    layer: &Layer<'_>,
    advance: impl Fn(&mut Lowerer, &Direction, usize, &State) -> Lowering<State>,
) -> Lowering<Vec<Value>> {
    let mut x = cx.floats(&layer.inputs[0])?;
    let &[a, b, width] = x.shape.as_slice() else {
        return Err(Unsupported::new(format!("an input of shape {:?}", x.shape)));
    };
    let (steps, batch) = if layer.batch_first { (b, a) } else { (a, b) };
    if layer.batch_first {
        x = cx.emit(
            Op::Move(Movement::Permute(vec![1, 0, 2])),
            &[&x],
            vec![steps, batch, width],
        );
    }
    if steps == 0 || steps > MAX_TIME_STEPS {
        return Err(Unsupported::new(format!(
            "{steps} time steps (at most {MAX_TIME_STEPS})"
        )));
    }
    if let Some(lengths) = cx.optional_value(layer.inputs.get(4))? {
        let is_full_length = |value: &Value| match value {
            Value::Host(host) => host
                .as_integers()
                .is_some_and(|lengths| lengths.iter().all(|&n| usize::try_from(n) == Ok(steps))),
            _ => false,
        };
        if !is_full_length(&lengths) {
            return Err(Unsupported::new("sequences that are shorter than the input"));
        }
    }
    let (mut all, mut last, mut cells) = (vec![], vec![], vec![]);
    for (index, &backwards) in layer.directions.iter().enumerate() {
        let direction = read_direction(cx, layer, &x, index)?;
        let mut state = State {
            hidden: initial_state(cx, layer, 5, index, batch)?,
            cell: match layer.cell_input {
                Some(input) => Some(initial_state(cx, layer, input, index, batch)?),
                None => None,
            },
        };
        let mut hidden = Vec::with_capacity(steps);
        for step in 0..steps {
            let step = if backwards { steps - 1 - step } else { step };
            state = advance(cx, &direction, step, &state)?;
            hidden.push(cx.reshape(&state.hidden, vec![1, 1, batch, layer.hidden]));
        }
        if backwards {
            hidden.reverse();
        }
        all.push(concat(cx, hidden, 0));
        last.push(cx.reshape(&state.hidden, vec![1, batch, layer.hidden]));
        if let Some(cell) = &state.cell {
            cells.push(cx.reshape(cell, vec![1, batch, layer.hidden]));
        }
    }
    let mut outputs = vec![concat(cx, all, 1), concat(cx, last, 0)];
    if !cells.is_empty() {
        outputs.push(concat(cx, cells, 0));
    }
    if layer.batch_first {
        for (output, axes) in outputs.iter_mut().zip([vec![2, 0, 1, 3], vec![1, 0, 2], vec![1, 0, 2]]) {
            let shape = axes.iter().map(|&axis| output.shape[axis]).collect();
            *output = cx.emit(Op::Move(Movement::Permute(axes)), &[output], shape);
        }
    }
    Ok(outputs.into_iter().map(Value::Floats).collect())
}

fn read_direction(cx: &mut Lowerer, layer: &Layer<'_>, x: &DeviceValue, index: usize) -> Lowering<Direction> {
    let (weights, recurrence) = (cx.value(&layer.inputs[1])?, cx.value(&layer.inputs[2])?);
    let (weights, recurrence) = (
        of_direction(cx, &weights, index)?,
        of_direction(cx, &recurrence, index)?,
    );
    let (weights, recurrence) = (transpose(cx, weights)?, transpose(cx, recurrence)?);
    let wide = weights.shape().last().copied().unwrap_or(0);
    let biases = match cx.optional_value(layer.inputs.get(3))? {
        Some(biases) => {
            let biases = of_direction(cx, &biases, index)?;
            Some((
                cx.narrow_value(&biases, 0, 0, wide)?,
                cx.narrow_value(&biases, 0, wide, wide)?,
            ))
        }
        None => None,
    };
    let (bias, recurrent_bias) = biases.unzip();
    let weights = (
        cx.device_floats(weights)?,
        bias.map(|bias| cx.device_floats(bias)).transpose()?,
    );
    let inputs = linear_step(cx, x, &weights)?;
    let (mut parts, mut start) = (Vec::with_capacity(layer.parts.len()), 0);
    for &width in &layer.parts {
        let weight = cx.narrow_value(&recurrence, 1, start, width)?;
        let bias = match &recurrent_bias {
            Some(bias) => Some(cx.narrow_value(bias, 0, start, width)?),
            None => None,
        };
        parts.push((
            cx.device_floats(weight)?,
            bias.map(|bias| cx.device_floats(bias)).transpose()?,
        ));
        start += width;
    }
    let peepholes = match layer.peephole_input {
        Some(input) => {
            let all = cx.value(&layer.inputs[input])?;
            let own = of_direction(cx, &all, index)?;
            let mut peepholes = Vec::with_capacity(3);
            for gate in 0..3 {
                let weight = cx.narrow_value(&own, 0, gate * layer.hidden, layer.hidden)?;
                // [1, hidden] broadcasts to the cell of any batch.
                let weight = cx.reshape_value(weight, vec![1, layer.hidden]);
                peepholes.push(cx.device_floats(weight)?);
            }
            <[DeviceValue; 3]>::try_from(peepholes).ok()
        }
        None => None,
    };
    Ok(Direction {
        inputs,
        recurrence: parts,
        peepholes,
    })
}

/// X W^T + H R^T and both biases: [batch, gates hidden].
pub(super) fn gates(
    cx: &mut Lowerer,
    direction: &Direction,
    step: usize,
    hidden: &DeviceValue,
) -> Lowering<DeviceValue> {
    let from_input = at_step(cx, &direction.inputs, step);
    let recurrent = linear_step(cx, hidden, &direction.recurrence[0])?;
    let shape = recurrent.shape.clone();
    Ok(cx.emit(Op::Add, &[&from_input, &recurrent], shape))
}

/// x [.., i] times weight [i, o], plus bias [o].
pub(super) fn linear_step(
    cx: &mut Lowerer,
    x: &DeviceValue,
    (weight, bias): &(DeviceValue, Option<DeviceValue>),
) -> Lowering<DeviceValue> {
    let (Some((&inner, outer)), &[rows, columns]) = (x.shape.split_last(), weight.shape.as_slice()) else {
        return Err(Unsupported::new(format!("weights of shape {:?}", weight.shape)));
    };
    if inner != rows {
        return Err(Unsupported::new(format!(
            "a product of shapes {:?} and {:?}",
            x.shape, weight.shape
        )));
    }
    let shape = [outer, &[columns]].concat();
    let mut operands = vec![x, weight];
    operands.extend(bias);
    Ok(cx.emit(Op::Linear, &operands, shape))
}

/// x [steps, a, b] -> [a, b].
pub(super) fn at_step(cx: &mut Lowerer, x: &DeviceValue, step: usize) -> DeviceValue {
    let one = cx.narrow(x, 0, step, 1);
    cx.reshape(&one, one.shape[1..].to_vec())
}

/// The state before the first time step: [batch, hidden].
fn initial_state(
    cx: &mut Lowerer,
    layer: &Layer<'_>,
    input: usize,
    index: usize,
    batch: usize,
) -> Lowering<DeviceValue> {
    match cx.optional_value(layer.inputs.get(input))? {
        Some(given) => {
            // If the batch comes first: [batch, directions, hidden].
            let given = match layer.batch_first {
                true => permute_weights(cx, given, vec![1, 0, 2])?,
                false => given,
            };
            let own = of_direction(cx, &given, index)?;
            cx.device_floats(own)
        }
        None => Ok(cx.constant(HostTensor {
            shape: vec![batch, layer.hidden],
            data: HostData::F32(vec![0.0; batch * layer.hidden]),
        })),
    }
}

/// x [directions, ..] -> [..].
fn of_direction(cx: &mut Lowerer, x: &Value, index: usize) -> Lowering<Value> {
    let shape = x.shape();
    if shape.first().is_none_or(|&directions| index >= directions) {
        return Err(Unsupported::new(format!("weights of shape {shape:?}")));
    }
    let rest = shape[1..].to_vec();
    let one = cx.narrow_value(x, 0, index, 1)?;
    Ok(cx.reshape_value(one, rest))
}

/// x [a, b] -> [b, a].
fn transpose(cx: &mut Lowerer, x: Value) -> Lowering<Value> {
    permute_weights(cx, x, vec![1, 0])
}

fn permute_weights(cx: &mut Lowerer, x: Value, axes: Vec<usize>) -> Lowering<Value> {
    let own = x.shape();
    if own.len() != axes.len() {
        return Err(Unsupported::new(format!("weights of shape {own:?}")));
    }
    cx.permute_value(x, axes)
}

/// Concatenates values along a dimension.
fn concat(cx: &mut Lowerer, parts: Vec<DeviceValue>, axis: usize) -> DeviceValue {
    let mut shape = parts.first().map(|part| part.shape.clone()).unwrap_or_default();
    shape[axis] = parts.iter().map(|part| part.shape[axis]).sum();
    let op = Op::Move(Movement::Concat { axis });
    cx.emit(op, &parts.iter().collect::<Vec<_>>(), shape)
}

/// Refuses the attribute `clip`.
pub(super) fn check_clip(clip: Option<f32>) -> Lowering<()> {
    match clip {
        None => Ok(()),
        Some(clip) => Err(Unsupported::new(format!("clipping at {clip}"))),
    }
}
