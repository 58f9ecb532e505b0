//! Convolution, batch normalisation and pooling over two dimensions.

use burn_backend::ops::{ConvOptions, PadMode};
use onnx_ir::node::avg_pool2d::AveragePool2dNode;
use onnx_ir::node::batch_norm::{BatchNormConfig, BatchNormalizationNode};
use onnx_ir::node::conv2d::Conv2dNode;
use onnx_ir::node::global_avg_pool::GlobalAveragePoolNode;
use onnx_ir::node::max_pool2d::MaxPool2dNode;
use onnx_ir::node::padding::{AutoPad, PaddingConfig2d};

use super::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::host::{HostData, HostTensor};
use crate::plan::Op;

/// A window that slides over height and width.
#[derive(Debug, Clone, Copy)]
struct Window {
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    /// Before and after, for height and width.
    padding: [(usize, usize); 2],
    ceil: bool,
}

impl Window {
    fn new(
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        padding: &PaddingConfig2d,
        auto: &AutoPad,
        ceil: bool,
        size: [usize; 2],
    ) -> Lowering<Self> {
        if kernel.contains(&0) || stride.contains(&0) || dilation.contains(&0) {
            return Err(Unsupported::new(format!(
                "kernel {kernel:?}, stride {stride:?} or dilation {dilation:?} of 0"
            )));
        }
        let explicit = match padding {
            PaddingConfig2d::Valid => [(0, 0); 2],
            PaddingConfig2d::Explicit(top, left, bottom, right) => [(*top, *bottom), (*left, *right)],
        };
        let padding = match auto {
            AutoPad::NotSet => explicit,
            AutoPad::Valid => [(0, 0); 2],
            AutoPad::SameUpper | AutoPad::SameLower => [0, 1].map(|d| {
                // ONNX: the output has ceil(size / stride) positions.
                let reach = (kernel[d] - 1) * dilation[d] + 1;
                let total = ((size[d].div_ceil(stride[d]) - 1) * stride[d] + reach).saturating_sub(size[d]);
                let (less, more) = (total / 2, total - total / 2);
                if matches!(auto, AutoPad::SameUpper) {
                    (less, more)
                } else {
                    (more, less)
                }
            }),
        };
        Ok(Self {
            kernel,
            stride,
            dilation,
            padding,
            ceil,
        })
    }

    /// Height and width after sliding over `size`; `None` if the window does not fit once.
    fn output(&self, size: [usize; 2]) -> Option<[usize; 2]> {
        let mut output = [0; 2];
        for d in 0..2 {
            let (before, after) = self.padding[d];
            let reach = (self.kernel[d] - 1) * self.dilation[d] + 1;
            let free = (size[d] + before + after).checked_sub(reach)?;
            let mut steps = if self.ceil {
                free.div_ceil(self.stride[d])
            } else {
                free / self.stride[d]
            };
            // A window that would begin in the padding after the end does not count (ONNX since opset 11).
            if self.ceil && steps * self.stride[d] >= size[d] + before {
                steps -= 1;
            }
            output[d] = steps + 1;
        }
        Some(output)
    }

    fn symmetric(&self) -> Option<[usize; 2]> {
        self.padding
            .iter()
            .all(|(before, after)| before == after)
            .then(|| self.padding.map(|(before, _)| before))
    }
}

fn image(shape: &[usize]) -> Lowering<[usize; 4]> {
    <[usize; 4]>::try_from(shape)
        .map_err(|_| Unsupported::new(format!("an input of shape {shape:?}, expected [n, c, h, w]")))
}

fn does_not_fit(size: [usize; 2]) -> Unsupported {
    Unsupported::new(format!("a window larger than its input of {size:?}"))
}

impl Lowerer {
    pub(super) fn conv2d(&mut self, node: &Conv2dNode) -> Lowering<Value> {
        let x = self.value(&node.inputs[0])?;
        let x = self.device(x);
        let weight = self.value(&node.inputs[1])?;
        let weight = self.device(weight);
        let bias = self.optional(node.inputs.get(2))?.map(|bias| self.device(bias));
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

        let value = self.value(&node.inputs[0])?;
        let x = self.device(value);
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
        let per_channel = |values: &[f64]| Value::Host(floats(shape.clone(), values));
        let (factor, offset) = (self.device(per_channel(&factor)), self.device(per_channel(&offset)));
        let Value::Device(scaled) = self.step(Op::Mul, &[&x, &factor], x.shape.clone()) else {
            return Err(Unsupported::new("a constant input"));
        };
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
                let slot = self.device(Value::Host(folded)).slot;
                self.lowered.steps[index].inputs.push(slot);
            }
        }
        true
    }

    pub(super) fn max_pool2d(&mut self, node: &MaxPool2dNode) -> Lowering<Value> {
        let value = self.value(&node.inputs[0])?;
        let x = self.device(value);
        let [n, c, h, w] = image(&x.shape)?;
        let config = &node.config;
        let mut window = Window::new(
            config.kernel_size,
            config.strides,
            config.dilation,
            &config.padding,
            &config.auto_pad,
            config.ceil_mode,
            [h, w],
        )?;
        let [oh, ow] = window.output([h, w]).ok_or_else(|| does_not_fit([h, w]))?;
        let x = if window.symmetric().is_some() {
            x
        } else {
            self.padded(&x, &mut window, f32::NEG_INFINITY)?
        };
        let op = Op::MaxPool2d {
            kernel: window.kernel,
            stride: window.stride,
            padding: window.symmetric().unwrap_or_default(),
            dilation: window.dilation,
            ceil: window.ceil,
        };
        Ok(self.step(op, &[&x], vec![n, c, oh, ow]))
    }

    pub(super) fn avg_pool2d(&mut self, node: &AveragePool2dNode) -> Lowering<Value> {
        let value = self.value(&node.inputs[0])?;
        let x = self.device(value);
        let [n, c, h, w] = image(&x.shape)?;
        let config = &node.config;
        let mut window = Window::new(
            config.kernel_size,
            config.strides,
            config.dilation,
            &config.padding,
            &config.auto_pad,
            config.ceil_mode,
            [h, w],
        )?;
        if config.dilation != [1, 1] {
            return Err(Unsupported::new(format!("dilation {:?}", config.dilation)));
        }
        let [oh, ow] = window.output([h, w]).ok_or_else(|| does_not_fit([h, w]))?;
        let x = match window.symmetric() {
            Some(_) => x,
            None if config.count_include_pad => self.padded(&x, &mut window, 0.0)?,
            None => {
                return Err(Unsupported::new(
                    "padding that differs before and after and is not counted",
                ));
            }
        };
        let op = Op::AvgPool2d {
            kernel: window.kernel,
            stride: window.stride,
            padding: window.symmetric().unwrap_or_default(),
            count_padding: config.count_include_pad,
            ceil: window.ceil,
        };
        Ok(self.step(op, &[&x], vec![n, c, oh, ow]))
    }

    /// Pads by a step of its own, for pooling whose padding differs before and after.
    fn padded(&mut self, x: &DeviceValue, window: &mut Window, value: f32) -> Lowering<DeviceValue> {
        let mut shape = x.shape.clone();
        let mut before_after = vec![(0, 0); 2];
        for (d, padding) in window.padding.iter_mut().enumerate() {
            shape[d + 2] += padding.0 + padding.1;
            before_after.push(std::mem::take(padding));
        }
        match self.step(
            Op::Pad {
                before_after,
                mode: PadMode::Constant(value),
            },
            &[x],
            shape,
        ) {
            Value::Device(padded) => Ok(padded),
            Value::Host(_) => Err(Unsupported::new("a constant input")),
        }
    }

    pub(super) fn global_avg_pool(&mut self, node: &GlobalAveragePoolNode) -> Lowering<Value> {
        let value = self.value(&node.inputs[0])?;
        let x = self.device(value);
        let [n, c, _, _] = image(&x.shape)?;
        Ok(self.step(Op::GlobalAvgPool2d, &[&x], vec![n, c, 1, 1]))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_sizes_follow_onnx() {
        let window = |kernel, stride, padding: (usize, usize), ceil| Window {
            kernel: [kernel; 2],
            stride: [stride; 2],
            dilation: [1; 2],
            padding: [padding; 2],
            ceil,
        };
        for (window, size, expected) in [
            (window(3, 1, (1, 1), false), 224, Some(224)),
            (window(7, 2, (3, 3), false), 224, Some(112)),
            (window(3, 2, (0, 1), false), 224, Some(112)),
            (window(3, 2, (1, 1), true), 112, Some(57)),
            (window(2, 2, (0, 0), true), 5, Some(3)),
            (window(3, 2, (1, 1), true), 4, Some(3)),
            (window(5, 1, (0, 0), false), 4, None),
        ] {
            assert_eq!(
                window.output([size; 2]),
                expected.map(|size| [size; 2]),
                "{window:?} over {size}"
            );
        }
    }

    #[test]
    fn automatic_padding_keeps_the_size() {
        for (auto, expected) in [
            (AutoPad::SameUpper, (0, 1)),
            (AutoPad::SameLower, (1, 0)),
            (AutoPad::Valid, (0, 0)),
        ] {
            let window = Window::new([3; 2], [2; 2], [1; 2], &PaddingConfig2d::Valid, &auto, false, [224; 2]).unwrap();
            assert_eq!(window.padding, [expected; 2], "{auto:?}");
        }
    }
}
