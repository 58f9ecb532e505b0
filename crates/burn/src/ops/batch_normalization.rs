//! Batch normalization, which is folded into a convolution before it if possible.

use onnx_ir::Argument;
use onnx_ir::node::batch_norm::{BatchNormConfig, BatchNormalizationNode};

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{DeviceValue, Lowerer, Lowering, OpSpec, Unsupported, Value, op};
use crate::runtime::program::{Op, Slot};

pub(super) const OPS: &[OpSpec] = &[op!("BatchNormalization", cx, BatchNormalization(n) => batch_normalization(cx, n))];

/// (x - mean) / sqrt(variance + epsilon) scale + shift for each channel: x [n, c, ..].
fn batch_normalization(cx: &mut Lowerer, node: &BatchNormalizationNode) -> Lowering<Value> {
    let epsilon = match &node.config {
        BatchNormConfig::Static(config) => config.epsilon,
        BatchNormConfig::Runtime(config) => config.epsilon,
    };
    // Before opset 14, further outputs ask for the statistics of the batch at hand.
    if cx.opset < 14 && node.outputs.iter().skip(1).any(|output| !output.name.is_empty()) {
        return Err(Unsupported::new("training"));
    }
    let mut parts = Vec::with_capacity(4);
    for input in &node.inputs[1..5] {
        let part = cx.host_value(input)?;
        parts.push(
            part.as_floats()
                .map(<[f32]>::to_vec)
                .ok_or_else(|| Unsupported::new("statistics that are not f32"))?,
        );
    }
    let [scale, shift, mean, variance] =
        <[Vec<f32>; 4]>::try_from(parts).map_err(|_| Unsupported::new("fewer than four statistics"))?;
    // In f64, as exporters do when they fold.
    let factor: Vec<f64> = scale
        .iter()
        .zip(&variance)
        .map(|(&scale, &variance)| f64::from(scale) / (f64::from(variance) + epsilon).sqrt())
        .collect();
    let offset: Vec<f64> = shift
        .iter()
        .zip(&mean)
        .zip(&factor)
        .map(|((&shift, &mean), factor)| f64::from(shift) - f64::from(mean) * factor)
        .collect();

    let x = cx.floats(&node.inputs[0])?;
    if is_only_reader(cx, &node.inputs[0], &x) && fold_into_convolution(cx, &x, &factor, &offset) {
        return Ok(Value::Floats(x));
    }
    let channels = *x
        .shape
        .get(1)
        .ok_or_else(|| Unsupported::new(format!("an input of shape {:?}", x.shape)))?;
    if channels != factor.len() {
        return Err(Unsupported::new(format!(
            "{channels} channels with {} statistics",
            factor.len()
        )));
    }
    let mut shape = vec![1; x.shape.len()];
    shape[1] = channels;
    let factor = cx.constant(floats_tensor(shape.clone(), &factor));
    let offset = cx.constant(floats_tensor(shape, &offset));
    let scaled = cx.emit(Op::Mul, &[&x, &factor], x.shape.clone());
    Ok(cx.emit_floats(Op::Add, &[&scaled, &offset], x.shape.clone()))
}

/// Whether a node is the only one that reads a value, under any name, before it and after it.
fn is_only_reader(cx: &Lowerer, argument: &Argument, x: &DeviceValue) -> bool {
    let names = cx.values.values().filter(|value| value.slot() == Some(x.slot)).count();
    cx.uses.get(&argument.name) == Some(&1) && names == 1 && count_readers(cx, x.slot) == 0
}

/// How often the steps so far read a slot.
fn count_readers(cx: &Lowerer, slot: Slot) -> usize {
    let read = cx.lowered.steps.iter().flat_map(|step| &step.inputs);
    read.filter(|&&read| read == slot).count()
}

/// Changes weights and bias of the convolution that makes y, so that it makes y factor + offset for
/// each channel. Returns whether it did.
fn fold_into_convolution(cx: &mut Lowerer, y: &DeviceValue, factor: &[f64], offset: &[f64]) -> bool {
    let Some(index) = cx.lowered.steps.iter().rposition(|step| step.output == y.slot) else {
        return false;
    };
    let step = &cx.lowered.steps[index];
    if !matches!(step.op, Op::Conv2d(_)) {
        return false;
    }
    let (weight_slot, bias_slot) = (step.inputs[1], step.inputs.get(2).copied());
    // Both must be constants that only this convolution reads.
    if [Some(weight_slot), bias_slot]
        .into_iter()
        .flatten()
        .any(|slot| count_readers(cx, slot) != 1)
    {
        return false;
    }
    let bias: Vec<f64> = match bias_slot.map(|slot| {
        cx.constant_mut(slot)
            .and_then(|host| host.as_floats().map(<[f32]>::to_vec))
    }) {
        None => vec![0.0; factor.len()],
        Some(Some(bias)) => bias.into_iter().map(f64::from).collect(),
        Some(None) => return false,
    };
    let Some(HostTensor {
        shape,
        data: HostData::F32(weights),
    }) = cx.constant_mut(weight_slot)
    else {
        return false;
    };
    if shape.first() != Some(&factor.len()) || bias.len() != factor.len() || factor.is_empty() {
        return false;
    }
    let per_channel = weights.len() / factor.len();
    for (channel, factor) in weights.chunks_mut(per_channel.max(1)).zip(factor) {
        for weight in channel {
            *weight = to_f32(f64::from(*weight) * factor);
        }
    }
    let folded: Vec<f64> = bias
        .iter()
        .zip(factor)
        .zip(offset)
        .map(|((bias, factor), offset)| bias * factor + offset)
        .collect();
    let folded = floats_tensor(vec![folded.len()], &folded);
    match bias_slot {
        Some(slot) => {
            if let Some(constant) = cx.constant_mut(slot) {
                *constant = folded;
            }
        }
        None => {
            let slot = cx.constant(folded).slot;
            cx.lowered.steps[index].inputs.push(slot);
        }
    }
    true
}

fn floats_tensor(shape: Vec<usize>, values: &[f64]) -> HostTensor {
    HostTensor {
        shape,
        data: HostData::F32(values.iter().map(|&value| to_f32(value)).collect()),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "weights are f32, and this rounds to it")]
fn to_f32(value: f64) -> f32 {
    value as f32
}
