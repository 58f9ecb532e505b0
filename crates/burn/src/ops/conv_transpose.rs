//! Transposed convolution: every position of the input adds a window to the output.

use burn_backend::ops::ConvTransposeOptions;
use onnx_ir::node::conv_transpose1d::ConvTranspose1dNode;
use onnx_ir::node::conv_transpose2d::ConvTranspose2dNode;
use onnx_ir::node::conv_transpose3d::ConvTranspose3dNode;
use onnx_ir::node::padding::AutoPad;

use super::conv::conv_operands;
use super::line_as_image::{conv_operands_in_rows, out_of_rows};
use super::sliding_window::split_shape;
use crate::lower::{DeviceValue, Lowerer, Lowering, OpSpec, Unsupported, Value, op};
use crate::runtime::program::{Movement, Op, Range};

pub(super) const OPS: &[OpSpec] = &[op!("ConvTranspose", cx,
    ConvTranspose1d(n) => conv_transpose_1d(cx, n),
    ConvTranspose2d(n) => conv_transpose_2d(cx, n),
    ConvTranspose3d(n) => conv_transpose_3d(cx, n),
)];

/// The settings of a node with `D` dimensions.
#[derive(Clone)]
pub(super) struct Transposed<const D: usize> {
    pub(super) stride: [usize; D],
    pub(super) dilation: [usize; D],
    /// Positions that are cut off before and after.
    pub(super) padding: [usize; D],
    /// Positions that are added after.
    pub(super) output_padding: [usize; D],
    pub(super) groups: usize,
    pub(super) auto_pad: AutoPad,
    /// The size of the output, if the node gives it.
    pub(super) output_size: Option<[usize; D]>,
}

/// The size of what is computed, and the part of it that is kept.
struct Kept<const D: usize> {
    computed: [usize; D],
    /// Positions that are added after: more than the node says if its output is larger than
    /// computed.
    output_padding: [usize; D],
    ranges: [Range; D],
}

impl<const D: usize> Transposed<D> {
    /// ONNX: the output has stride (size - 1) + output padding + ((kernel - 1) dilation + 1)
    /// positions, minus both paddings. The paddings follow from the size of the output if that is
    /// given, or if it is stride times that of the input.
    fn kept(&self, size: [usize; D], kernel: [usize; D]) -> Lowering<Kept<D>> {
        let unsupported = || Unsupported::new(format!("an output of {:?} from {size:?} positions", self.output_size));
        let mut computed = [0; D];
        let mut output_padding = self.output_padding;
        let mut ranges = [Range {
            start: 0,
            end: 0,
            step: 1,
        }; D];
        for d in 0..D {
            let (Some(steps), Some(reach)) = (size[d].checked_sub(1), kernel[d].checked_sub(1)) else {
                return Err(unsupported());
            };
            let spread = self.stride[d].checked_mul(steps);
            let spread = spread.and_then(|spread| spread.checked_add(self.output_padding[d].checked_add(1)?));
            let reach = reach.checked_mul(self.dilation[d]);
            computed[d] = spread
                .zip(reach)
                .and_then(|(a, b)| a.checked_add(b))
                .ok_or_else(unsupported)?;
            let same = matches!(self.auto_pad, AutoPad::SameUpper | AutoPad::SameLower);
            let wanted = match self.output_size {
                Some(output) => Some(output[d]),
                None if same => Some(self.stride[d].saturating_mul(size[d])),
                None => None,
            };
            let (before, after) = match wanted {
                Some(wanted) => {
                    let more = wanted.saturating_sub(computed[d]);
                    output_padding[d] += more;
                    computed[d] += more;
                    let total = computed[d] - wanted;
                    // ONNX: SAME_UPPER cuts the odd position off at the end, all other modes at the
                    // start.
                    if matches!(self.auto_pad, AutoPad::SameUpper) {
                        (total / 2, total - total / 2)
                    } else {
                        (total - total / 2, total / 2)
                    }
                }
                None if matches!(self.auto_pad, AutoPad::Valid) => (0, 0),
                None => (self.padding[d], self.padding[d]),
            };
            ranges[d].start = before;
            ranges[d].end = computed[d]
                .checked_sub(after)
                .filter(|&end| end > before)
                .ok_or_else(unsupported)?;
        }
        Ok(Kept {
            computed,
            output_padding,
            ranges,
        })
    }
}

/// x [n, c, w], weight [c, o / groups, kw], optional bias [o] -> [n, o, w'].
fn conv_transpose_1d(cx: &mut Lowerer, node: &ConvTranspose1dNode) -> Lowering<Value> {
    let operands = conv_operands_in_rows(cx, &node.inputs)?;
    let config = &node.config;
    let settings = Transposed {
        stride: [1, config.stride],
        dilation: [1, config.dilation],
        padding: [0, config.padding],
        output_padding: [0, config.padding_out],
        groups: config.groups,
        auto_pad: config.auto_pad.clone(),
        output_size: config.output_shape.map(|size| [1, size]),
    };
    let y = transpose_image(cx, &operands, &settings)?;
    Ok(Value::Floats(out_of_rows(cx, &y)))
}

/// x [n, c, h, w], weight [c, o / groups, kh, kw], optional bias [o] -> [n, o, h', w'].
fn conv_transpose_2d(cx: &mut Lowerer, node: &ConvTranspose2dNode) -> Lowering<Value> {
    let operands = conv_operands(cx, &node.inputs)?;
    let config = &node.config;
    let settings = Transposed {
        stride: config.stride,
        dilation: config.dilation,
        padding: config.padding,
        output_padding: config.padding_out,
        groups: config.groups,
        auto_pad: config.auto_pad.clone(),
        output_size: config.output_shape,
    };
    transpose_image(cx, &operands, &settings).map(Value::Floats)
}

/// x [n, c, d, h, w], weight [c, o / groups, kd, kh, kw], optional bias [o] -> [n, o, d', h', w'].
fn conv_transpose_3d(cx: &mut Lowerer, node: &ConvTranspose3dNode) -> Lowering<Value> {
    let operands = conv_operands(cx, &node.inputs)?;
    let config = &node.config;
    let settings = Transposed {
        stride: config.stride,
        dilation: config.dilation,
        padding: config.padding,
        output_padding: config.padding_out,
        groups: config.groups,
        auto_pad: config.auto_pad.clone(),
        output_size: config.output_shape,
    };
    transpose_volume(cx, &operands, &settings).map(Value::Floats)
}

/// A transposed convolution over images.
pub(super) fn transpose_image(
    cx: &mut Lowerer,
    operands: &[DeviceValue],
    settings: &Transposed<2>,
) -> Lowering<DeviceValue> {
    emit_transposed(cx, operands, settings, |padding, output_padding| {
        Op::ConvTranspose2d(ConvTransposeOptions::new(
            settings.stride,
            padding,
            output_padding,
            settings.dilation,
            settings.groups,
        ))
    })
}

/// A transposed convolution over volumes.
pub(super) fn transpose_volume(
    cx: &mut Lowerer,
    operands: &[DeviceValue],
    settings: &Transposed<3>,
) -> Lowering<DeviceValue> {
    emit_transposed(cx, operands, settings, |padding, output_padding| {
        Op::ConvTranspose3d(ConvTransposeOptions::new(
            settings.stride,
            padding,
            output_padding,
            settings.dilation,
            settings.groups,
        ))
    })
}

/// Computes the output and cuts off its padding. `op` makes the operation from padding and output
/// padding.
fn emit_transposed<const D: usize>(
    cx: &mut Lowerer,
    operands: &[DeviceValue],
    settings: &Transposed<D>,
    op: impl FnOnce([usize; D], [usize; D]) -> Op,
) -> Lowering<DeviceValue> {
    let (n, channels, size) = split_shape::<D>(&operands[0].shape)?;
    let (weight_channels, per_group, kernel) = split_shape::<D>(&operands[1].shape)?;
    if weight_channels != channels
        || settings.groups == 0
        || settings.stride.contains(&0)
        || settings.dilation.contains(&0)
    {
        return Err(Unsupported::new(format!(
            "{channels} channels with weights of shape {:?} and stride {:?}",
            operands[1].shape, settings.stride
        )));
    }
    let kept = settings.kept(size, kernel)?;
    let out = per_group * settings.groups;
    let operands: Vec<&DeviceValue> = operands.iter().collect();
    let lengths = kept.ranges.map(|range| range.len());
    let shape = [&[n, out], lengths.as_slice()].concat();
    let cut: [(usize, usize); D] =
        std::array::from_fn(|d| (kept.ranges[d].start, kept.computed[d] - kept.ranges[d].end));
    if cut.iter().all(|(before, after)| before == after) {
        let padding = cut.map(|(before, _)| before);
        return Ok(cx.emit(op(padding, kept.output_padding), &operands, shape));
    }
    // burn cuts off the same number before and after.
    let whole = [&[n, out], kept.computed.as_slice()].concat();
    let all = cx.emit(op([0; D], kept.output_padding), &operands, whole);
    let batch = [n, out].map(|end| Range { start: 0, end, step: 1 });
    let ranges = [batch.as_slice(), kept.ranges.as_slice()].concat();
    Ok(cx.emit(Op::Move(Movement::Slice(ranges)), &[&all], shape))
}
