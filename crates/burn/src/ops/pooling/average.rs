//! The mean of each window.

use onnx_ir::Argument;
use onnx_ir::node::avg_pool1d::AveragePool1dNode;
use onnx_ir::node::avg_pool2d::AveragePool2dNode;
use onnx_ir::node::avg_pool3d::AveragePool3dNode;
use onnx_ir::node::padding::AutoPad;

use super::positions::reduce_positions;
use super::window_sums::window_sums;
use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{DeviceValue, Lowerer, Lowering, Value};
use crate::ops::line_as_image::{pool_rows, row_window};
use crate::ops::sliding_window::{
    IntoDims, Paddings, SlidingWindow, output_sizes, sliding_window, split_shape, symmetric_padding,
};
use crate::runtime::program::Op;

/// x [n, c, w] -> [n, c, w'].
pub(super) fn pool_1d(cx: &mut Lowerer, node: &AveragePool1dNode) -> Lowering<Value> {
    let (windows, config) = (row_window(sliding_window!(node.config, stride)), &node.config);
    let x = cx.floats(&node.inputs[0])?;
    pool_rows(cx, &x, |cx, x| {
        pool_image(cx, x, windows, &config.auto_pad, config.count_include_pad)
    })
    .map(Value::Floats)
}

/// x [n, c, h, w] -> [n, c, h', w'].
pub(super) fn pool_2d(cx: &mut Lowerer, node: &AveragePool2dNode) -> Lowering<Value> {
    let (windows, config) = (sliding_window!(node.config, strides), &node.config);
    let x = cx.floats(&node.inputs[0])?;
    pool_image(cx, &x, windows, &config.auto_pad, config.count_include_pad).map(Value::Floats)
}

/// x [n, c, d, h, w] -> [n, c, d', h', w'].
pub(super) fn pool_3d(cx: &mut Lowerer, node: &AveragePool3dNode) -> Lowering<Value> {
    let (windows, config) = (sliding_window!(node.config, strides), &node.config);
    let x = cx.floats(&node.inputs[0])?;
    pool_by_sums(cx, &x, &windows, &config.auto_pad, config.count_include_pad).map(Value::Floats)
}

/// x [n, c, h, w] -> [n, c, h', w'].
fn pool_image(
    cx: &mut Lowerer,
    x: &DeviceValue,
    sliding: SlidingWindow<2>,
    auto: &AutoPad,
    padding_counts: bool,
) -> Lowering<DeviceValue> {
    let (n, c, size) = split_shape::<2>(&x.shape)?;
    let windows = sliding.windows(auto, size)?;
    let [oh, ow] = output_sizes(&windows, size)?;
    match symmetric_padding(&windows) {
        Some(padding) if sliding.dilation == [1, 1] && !sliding.ceil => {
            let op = Op::AvgPool2d {
                kernel: sliding.kernel,
                stride: sliding.stride,
                padding,
                count_padding: padding_counts,
            };
            Ok(cx.emit(op, &[x], vec![n, c, oh, ow]))
        }
        _ => pool_by_sums(cx, x, &sliding, auto, padding_counts),
    }
}

/// The sum of each window divided by the number of positions that count.
fn pool_by_sums<const D: usize>(
    cx: &mut Lowerer,
    x: &DeviceValue,
    sliding: &SlidingWindow<D>,
    auto: &AutoPad,
    padding_counts: bool,
) -> Lowering<DeviceValue> {
    let (_, _, size) = split_shape::<D>(&x.shape)?;
    let windows = sliding.windows(auto, size)?;
    let outputs = output_sizes(&windows, size)?;
    let sums = window_sums(cx, x, &windows, outputs)?;
    let mut counts = vec![1.0f32];
    for d in 0..D {
        let along = windows[d].counts(size[d], outputs[d], padding_counts);
        counts = counts
            .iter()
            .flat_map(|count| along.iter().map(move |&more| count * more as f32))
            .collect();
    }
    let counts = cx.constant(HostTensor {
        shape: [&[1, 1], outputs.as_slice()].concat(),
        data: HostData::F32(counts),
    });
    Ok(cx.emit(Op::Div, &[&sums, &counts], sums.shape.clone()))
}

/// The mean over all positions: x [n, c, ..] -> [n, c, 1, ..].
pub(super) fn global(cx: &mut Lowerer, input: &Argument) -> Lowering<Value> {
    let x = cx.floats(input)?;
    if let [n, c, _, _] = *x.shape.as_slice() {
        return Ok(cx.emit_floats(Op::GlobalAvgPool2d, &[&x], vec![n, c, 1, 1]));
    }
    reduce_positions(cx, &x, Op::MeanDim(2))
}
