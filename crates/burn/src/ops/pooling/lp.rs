//! The p-norm of each window.

use onnx_ir::node::custom::CustomNode;
use onnx_ir::node::padding::AutoPad;

use super::window_sums::window_sums;
use crate::import::own_domain::usize_attribute;
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::sliding_window::{SlidingWindow, output_sizes, split_shape};
use crate::runtime::program::Op;

/// The p-norm of each window, over lines, images or volumes.
pub(super) fn pool(cx: &mut Lowerer, node: &CustomNode) -> Lowering<Value> {
    let x = cx.floats(&node.inputs[0])?;
    match x.shape.len() {
        3 => pool_over::<1>(cx, node, &x),
        4 => pool_over::<2>(cx, node, &x),
        5 => pool_over::<3>(cx, node, &x),
        _ => Err(Unsupported::new(format!("an input of shape {:?}", x.shape))),
    }
}

fn pool_over<const D: usize>(cx: &mut Lowerer, node: &CustomNode, x: &DeviceValue) -> Lowering<Value> {
    let array = |name: &str, default: Option<usize>| -> Lowering<[usize; D]> {
        let numbers = usize_attribute(node, name, D, default)?;
        Ok(std::array::from_fn(|d| numbers[d]))
    };
    let pads = usize_attribute(node, "pads", 2 * D, Some(0))?;
    let padding = std::array::from_fn(|d| (pads[d], pads[d + D]));
    let auto = match node.attrs.get_string("auto_pad") {
        None | Some("NOTSET") => AutoPad::NotSet,
        Some("VALID") => AutoPad::Valid,
        Some("SAME_UPPER") => AutoPad::SameUpper,
        Some("SAME_LOWER") => AutoPad::SameLower,
        Some(other) => return Err(Unsupported::new(format!("the automatic padding {other:?}"))),
    };
    let sliding = SlidingWindow {
        kernel: array("kernel_shape", None)?,
        stride: array("strides", Some(1))?,
        dilation: array("dilations", Some(1))?,
        padding,
        ceil: node.attrs.get_i64("ceil_mode").unwrap_or(0) != 0,
    };
    // In the first opsets the attribute is a float.
    let p = node.attrs.get_i64("p").map(|p| p as f64);
    let p = p.or_else(|| node.attrs.get_f32("p").map(f64::from)).unwrap_or(2.0);
    norms(cx, x, &sliding, &auto, p).map(Value::Floats)
}

/// (sum of |x|^p)^(1 / p) for each window.
fn norms<const D: usize>(
    cx: &mut Lowerer,
    x: &DeviceValue,
    sliding: &SlidingWindow<D>,
    auto: &AutoPad,
    p: f64,
) -> Lowering<DeviceValue> {
    let (_, _, size) = split_shape::<D>(&x.shape)?;
    let windows = sliding.windows(auto, size)?;
    let outputs = output_sizes(&windows, size)?;
    let sizes = cx.emit(Op::Abs, &[x], x.shape.clone());
    let powers = cx.emit(Op::PowScalar(p), &[&sizes], x.shape.clone());
    let sums = window_sums(cx, &powers, &windows, outputs)?;
    Ok(cx.emit(Op::PowScalar(1.0 / p), &[&sums], sums.shape.clone()))
}
