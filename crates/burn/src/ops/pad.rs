//! Padding and cropping.

use burn_backend::ops::PadMode;
use onnx_ir::Argument;
use onnx_ir::node::custom::CustomNode;
use onnx_ir::node::pad::{AxesInput, ConstantValueInput, PadInput, PadMode as OnnxPadMode, PadNode};

use crate::lower::{Lowerer, Lowering, OpSpec, Unsupported, Value, op, resolve_axes, slice_ranges};
use crate::runtime::program::{Movement, Op, Range};

pub(super) const OPS: &[OpSpec] = &[
    // onnx-ir rejects it (UPSTREAM.md: "operators and attributes that it rejects").
    op!("CenterCropPad", cx, Custom(n) => center_crop_pad(cx, n)).bypasses_onnx_ir(2, |_, _| true),
    op!("Pad", cx, Pad(n) => pad(cx, n)),
];

fn pad(cx: &mut Lowerer, node: &PadNode) -> Lowering<Value> {
    let x = cx.floats(&node.inputs[0])?;
    let before_after = pad_amounts(cx, &node.config.pads, &node.inputs, x.shape.len())?;
    let mode = match node.config.mode {
        OnnxPadMode::Reflect => PadMode::Reflect,
        OnnxPadMode::Edge => PadMode::Edge,
        OnnxPadMode::Constant => PadMode::Constant(match &node.config.constant_value {
            ConstantValueInput::Static(value) => *value,
            ConstantValueInput::Runtime(reference) => {
                let host = cx.host_value(&node.inputs[reference.input_index])?;
                #[allow(clippy::cast_possible_truncation, reason = "it was an f32 in the file")]
                let value = host
                    .as_scalar()
                    .ok_or_else(|| Unsupported::new("a padding value that is not a single number"))?
                    as f32;
                value
            }
        }),
    };
    let shape = x
        .shape
        .iter()
        .zip(&before_after)
        .map(|(dim, (before, after))| dim + before + after)
        .collect();
    if before_after.iter().all(|padding| *padding == (0, 0)) {
        return Ok(Value::Floats(x));
    }
    Ok(cx.emit_floats(Op::Pad { before_after, mode }, &[&x], shape))
}

/// Padding before and after, for each dimension.
fn pad_amounts(cx: &Lowerer, pads: &PadInput, inputs: &[Argument], rank: usize) -> Lowering<Vec<(usize, usize)>> {
    match pads {
        PadInput::Static(pairs) => Ok(pairs.clone()),
        PadInput::Runtime { input, axes } => {
            let numbers = cx.host_integers(&inputs[input.input_index])?;
            let axes = match axes {
                None => (0..rank).collect(),
                Some(AxesInput::Static(axes)) => axes.clone(),
                Some(AxesInput::Runtime(reference)) => {
                    resolve_axes(&cx.host_integers(&inputs[reference.input_index])?, rank)?
                }
            };
            if numbers.len() != 2 * axes.len() {
                return Err(Unsupported::new(format!(
                    "{} pads for {} dimensions",
                    numbers.len(),
                    axes.len()
                )));
            }
            let (before, after) = numbers.split_at(axes.len());
            let size = |pad: i64| usize::try_from(pad).map_err(|_| Unsupported::new(format!("a negative pad ({pad})")));
            let mut pairs = vec![(0, 0); rank];
            for ((axis, &before), &after) in axes.into_iter().zip(before).zip(after) {
                pairs[axis] = (size(before)?, size(after)?);
            }
            Ok(pairs)
        }
    }
}

/// Crops or pads with 0 on both sides to a shape.
fn center_crop_pad(cx: &mut Lowerer, node: &CustomNode) -> Lowering<Value> {
    let x = cx.floats(&node.inputs[0])?;
    let wanted = cx.host_integers(&node.inputs[1])?;
    let all: Vec<i64>;
    let axes = match node.attrs.get_i64s("axes") {
        Some(axes) => axes,
        None => {
            all = (0..i64::try_from(x.shape.len()).unwrap_or(i64::MAX)).collect();
            &all
        }
    };
    let axes = resolve_axes(axes, x.shape.len())?;
    if axes.len() != wanted.len() {
        return Err(Unsupported::new(format!(
            "shape {wanted:?} for {} dimensions",
            axes.len()
        )));
    }
    let mut ranges: Vec<Range> = slice_ranges(&x.shape, &[])?;
    let mut before_after = vec![(0, 0); x.shape.len()];
    let mut shape = x.shape.clone();
    for (&axis, &wanted) in axes.iter().zip(&wanted) {
        let wanted = usize::try_from(wanted).map_err(|_| Unsupported::new(format!("a size of {wanted}")))?;
        let size = x.shape[axis];
        shape[axis] = wanted;
        if wanted < size {
            let start = (size - wanted) / 2;
            (ranges[axis].start, ranges[axis].end) = (start, start + wanted);
        } else {
            let more = wanted - size;
            before_after[axis] = (more / 2, more - more / 2);
        }
    }
    let cut: Vec<usize> = ranges.iter().map(Range::len).collect();
    let cut = cx.emit(Op::Move(Movement::Slice(ranges)), &[&x], cut);
    let mode = PadMode::Constant(0.0);
    Ok(cx.emit_floats(Op::Pad { before_after, mode }, &[&cut], shape))
}
