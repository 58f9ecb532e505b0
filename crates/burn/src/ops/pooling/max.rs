//! The maximum of each window.

use burn_backend::ops::{IntTensorOps, PadMode};
use burn_dispatch::Dispatch;
use burn_tensor::DType as OnnxType;
use onnx_ir::Argument;
use onnx_ir::node::max_pool1d::MaxPool1dNode;
use onnx_ir::node::max_pool2d::MaxPool2dNode;
use onnx_ir::node::max_pool3d::MaxPool3dNode;
use onnx_ir::node::padding::AutoPad;

use super::positions::reduce_positions;
use crate::lower::host_tensor::HostTensor;
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value, element_type};
use crate::ops::line_as_image::{pool_rows, row_window};
use crate::ops::sliding_window::{
    IntoDims, Paddings, SlidingWindow, Window, output_sizes, sliding_window, split_shape, symmetric_padding,
};
use crate::runtime::program::{IntegerOp, MaxPooling, Op};

/// x [n, c, w] -> [n, c, w'].
pub(super) fn pool_1d(cx: &mut Lowerer, node: &MaxPool1dNode) -> Lowering<Value> {
    let windows = row_window(sliding_window!(node.config, stride));
    pool_numbers(cx, &node.inputs[0], |cx, x| {
        pool_rows(cx, x, |cx, x| pool_image(cx, x, windows, &node.config.auto_pad))
    })
}

/// x [n, c, h, w] -> [n, c, h', w'], and the indices of the maxima if the model reads them.
pub(super) fn pool_2d(cx: &mut Lowerer, node: &MaxPool2dNode) -> Lowering<Vec<Value>> {
    if node.outputs.get(1).is_some_and(|indices| cx.is_read(indices)) {
        return pool_2d_with_indices(cx, node);
    }
    let windows = sliding_window!(node.config, strides);
    let pooled = pool_numbers(cx, &node.inputs[0], |cx, x| {
        pool_image(cx, x, windows, &node.config.auto_pad)
    })?;
    Ok(vec![pooled])
}

/// x [n, c, d, h, w] -> [n, c, d', h', w'].
pub(super) fn pool_3d(cx: &mut Lowerer, node: &MaxPool3dNode) -> Lowering<Value> {
    let windows = sliding_window!(node.config, strides);
    pool_numbers(cx, &node.inputs[0], |cx, x| {
        pool_volume(cx, x, &windows, &node.config.auto_pad)
    })
}

/// Pools floats, or 8-bit integers as floats, which hold them exactly.
fn pool_numbers(
    cx: &mut Lowerer,
    input: &Argument,
    pool: impl FnOnce(&mut Lowerer, &DeviceValue) -> Lowering<DeviceValue>,
) -> Lowering<Value> {
    let value = cx.value(input)?;
    if value.is_integers() && matches!(element_type(input), OnnxType::U8 | OnnxType::I8) {
        let whole = cx.integers(value)?;
        let floats = cx.emit(Op::Integers(IntegerOp::ToFloats), &[&whole], whole.shape.clone());
        let pooled = pool(cx, &floats)?;
        return Ok(Value::Integers(cx.map(Op::FloatsToIntegers, &pooled)));
    }
    let x = cx.device_floats(value)?;
    pool(cx, &x).map(Value::Floats)
}

/// Pools over height and width first, then over depth: x [n, c, d, h, w] -> [n, c, d', h', w'].
fn pool_volume(cx: &mut Lowerer, x: &DeviceValue, sliding: &SlidingWindow<3>, auto: &AutoPad) -> Lowering<DeviceValue> {
    let (n, c, [d, h, w]) = split_shape(&x.shape)?;
    let slices = cx.reshape(x, vec![n, c * d, h, w]);
    let pooled = pool_image(cx, &slices, of_dimensions(sliding, [1, 2]), auto)?;
    let [_, _, oh, ow] = image(&pooled)?;
    let columns = cx.reshape(&pooled, vec![n, c, d, oh * ow]);
    let mut over_depth = of_dimensions(sliding, [0, 0]);
    over_depth.kernel[1] = 1;
    over_depth.stride[1] = 1;
    over_depth.dilation[1] = 1;
    over_depth.padding[1] = (0, 0);
    let pooled = pool_image(cx, &columns, over_depth, auto)?;
    let [_, _, od, _] = image(&pooled)?;
    Ok(cx.reshape(&pooled, vec![n, c, od, oh, ow]))
}

/// x [n, c, h, w] -> [n, c, h', w'].
fn pool_image(cx: &mut Lowerer, x: &DeviceValue, sliding: SlidingWindow<2>, auto: &AutoPad) -> Lowering<DeviceValue> {
    let (n, c, size) = split_shape::<2>(&x.shape)?;
    let windows = sliding.windows(auto, size)?;
    let [oh, ow] = output_sizes(&windows, size)?;
    let (x, padding, ceil) = match symmetric_padding(&windows) {
        Some(padding) => (x.clone(), padding, sliding.ceil),
        None => {
            let after = [
                windows[0].padding_to_fit(size[0], oh),
                windows[1].padding_to_fit(size[1], ow),
            ];
            (pad_image(cx, x, &windows, after, f32::NEG_INFINITY), [0, 0], false)
        }
    };
    let op = Op::MaxPool2d(max_pooling(&sliding, padding, ceil));
    Ok(cx.emit(op, &[&x], vec![n, c, oh, ow]))
}

/// The maximum of each window of x [n, c, h, w], and its index among all elements. Within a plane,
/// elements are counted by rows, or by columns with `storage_order` 1.
fn pool_2d_with_indices(cx: &mut Lowerer, node: &MaxPool2dNode) -> Lowering<Vec<Value>> {
    let (sliding, auto) = (sliding_window!(node.config, strides), &node.config.auto_pad);
    let x = cx.floats(&node.inputs[0])?;
    let (n, c, [h, w]) = split_shape(&x.shape)?;
    let windows = sliding.windows(auto, [h, w])?;
    let padding = symmetric_padding(&windows)
        .ok_or_else(|| Unsupported::new("indices with padding that differs before and after"))?;
    let whole = |number: usize| {
        i32::try_from(number).map_err(|_| Unsupported::new(format!("indices into shape {:?}", x.shape)))
    };
    let (height, width, _) = (whole(h)?, whole(w)?, whole(n * c * h * w)?);
    let op = Op::MaxPoolIndices2d(max_pooling(&sliding, padding, sliding.ceil));
    let largest = pool_image(cx, &x, sliding, auto)?;
    let mut indices = cx.emit(op, &[&x], largest.shape.clone());
    if node.config.storage_order == 1 {
        let mut with = |x: &DeviceValue, op, number| {
            cx.emit(Op::Integers(IntegerOp::WithScalar(op, number)), &[x], x.shape.clone())
        };
        let (row, column) = (
            with(&indices, Dispatch::int_div_scalar, width),
            with(&indices, Dispatch::int_remainder_scalar, width),
        );
        let before = with(&column, Dispatch::int_mul_scalar, height);
        indices = cx.zip(Op::Integers(IntegerOp::Binary(Dispatch::int_add)), &before, &row);
    }
    let planes = HostTensor::from_dims((0..n * c).map(|plane| plane * h * w)).reshape(vec![n, c, 1, 1]);
    let indices = cx.integer_binary(
        Dispatch::int_add,
        [Value::Integers(indices), Value::Host(planes)],
        OnnxType::I64,
    )?;
    Ok(vec![Value::Floats(largest), indices])
}

/// Pads in a step of its own, for windows whose padding differs before and after.
fn pad_image(cx: &mut Lowerer, x: &DeviceValue, windows: &[Window; 2], after: [usize; 2], value: f32) -> DeviceValue {
    let mut shape = x.shape.clone();
    let mut before_after = vec![(0, 0); 2];
    for d in 0..2 {
        let padding = (windows[d].padding.0, after[d]);
        shape[d + 2] += padding.0 + padding.1;
        before_after.push(padding);
    }
    let mode = PadMode::Constant(value);
    cx.emit(Op::Pad { before_after, mode }, &[x], shape)
}

/// The maximum over all positions: x [n, c, ..] -> [n, c, 1, ..].
pub(super) fn global(cx: &mut Lowerer, input: &Argument) -> Lowering<Value> {
    let x = cx.floats(input)?;
    reduce_positions(cx, &x, Op::MaxDim(2))
}

/// The windows over two of three dimensions.
fn of_dimensions(sliding: &SlidingWindow<3>, dims: [usize; 2]) -> SlidingWindow<2> {
    SlidingWindow {
        kernel: dims.map(|d| sliding.kernel[d]),
        stride: dims.map(|d| sliding.stride[d]),
        dilation: dims.map(|d| sliding.dilation[d]),
        padding: dims.map(|d| sliding.padding[d]),
        ceil: sliding.ceil,
    }
}

fn max_pooling(sliding: &SlidingWindow<2>, padding: [usize; 2], ceil: bool) -> MaxPooling {
    MaxPooling {
        kernel: sliding.kernel,
        stride: sliding.stride,
        padding,
        dilation: sliding.dilation,
        ceil,
    }
}

/// The shape of an image.
fn image(x: &DeviceValue) -> Lowering<[usize; 4]> {
    let (n, c, [h, w]) = split_shape(&x.shape)?;
    Ok([n, c, h, w])
}
