//! Convolution, and the batch normalisation that follows it.

use burn_backend::ops::{ConvOptions, DeformConvOptions};
use onnx_ir::Argument;
use onnx_ir::node::batch_norm::{BatchNormConfig, BatchNormalizationNode};
use onnx_ir::node::conv1d::Conv1dNode;
use onnx_ir::node::conv2d::Conv2dNode;
use onnx_ir::node::conv3d::Conv3dNode;
use onnx_ir::node::deform_conv::DeformConvNode;
use onnx_ir::node::padding::AutoPad;

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::layout::shape_of;
use crate::ops::pooling::in_rows;
use crate::ops::window::{Sliding, Window, outputs, positions, symmetric};
use crate::runtime::program::{Op, Slot};

impl Lowerer {
    /// x [n, c, w], weight [o, c / groups, kw], optional bias [o], as an image of one row.
    pub(crate) fn conv1d(&mut self, node: &Conv1dNode) -> Lowering<Value> {
        let operands = self.convolved_in_rows(&node.inputs)?;
        let config = &node.config;
        let kernel = [operands[1].shape[3]];
        let sliding = Sliding::of_convolution(kernel, [config.stride], [config.dilation], &config.padding);
        let y = self.convolution2d(&operands, &in_rows(sliding), &config.auto_pad, config.groups)?;
        Ok(Value::Device(self.out_of_rows(&y)))
    }

    /// x [n, c, h, w], weight [o, c / groups, kh, kw], optional bias [o].
    pub(crate) fn conv2d(&mut self, node: &Conv2dNode) -> Lowering<Value> {
        let operands = self.convolved(&node.inputs)?;
        let (_, _, kernel) = positions(&operands[1].shape)?;
        let config = &node.config;
        let sliding = Sliding::of_convolution(kernel, config.stride, config.dilation, &config.padding);
        self.convolution2d(&operands, &sliding, &config.auto_pad, config.groups)
            .map(Value::Device)
    }

    /// x [n, c, d, h, w], weight [o, c / groups, kd, kh, kw], optional bias [o].
    pub(crate) fn conv3d(&mut self, node: &Conv3dNode) -> Lowering<Value> {
        let operands = self.convolved(&node.inputs)?;
        let (_, _, kernel) = positions(&operands[1].shape)?;
        let config = &node.config;
        let sliding = Sliding::of_convolution(kernel, config.stride, config.dilation, &config.padding);
        let (windows, shape) = convolution_shape::<3>(&operands, &sliding, &config.auto_pad, config.groups)?;
        let options = ConvOptions::new_with_padding(
            config.stride,
            windows.map(|window| window.padding),
            config.dilation,
            config.groups,
        );
        Ok(self.step(Op::Conv3d(options), &operands.iter().collect::<Vec<_>>(), shape))
    }

    /// A convolution whose weights see other positions for each output: x [n, c, h, w], weight [o, c / groups, kh, kw], offsets
    /// [n, 2 groups kh kw, h', w'], optional bias [o], optional mask [n, groups kh kw, h', w'].
    pub(crate) fn deform_conv(&mut self, node: &DeformConvNode) -> Lowering<Value> {
        let operands = self.convolved(&node.inputs[..2])?;
        let offsets = self.floats(&node.inputs[2])?;
        let (bias, mask) = (
            self.optional_floats(node.inputs.get(3))?,
            self.optional_floats(node.inputs.get(4))?,
        );
        let (_, _, kernel) = positions(&operands[1].shape)?;
        let config = &node.config;
        let sliding = Sliding::of_convolution(kernel, config.stride, config.dilation, &config.padding);
        let (windows, shape) = convolution_shape::<2>(&operands, &sliding, &AutoPad::NotSet, config.groups)?;
        let padding = symmetric(&windows).ok_or_else(|| Unsupported::new("padding that differs before and after"))?;
        let options = DeformConvOptions::new(
            config.stride,
            padding,
            config.dilation,
            config.groups,
            config.offset_groups,
        );
        let mut all = vec![&operands[0], &offsets, &operands[1]];
        let (masked, biased) = (mask.is_some(), bias.is_some());
        all.extend(mask.as_ref());
        all.extend(bias.as_ref());
        let op = Op::DeformConv2d {
            options,
            masked,
            biased,
        };
        Ok(self.step(op, &all, shape))
    }

    /// Input, weight and bias on the device.
    pub(crate) fn convolved(&mut self, inputs: &[Argument]) -> Lowering<Vec<DeviceValue>> {
        let mut operands = vec![self.floats(&inputs[0])?, self.floats(&inputs[1])?];
        operands.extend(self.optional_floats(inputs.get(2))?);
        Ok(operands)
    }

    /// The same for a line as an image of one row: x [n, c, 1, w], weight [.., .., 1, kw]. Constants are reshaped before they are uploaded.
    pub(crate) fn convolved_in_rows(&mut self, inputs: &[Argument]) -> Lowering<Vec<DeviceValue>> {
        let mut operands = Vec::with_capacity(3);
        for input in &inputs[..2] {
            let value = self.value(input)?;
            let &[a, b, w] = shape_of(&value) else {
                return Err(Unsupported::new(format!("an input of shape {:?}", shape_of(&value))));
            };
            let row = self.reshaped(value, vec![a, b, 1, w]);
            operands.push(self.device(row)?);
        }
        operands.extend(self.optional_floats(inputs.get(2))?);
        Ok(operands)
    }

    /// y [n, o, 1, w] -> [n, o, w].
    pub(crate) fn out_of_rows(&mut self, y: &DeviceValue) -> DeviceValue {
        self.viewed(y, [&y.shape[..2], &y.shape[3..]].concat())
    }

    fn convolution2d(
        &mut self,
        operands: &[DeviceValue],
        sliding: &Sliding<2>,
        auto: &AutoPad,
        groups: usize,
    ) -> Lowering<DeviceValue> {
        let (windows, shape) = convolution_shape::<2>(operands, sliding, auto, groups)?;
        let padding = windows.map(|window| window.padding);
        let options = ConvOptions::new_with_padding(sliding.stride, padding, sliding.dilation, groups);
        Ok(self.computed(Op::Conv2d(options), &operands.iter().collect::<Vec<_>>(), shape))
    }

    /// y = (x - mean) / sqrt(variance + epsilon) * scale + shift, per channel. Folded into the convolution before it
    /// where nothing else reads that.
    pub(crate) fn batch_norm(&mut self, node: &BatchNormalizationNode) -> Lowering<Value> {
        let epsilon = match &node.config {
            BatchNormConfig::Static(config) => config.epsilon,
            BatchNormConfig::Runtime(config) => config.epsilon,
        };
        // Before opset 14 further outputs ask for the statistics of this very batch.
        if self.opset < 14 && node.outputs.iter().skip(1).any(|output| !output.name.is_empty()) {
            return Err(Unsupported::new("training"));
        }
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
        if self.is_read_last_by(&node.inputs[0], &x) && self.fold_into_convolution(&x, &factor, &offset) {
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

    /// Whether nobody else has read a value, and nobody will under this name or another.
    fn is_read_last_by(&self, argument: &Argument, x: &DeviceValue) -> bool {
        let names = self
            .values
            .values()
            .filter(|value| value.slot() == Some(x.slot))
            .count();
        self.uses.get(&argument.name) == Some(&1) && names == 1 && self.readers(x.slot) == 0
    }

    /// How many times steps until now read a slot.
    fn readers(&self, slot: Slot) -> usize {
        let read = self.lowered.steps.iter().flat_map(|step| &step.inputs);
        read.filter(|&&read| read == slot).count()
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
        // Both must be constants that this convolution alone reads.
        if [Some(weight_slot), bias_slot]
            .into_iter()
            .flatten()
            .any(|slot| self.readers(slot) != 1)
        {
            return false;
        }
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

/// The windows and the shape of what a convolution computes.
fn convolution_shape<const D: usize>(
    operands: &[DeviceValue],
    sliding: &Sliding<D>,
    auto: &AutoPad,
    groups: usize,
) -> Lowering<([Window; D], Vec<usize>)> {
    let (n, channels, size) = positions::<D>(&operands[0].shape)?;
    let (out, per_group, _) = positions::<D>(&operands[1].shape)?;
    if groups == 0 || per_group * groups != channels || out % groups != 0 {
        return Err(Unsupported::new(format!(
            "{channels} channels with weights of shape {:?} in {groups} groups",
            operands[1].shape
        )));
    }
    let windows = sliding.windows(auto, size)?;
    let places = outputs(&windows, size)?;
    Ok((windows, [&[n, out], places.as_slice()].concat()))
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
