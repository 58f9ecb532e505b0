//! Convolution over depth, height and width.

use burn_backend::ops::{ConvOptions, ConvTransposeOptions};
use onnx_ir::node::conv_transpose3d::ConvTranspose3dNode;
use onnx_ir::node::conv3d::Conv3dNode;
use onnx_ir::node::padding::{AutoPad, PaddingConfig3d};

use super::{Lowerer, Lowering, Unsupported, Value};
use crate::plan::Op;

impl Lowerer {
    /// x [n, c, d, h, w], weight [o, c / groups, kd, kh, kw], optional bias [o].
    pub(super) fn conv3d(&mut self, node: &Conv3dNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let weight = self.floats(&node.inputs[1])?;
        let bias = self.optional_floats(node.inputs.get(2))?;
        let [n, channels, size @ ..] = volume(&x.shape)?;
        let [out, per_group, kernel @ ..] = volume(&weight.shape)?;
        let config = &node.config;
        let groups = config.groups;
        if groups == 0 || per_group * groups != channels || out % groups != 0 {
            return Err(Unsupported::new(format!(
                "{channels} channels with weights of shape {:?} in {groups} groups",
                weight.shape
            )));
        }
        if !matches!(config.auto_pad, AutoPad::NotSet | AutoPad::Valid) {
            return Err(Unsupported::new(format!("automatic padding {:?}", config.auto_pad)));
        }
        let padding = match config.padding {
            PaddingConfig3d::Valid => [(0, 0); 3],
            PaddingConfig3d::Explicit(front, top, left, back, bottom, right) => {
                [(front, back), (top, bottom), (left, right)]
            }
        };
        let mut shape = vec![n, out];
        for d in 0..3 {
            let reach = (kernel[d].max(1) - 1) * config.dilation[d] + 1;
            let free = (size[d] + padding[d].0 + padding[d].1).checked_sub(reach);
            let steps = free.and_then(|free| free.checked_div(config.stride[d]));
            shape.push(
                1 + steps.ok_or_else(|| Unsupported::new(format!("a window larger than its input of {size:?}")))?,
            );
        }
        let options = ConvOptions::new_with_padding(config.stride, padding, config.dilation, groups);
        let mut operands = vec![&x, &weight];
        operands.extend(bias.as_ref());
        Ok(self.step(Op::Conv3d(options), &operands, shape))
    }

    /// x [n, c, d, h, w], weight [c, o / groups, kd, kh, kw], optional bias [o].
    pub(super) fn conv_transpose3d(&mut self, node: &ConvTranspose3dNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let weight = self.floats(&node.inputs[1])?;
        let bias = self.optional_floats(node.inputs.get(2))?;
        let [n, channels, size @ ..] = volume(&x.shape)?;
        let [wide_in, per_group, kernel @ ..] = volume(&weight.shape)?;
        let config = &node.config;
        if wide_in != channels || config.groups == 0 || config.stride.contains(&0) {
            return Err(Unsupported::new(format!(
                "{channels} channels with weights of shape {:?} and stride {:?}",
                weight.shape, config.stride
            )));
        }
        if !matches!(config.auto_pad, AutoPad::NotSet | AutoPad::Valid) || config.output_shape.is_some() {
            return Err(Unsupported::new("automatic padding or a given output shape"));
        }
        let mut shape = vec![n, per_group * config.groups];
        for d in 0..3 {
            // ONNX: stride * (size - 1) + output padding + ((kernel - 1) * dilation + 1) - both paddings.
            let full = config.stride[d] * (size[d].max(1) - 1)
                + config.padding_out[d]
                + (kernel[d].max(1) - 1) * config.dilation[d]
                + 1;
            let cut = 2 * config.padding[d];
            shape.push(
                full.checked_sub(cut)
                    .ok_or_else(|| Unsupported::new(format!("padding {:?}", config.padding)))?,
            );
        }
        let options = ConvTransposeOptions::new(
            config.stride,
            config.padding,
            config.padding_out,
            config.dilation,
            config.groups,
        );
        let mut operands = vec![&x, &weight];
        operands.extend(bias.as_ref());
        Ok(self.step(Op::ConvTranspose3d(options), &operands, shape))
    }
}

/// A shape of five dimensions: `[n, c, d, h, w]`.
fn volume(shape: &[usize]) -> Lowering<[usize; 5]> {
    <[usize; 5]>::try_from(shape)
        .map_err(|_| Unsupported::new(format!("an input of shape {shape:?}, expected [n, c, d, h, w]")))
}
