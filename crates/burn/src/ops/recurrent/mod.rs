//! Recurrent layers, unrolled over their time steps.

use onnx_ir::Argument;
use onnx_ir::node::gru::{GruActivationFunction, GruDirection, GruNode};
use onnx_ir::node::rnn::{RnnActivationFunction, RnnDirection, RnnNode};

use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::layout::shape_of;
use crate::runtime::program::{Movement, Op};

/// More steps are refused: each becomes several operations of the plan.
const MOST_STEPS: usize = 4096;

/// Which of the directions a layer has: whether each goes backwards in time.
const FORWARD: &[bool] = &[false];
const REVERSE: &[bool] = &[true];
const BOTH: &[bool] = &[false, true];

macro_rules! directions {
    ($direction:expr, $kind:ident) => {
        match $direction {
            $kind::Forward => FORWARD,
            $kind::Reverse => REVERSE,
            $kind::Bidirectional => BOTH,
        }
    };
}

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

// After the macros, which it uses.
mod lstm;

/// What the three kinds of layers have in common.
struct Layer<'a> {
    inputs: &'a [Argument],
    hidden: usize,
    directions: &'static [bool],
    batch_first: bool,
    /// Position of the initial cell's input, for layers that have one.
    cell_input: Option<usize>,
    /// Position of the peepholes' input, for layers that have them.
    peephole_input: Option<usize>,
    /// Widths of the parts that the recurrent weights are multiplied by, one after the other.
    parts: Vec<usize>,
}

/// One direction of a layer: its weights on the device, transposed.
struct Direction {
    /// The products of all inputs with the weights, plus biases: [steps, batch, gates hidden].
    inputs: DeviceValue,
    /// Weights, [hidden, part], and biases, [part], of the hidden state.
    recurrence: Vec<(DeviceValue, Option<DeviceValue>)>,
    /// Weights of the cell in the gates, [hidden] each: input, output, forget.
    peepholes: Option<[DeviceValue; 3]>,
}

/// Hidden state and, for an LSTM, cell: [batch, hidden] each.
struct State {
    hidden: DeviceValue,
    cell: Option<DeviceValue>,
}

impl Lowerer {
    /// H' = f(X W^T + H R^T + b).
    pub(crate) fn rnn(&mut self, node: &RnnNode) -> Lowering<Vec<Value>> {
        let config = &node.config;
        unclipped(config.clip)?;
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
        self.recurrent(&layer, |this, direction, step, state| {
            let gates = this.gates(direction, step, &state.hidden)?;
            let hidden = this.computed(activation.clone(), &[&gates], gates.shape.clone());
            Ok(State { hidden, cell: None })
        })
    }

    /// z, r = f(X W^T + H R^T + b); h = g(X Wh^T + (r H) Rh^T + b), or with r after the product;
    /// H' = (1 - z) h + z H: Cho et al., 2014.
    pub(crate) fn gru(&mut self, node: &GruNode) -> Lowering<Vec<Value>> {
        let config = &node.config;
        unclipped(config.clip)?;
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
        self.recurrent(&layer, |this, direction, step, state| {
            let shape = state.hidden.shape.clone();
            let from_input = this.at_step(&direction.inputs, step);
            let [early, own_part] = direction.recurrence.as_slice() else {
                unreachable!("a GRU's weights are split in two")
            };
            let wide = this.part(&from_input, 1, 0, 2 * width);
            let recurrent = this.linear_step(&state.hidden, early)?;
            let sum = this.computed(Op::Add, &[&wide, &recurrent], wide.shape.clone());
            let gates = this.computed(gate.clone(), &[&sum], wide.shape);
            let (update, reset) = (this.part(&gates, 1, 0, width), this.part(&gates, 1, width, width));
            let recurrent = if late {
                let product = this.linear_step(&state.hidden, own_part)?;
                this.computed(Op::Mul, &[&reset, &product], shape.clone())
            } else {
                let kept = this.computed(Op::Mul, &[&reset, &state.hidden], shape.clone());
                this.linear_step(&kept, own_part)?
            };
            let own = this.part(&from_input, 1, 2 * width, width);
            let sum = this.computed(Op::Add, &[&own, &recurrent], shape.clone());
            let new = this.computed(activation.clone(), &[&sum], shape.clone());
            // (1 - z) h + z H = h + z (H - h).
            let difference = this.computed(Op::Sub, &[&state.hidden, &new], shape.clone());
            let share = this.computed(Op::Mul, &[&update, &difference], shape.clone());
            let hidden = this.computed(Op::Add, &[&new, &share], shape);
            Ok(State { hidden, cell: None })
        })
    }

    /// All states, [steps, directions, batch, hidden]; the last hidden state, and the last cell, [directions, batch, hidden].
    fn recurrent(
        &mut self,
        layer: &Layer<'_>,
        advance: impl Fn(&mut Self, &Direction, usize, &State) -> Lowering<State>,
    ) -> Lowering<Vec<Value>> {
        let mut x = self.floats(&layer.inputs[0])?;
        let &[a, b, width] = x.shape.as_slice() else {
            return Err(Unsupported::new(format!("an input of shape {:?}", x.shape)));
        };
        let (steps, batch) = if layer.batch_first { (b, a) } else { (a, b) };
        if layer.batch_first {
            x = self.computed(
                Op::Move(Movement::Permute(vec![1, 0, 2])),
                &[&x],
                vec![steps, batch, width],
            );
        }
        if steps == 0 || steps > MOST_STEPS {
            return Err(Unsupported::new(format!("{steps} time steps (at most {MOST_STEPS})")));
        }
        if let Some(lengths) = self.optional(layer.inputs.get(4))? {
            let whole = |value: &Value| match value {
                Value::Host(host) => host
                    .as_integers()
                    .is_some_and(|all| all.iter().all(|&n| usize::try_from(n) == Ok(steps))),
                _ => false,
            };
            if !whole(&lengths) {
                return Err(Unsupported::new("sequences that are shorter than the input"));
            }
        }
        let (mut all, mut last, mut cells) = (vec![], vec![], vec![]);
        for (index, &backwards) in layer.directions.iter().enumerate() {
            let direction = self.direction(layer, &x, index)?;
            let mut state = State {
                hidden: self.initial(layer, 5, index, batch)?,
                cell: match layer.cell_input {
                    Some(input) => Some(self.initial(layer, input, index, batch)?),
                    None => None,
                },
            };
            let mut hidden = Vec::with_capacity(steps);
            for step in 0..steps {
                let step = if backwards { steps - 1 - step } else { step };
                state = advance(self, &direction, step, &state)?;
                hidden.push(self.viewed(&state.hidden, vec![1, 1, batch, layer.hidden]));
            }
            if backwards {
                hidden.reverse();
            }
            all.push(self.joined(hidden, 0));
            last.push(self.viewed(&state.hidden, vec![1, batch, layer.hidden]));
            if let Some(cell) = &state.cell {
                cells.push(self.viewed(cell, vec![1, batch, layer.hidden]));
            }
        }
        let mut outputs = vec![self.joined(all, 1), self.joined(last, 0)];
        if !cells.is_empty() {
            outputs.push(self.joined(cells, 0));
        }
        if layer.batch_first {
            for (output, axes) in outputs.iter_mut().zip([vec![2, 0, 1, 3], vec![1, 0, 2], vec![1, 0, 2]]) {
                let shape = axes.iter().map(|&axis| output.shape[axis]).collect();
                *output = self.computed(Op::Move(Movement::Permute(axes)), &[output], shape);
            }
        }
        Ok(outputs.into_iter().map(Value::Device).collect())
    }

    fn direction(&mut self, layer: &Layer<'_>, x: &DeviceValue, index: usize) -> Lowering<Direction> {
        let (weights, recurrence) = (self.value(&layer.inputs[1])?, self.value(&layer.inputs[2])?);
        let (weights, recurrence) = (
            self.of_direction(&weights, index)?,
            self.of_direction(&recurrence, index)?,
        );
        let (weights, recurrence) = (self.turned(weights)?, self.turned(recurrence)?);
        let wide = shape_of(&weights).last().copied().unwrap_or(0);
        let biases = match self.optional(layer.inputs.get(3))? {
            Some(biases) => {
                let biases = self.of_direction(&biases, index)?;
                Some((
                    self.part_of(&biases, 0, 0, wide)?,
                    self.part_of(&biases, 0, wide, wide)?,
                ))
            }
            None => None,
        };
        let (bias, recurrent_bias) = biases.unzip();
        let weights = (self.device(weights)?, bias.map(|bias| self.device(bias)).transpose()?);
        let inputs = self.linear_step(x, &weights)?;
        let (mut parts, mut start) = (Vec::with_capacity(layer.parts.len()), 0);
        for &width in &layer.parts {
            let weight = self.part_of(&recurrence, 1, start, width)?;
            let bias = match &recurrent_bias {
                Some(bias) => Some(self.part_of(bias, 0, start, width)?),
                None => None,
            };
            parts.push((self.device(weight)?, bias.map(|bias| self.device(bias)).transpose()?));
            start += width;
        }
        let peepholes = match layer.peephole_input {
            Some(input) => {
                let all = self.value(&layer.inputs[input])?;
                let own = self.of_direction(&all, index)?;
                let mut peepholes = Vec::with_capacity(3);
                for gate in 0..3 {
                    let weight = self.part_of(&own, 0, gate * layer.hidden, layer.hidden)?;
                    // As [1, hidden], which meets a cell of any batch.
                    let weight = self.reshaped(weight, vec![1, layer.hidden]);
                    peepholes.push(self.device(weight)?);
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

    /// X W^T + H R^T and the biases of both: [batch, gates hidden].
    fn gates(&mut self, direction: &Direction, step: usize, hidden: &DeviceValue) -> Lowering<DeviceValue> {
        let from_input = self.at_step(&direction.inputs, step);
        let recurrent = self.linear_step(hidden, &direction.recurrence[0])?;
        let shape = recurrent.shape.clone();
        Ok(self.computed(Op::Add, &[&from_input, &recurrent], shape))
    }

    /// x [.., i] times weight [i, o] plus bias [o].
    fn linear_step(
        &mut self,
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
        Ok(self.computed(Op::Linear, &operands, shape))
    }

    /// x [steps, a, b] -> [a, b].
    fn at_step(&mut self, x: &DeviceValue, step: usize) -> DeviceValue {
        let one = self.part(x, 0, step, 1);
        self.viewed(&one, one.shape[1..].to_vec())
    }

    /// The state before the first step: [batch, hidden].
    fn initial(&mut self, layer: &Layer<'_>, input: usize, index: usize, batch: usize) -> Lowering<DeviceValue> {
        match self.optional(layer.inputs.get(input))? {
            Some(given) => {
                // [batch, directions, hidden] where the batch comes first.
                let given = match layer.batch_first {
                    true => self.value_permuted(given, vec![1, 0, 2])?,
                    false => given,
                };
                let own = self.of_direction(&given, index)?;
                self.device(own)
            }
            None => Ok(self.constant(crate::lower::host_tensor::HostTensor {
                shape: vec![batch, layer.hidden],
                data: crate::lower::host_tensor::HostData::F32(vec![0.0; batch * layer.hidden]),
            })),
        }
    }

    /// x [directions, ..] -> [..].
    fn of_direction(&mut self, x: &Value, index: usize) -> Lowering<Value> {
        let shape = shape_of(x);
        if shape.first().is_none_or(|&directions| index >= directions) {
            return Err(Unsupported::new(format!("weights of shape {shape:?}")));
        }
        let rest = shape[1..].to_vec();
        let one = self.part_of(x, 0, index, 1)?;
        Ok(self.reshaped(one, rest))
    }

    /// x [a, b] -> [b, a].
    fn turned(&mut self, x: Value) -> Lowering<Value> {
        self.value_permuted(x, vec![1, 0])
    }

    fn value_permuted(&mut self, x: Value, axes: Vec<usize>) -> Lowering<Value> {
        let own = shape_of(&x);
        if own.len() != axes.len() {
            return Err(Unsupported::new(format!("weights of shape {own:?}")));
        }
        match x {
            Value::Host(host) => Ok(Value::Host(host.transposed(&axes))),
            x => {
                let shape = axes.iter().map(|&axis| shape_of(&x)[axis]).collect();
                self.moved(x, Movement::Permute(axes), shape)
            }
        }
    }

    /// One after the other along a dimension.
    fn joined(&mut self, parts: Vec<DeviceValue>, axis: usize) -> DeviceValue {
        let mut shape = parts.first().map(|part| part.shape.clone()).unwrap_or_default();
        shape[axis] = parts.iter().map(|part| part.shape[axis]).sum();
        let op = Op::Move(Movement::Concat { axis });
        self.computed(op, &parts.iter().collect::<Vec<_>>(), shape)
    }
}

fn unclipped(clip: Option<f32>) -> Lowering<()> {
    match clip {
        None => Ok(()),
        Some(clip) => Err(Unsupported::new(format!("clipping at {clip}"))),
    }
}
