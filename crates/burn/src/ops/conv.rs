//! Convolution.

use burn_backend::ops::{ConvOptions, DeformConvOptions, PadMode};
use onnx_ir::Argument;
use onnx_ir::node::conv1d::Conv1dNode;
use onnx_ir::node::conv2d::Conv2dNode;
use onnx_ir::node::conv3d::Conv3dNode;
use onnx_ir::node::deform_conv::DeformConvNode;
use onnx_ir::node::padding::AutoPad;

use super::line_as_image::{conv_operands_in_rows, out_of_rows, row_window};
use super::sliding_window::{SlidingWindow, Window, output_sizes, split_shape, symmetric_padding};
use crate::lower::{DeviceValue, Lowerer, Lowering, OpSpec, Unsupported, Value, op};
use crate::runtime::program::Op;

pub(super) const OPS: &[OpSpec] = &[
    op!("Conv", cx,
        Conv1d(n) => conv_1d(cx, n),
        Conv2d(n) => conv_2d(cx, n),
        Conv3d(n) => conv_3d(cx, n),
    ),
    op!("DeformConv", cx, DeformConv(n) => deform_conv(cx, n)),
];

/// x [n, c, w], weight [o, c / groups, kw], optional bias [o] -> [n, o, w'].
fn conv_1d(cx: &mut Lowerer, node: &Conv1dNode) -> Lowering<Value> {
    let operands = conv_operands_in_rows(cx, &node.inputs)?;
    let config = &node.config;
    let kernel = [operands[1].shape[3]];
    let sliding = SlidingWindow::of_convolution(kernel, [config.stride], [config.dilation], &config.padding);
    let y = convolve_2d(cx, &operands, &row_window(sliding), &config.auto_pad, config.groups)?;
    Ok(Value::Floats(out_of_rows(cx, &y)))
}

/// x [n, c, h, w], weight [o, c / groups, kh, kw], optional bias [o] -> [n, o, h', w'].
fn conv_2d(cx: &mut Lowerer, node: &Conv2dNode) -> Lowering<Value> {
    let operands = conv_operands(cx, &node.inputs)?;
    let (_, _, kernel) = split_shape(&operands[1].shape)?;
    let config = &node.config;
    let sliding = SlidingWindow::of_convolution(kernel, config.stride, config.dilation, &config.padding);
    convolve_2d(cx, &operands, &sliding, &config.auto_pad, config.groups).map(Value::Floats)
}

/// x [n, c, d, h, w], weight [o, c / groups, kd, kh, kw], optional bias [o] -> [n, o, d', h', w'].
fn conv_3d(cx: &mut Lowerer, node: &Conv3dNode) -> Lowering<Value> {
    let operands = conv_operands(cx, &node.inputs)?;
    let (_, _, kernel) = split_shape(&operands[1].shape)?;
    let config = &node.config;
    let sliding = SlidingWindow::of_convolution(kernel, config.stride, config.dilation, &config.padding);
    let (windows, shape) = conv_shape::<3>(&operands, &sliding, &config.auto_pad, config.groups)?;
    let options = ConvOptions::new_with_padding(
        config.stride,
        windows.map(|window| window.padding),
        config.dilation,
        config.groups,
    );
    let operands: Vec<&DeviceValue> = operands.iter().collect();
    Ok(Value::Floats(emit_conv_3d(cx, &operands, options, shape)))
}

/// A convolution of x [n, c, d, h, w] with operands [x, weight, optional bias]. Padding that differs before and after becomes a step of its
/// own: burn-ir panics if it is part of the convolution (crates/burn/UPSTREAM.md).
pub(super) fn emit_conv_3d(
    cx: &mut Lowerer,
    operands: &[&DeviceValue],
    mut options: ConvOptions<3>,
    shape: Vec<usize>,
) -> DeviceValue {
    let (&[x, ref others @ ..], true) = (operands, options.is_asymmetric()) else {
        return cx.emit(Op::Conv3d(options), operands, shape);
    };
    let before_after = [&[(0, 0); 2][..], &options.padding].concat();
    let padded = x
        .shape
        .iter()
        .zip(&before_after)
        .map(|(dim, (before, after))| dim + before + after);
    let padded = padded.collect();
    let mode = PadMode::Constant(0.0);
    let x = cx.emit(Op::Pad { before_after, mode }, &[x], padded);
    options.padding = [(0, 0); 3];
    let operands: Vec<&DeviceValue> = std::iter::once(&x).chain(others.iter().copied()).collect();
    cx.emit(Op::Conv3d(options), &operands, shape)
}

/// A convolution whose positions are shifted for each output (Zhu et al., 2019): x [n, c, h, w],
/// weight [o, c / groups, kh, kw], offsets [n, 2 groups kh kw, h', w'], optional bias [o], optional
/// mask [n, groups kh kw, h', w'] -> [n, o, h', w'].
fn deform_conv(cx: &mut Lowerer, node: &DeformConvNode) -> Lowering<Value> {
    let operands = conv_operands(cx, &node.inputs[..2])?;
    let offsets = cx.floats(&node.inputs[2])?;
    let (bias, mask) = (
        cx.optional_floats(node.inputs.get(3))?,
        cx.optional_floats(node.inputs.get(4))?,
    );
    let (_, _, kernel) = split_shape(&operands[1].shape)?;
    let config = &node.config;
    let sliding = SlidingWindow::of_convolution(kernel, config.stride, config.dilation, &config.padding);
    let (windows, shape) = conv_shape::<2>(&operands, &sliding, &AutoPad::NotSet, config.groups)?;
    let padding =
        symmetric_padding(&windows).ok_or_else(|| Unsupported::new("padding that differs before and after"))?;
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
    Ok(cx.emit_floats(op, &all, shape))
}

/// Input, weight and optional bias on the device.
pub(super) fn conv_operands(cx: &mut Lowerer, inputs: &[Argument]) -> Lowering<Vec<DeviceValue>> {
    let mut operands = vec![cx.floats(&inputs[0])?, cx.floats(&inputs[1])?];
    operands.extend(cx.optional_floats(inputs.get(2))?);
    Ok(operands)
}

fn convolve_2d(
    cx: &mut Lowerer,
    operands: &[DeviceValue],
    sliding: &SlidingWindow<2>,
    auto: &AutoPad,
    groups: usize,
) -> Lowering<DeviceValue> {
    let (windows, shape) = conv_shape::<2>(operands, sliding, auto, groups)?;
    let padding = windows.map(|window| window.padding);
    let options = ConvOptions::new_with_padding(sliding.stride, padding, sliding.dilation, groups);
    Ok(cx.emit(Op::Conv2d(options), &operands.iter().collect::<Vec<_>>(), shape))
}

/// The windows of a convolution and the shape of its result.
fn conv_shape<const D: usize>(
    operands: &[DeviceValue],
    sliding: &SlidingWindow<D>,
    auto: &AutoPad,
    groups: usize,
) -> Lowering<([Window; D], Vec<usize>)> {
    let (n, channels, size) = split_shape::<D>(&operands[0].shape)?;
    let (out, per_group, _) = split_shape::<D>(&operands[1].shape)?;
    if groups == 0 || per_group * groups != channels || out % groups != 0 {
        return Err(Unsupported::new(format!(
            "{channels} channels with weights of shape {:?} in {groups} groups",
            operands[1].shape
        )));
    }
    let windows = sliding.windows(auto, size)?;
    let sizes = output_sizes(&windows, size)?;
    Ok((windows, [&[n, out], sizes.as_slice()].concat()))
}
