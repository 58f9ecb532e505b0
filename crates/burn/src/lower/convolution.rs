//! Convolution, and the batch normalisation that follows it.

use burn_backend::ops::ConvOptions;
use onnx_ir::node::batch_norm::{BatchNormConfig, BatchNormalizationNode};
use onnx_ir::node::conv2d::Conv2dNode;

use super::window::{Window, does_not_fit, image};
use super::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::host::{HostData, HostTensor};
use crate::plan::Op;

impl Lowerer {
    pub(super) fn conv2d(&mut self, node: &Conv2dNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let weight = self.floats(&node.inputs[1])?;
        let bias = self.optional_floats(node.inputs.get(2))?;
        let [n, channels, h, w] = image(&x.shape)?;
        let [out, per_group, kh, kw] = image(&weight.shape)?;
        let config = &node.config;
        if config.groups == 0 || per_group * config.groups != channels || out % config.groups != 0 {
            return Err(Unsupported::new(format!(
                "{channels} channels with weights of shape {:?} in {} groups",
                weight.shape, config.groups
            )));
        }
        let window = Window::new(
            [kh, kw],
            config.stride,
            config.dilation,
            &config.padding,
            &config.auto_pad,
            false,
            [h, w],
        )?;
        let [oh, ow] = window.output([h, w]).ok_or_else(|| does_not_fit([h, w]))?;
        let options = ConvOptions::new_with_padding(window.stride, window.padding, window.dilation, config.groups);
        let mut operands = vec![&x, &weight];
        operands.extend(bias.as_ref());
        Ok(self.step(Op::Conv2d(options), &operands, vec![n, out, oh, ow]))
    }

    /// y = (x - mean) / sqrt(variance + epsilon) * scale + shift, per channel. Folded into the convolution before it
    /// where nothing else reads that.
    pub(super) fn batch_norm(&mut self, node: &BatchNormalizationNode) -> Lowering<Value> {
        let epsilon = match &node.config {
            BatchNormConfig::Static(config) => config.epsilon,
            BatchNormConfig::Runtime(config) => config.epsilon,
        };
        let mut parts = Vec::with_capacity(4);
        for input in &node.inputs[1..5] {
            let part = self.host(input)?;
            parts.push(
                part.as_floats()
                    .map(<[f32]>::to_vec)
                    .ok_or_else(|| Unsupported::new("statistics that are not f32"))?,
            );
        }
        let [scale, shift, mean, variance] =
            <[Vec<f32>; 4]>::try_from(parts).map_err(|_| Unsupported::new("fewer than four statistics"))?;
        // In f64, as exporters fold it.
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

        let x = self.floats(&node.inputs[0])?;
        let read_once = self.uses.get(&node.inputs[0].name) == Some(&1);
        if read_once && self.fold_into_convolution(&x, &factor, &offset) {
            return Ok(Value::Device(x));
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
        let factor = self.constant(floats(shape.clone(), &factor));
        let offset = self.constant(floats(shape, &offset));
        let scaled = self.computed(Op::Mul, &[&x, &factor], x.shape.clone());
        Ok(self.step(Op::Add, &[&scaled, &offset], x.shape.clone()))
    }

    fn fold_into_convolution(&mut self, y: &DeviceValue, factor: &[f64], offset: &[f64]) -> bool {
        let Some(index) = self.lowered.steps.iter().rposition(|step| step.output == y.slot) else {
            return false;
        };
        let step = &self.lowered.steps[index];
        if !matches!(step.op, Op::Conv2d(_)) {
            return false;
        }
        let (weight_slot, bias_slot) = (step.inputs[1], step.inputs.get(2).copied());
        // Both must be constants that this convolution alone reads; each use of a constant has a slot of its own.
        let bias: Vec<f64> = match bias_slot.map(|slot| {
            self.constant_mut(slot)
                .and_then(|host| host.as_floats().map(<[f32]>::to_vec))
        }) {
            None => vec![0.0; factor.len()],
            Some(Some(bias)) => bias.into_iter().map(f64::from).collect(),
            Some(None) => return false,
        };
        let Some(HostTensor {
            shape,
            data: HostData::F32(weights),
        }) = self.constant_mut(weight_slot)
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
        let folded = floats(vec![folded.len()], &folded);
        match bias_slot {
            Some(slot) => {
                if let Some(constant) = self.constant_mut(slot) {
                    *constant = folded;
                }
            }
            None => {
                let slot = self.constant(folded).slot;
                self.lowered.steps[index].inputs.push(slot);
            }
        }
        true
    }
}

fn floats(shape: Vec<usize>, values: &[f64]) -> HostTensor {
    HostTensor {
        shape,
        data: HostData::F32(values.iter().map(|&value| to_f32(value)).collect()),
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "weights are f32; this is the rounding to it"
)]
fn to_f32(value: f64) -> f32 {
    value as f32
}
