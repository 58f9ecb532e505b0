//! Resizing by one dimension after the other, or by burn's own operation.

use burn_backend::ops::{InterpolateMode, InterpolateOptions};
use onnx_ir::Argument;
use onnx_ir::node::custom::CustomNode;
use onnx_ir::node::resize::ResizeNode;

use super::attributes::{AspectRatioPolicy, Resizing};
use super::line::{Coordinates, Filter, Line, Nearest};
use crate::lower::host_tensor::{HostData, HostTensor, MAX_ELEMENTS};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value, resolve_axes};
use crate::runtime::program::{Movement, Op};

/// Resizes by a node that onnx-ir parsed.
pub(super) fn resize(cx: &mut Lowerer, node: &ResizeNode) -> Lowering<Value> {
    let resizing = Resizing::from_onnx_ir(node, cx.opset);
    resize_value(cx, &resizing, &node.inputs)
}

/// Resizes by a node that bypassed onnx-ir.
pub(super) fn resize_custom(cx: &mut Lowerer, node: &CustomNode) -> Lowering<Value> {
    let resizing = Resizing::from_attributes(node)?;
    resize_value(cx, &resizing, &node.inputs)
}

fn resize_value(cx: &mut Lowerer, resizing: &Resizing, inputs: &[Argument]) -> Lowering<Value> {
    let x = cx.floats(&inputs[0])?;
    let lines = read_lines(cx, resizing, inputs, &x.shape)?;
    let grows = lines.iter().all(|(_, line)| line.scale >= 1.0);
    let filter = match resizing.filter {
        Filter::Nearest(Nearest::Unspecified) if grows => Filter::Nearest(Nearest::Floor),
        other => other,
    };
    let mut shape = x.shape.clone();
    for (axis, line) in &lines {
        shape[*axis] = line.to;
    }
    if let Some(options) = image_options(resizing, filter, &lines, &x.shape) {
        let size = [shape[2], shape[3]];
        return Ok(cx.emit_floats(Op::Interpolate { size, options }, &[&x], shape));
    }
    let mut y = x;
    let mut outside = HostTensor {
        shape: vec![1; shape.len()],
        data: HostData::Bool(vec![false]),
    };
    for (axis, line) in &lines {
        if line.is_unchanged() {
            continue;
        }
        y = match filter {
            Filter::Nearest(nearest) => pick_along(cx, &y, *axis, &line.nearest(nearest))?,
            filter => {
                if line.from.saturating_mul(line.to) > MAX_ELEMENTS {
                    return Err(Unsupported::new(format!(
                        "resizing {} positions to {}",
                        line.from, line.to
                    )));
                }
                let weights = line.weights(filter, resizing.antialias, resizing.exclude_outside);
                mix_along(cx, &y, *axis, line, weights)?
            }
        };
        let mut along = vec![1; shape.len()];
        along[*axis] = line.to;
        let beyond = HostTensor {
            shape: along,
            data: HostData::Bool(line.outside()),
        };
        let either = HostTensor {
            shape: vec![],
            data: HostData::Bool(vec![true]),
        };
        // A position is outside if it is outside in any dimension.
        outside = outside
            .where_(&either, &beyond)
            .ok_or_else(|| Unsupported::new(format!("resizing to {shape:?}")))?;
    }
    let is_outside = matches!(&outside.data, HostData::Bool(bools) if bools.contains(&true));
    if !is_outside {
        return Ok(Value::Floats(y));
    }
    let value = Value::Host(HostTensor {
        shape: vec![],
        data: HostData::F32(vec![resizing.extrapolation]),
    });
    cx.where_value(Value::Host(outside), value, Value::Floats(y))
}

/// How each resized dimension is resized.
fn read_lines(cx: &Lowerer, resizing: &Resizing, inputs: &[Argument], shape: &[usize]) -> Lowering<Vec<(usize, Line)>> {
    let axes: Vec<usize> = match &resizing.axes {
        None => (0..shape.len()).collect(),
        Some(axes) => resolve_axes(axes, shape.len())?,
    };
    let given = |position: usize| -> Lowering<Option<Vec<f64>>> {
        let host = match inputs.get(position) {
            Some(input) if !input.is_optional() => numbers(&cx.host_value(input)?),
            _ => vec![],
        };
        Ok(Some(host).filter(|numbers| !numbers.is_empty()))
    };
    let [region, scales, sizes] = resizing.inputs;
    let (region, scales, sizes) = (given(region)?, given(scales)?, given(sizes)?);
    let all = sizes.as_ref().or(scales.as_ref());
    let all = all.ok_or_else(|| Unsupported::new("neither sizes nor scales"))?;
    if all.len() != axes.len() {
        return Err(Unsupported::new(format!(
            "{} sizes or scales for shape {shape:?}",
            all.len()
        )));
    }
    let ratios: Vec<f64> = axes
        .iter()
        .zip(all)
        .map(|(&axis, size)| size / shape[axis] as f64)
        .collect();
    let kept = match resizing.policy {
        AspectRatioPolicy::Stretch => None,
        AspectRatioPolicy::NotLarger => Some(ratios.iter().copied().fold(f64::INFINITY, f64::min)),
        AspectRatioPolicy::NotSmaller => Some(ratios.iter().copied().fold(0.0, f64::max)),
    };
    let wants_region = resizing.coordinates == Coordinates::TfCropAndResize;
    let mut lines = Vec::with_capacity(axes.len());
    for (index, &axis) in axes.iter().enumerate() {
        let from = shape[axis] as f64;
        let (to, scale) = match (&sizes, kept) {
            (Some(_), Some(ratio)) => ((ratio * from).round(), ratio),
            (Some(sizes), None) => (sizes[index], ratios[index]),
            // In 32 bits, as the scale is and as onnxruntime multiplies.
            #[allow(clippy::cast_possible_truncation, reason = "the scale had 32 bits")]
            (None, _) => (f64::from((from as f32 * all[index] as f32).floor()), all[index]),
        };
        if !(1.0..=f64::from(u32::MAX)).contains(&to) {
            return Err(Unsupported::new(format!("resizing {from} positions to {to}")));
        }
        let region = match &region {
            Some(region) if wants_region && region.len() == 2 * axes.len() => {
                Some((region[index], region[index + axes.len()]))
            }
            _ if wants_region => return Err(Unsupported::new("no region of the right length")),
            _ => None,
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
        let to = to as usize;
        let line = Line {
            from: shape[axis],
            to,
            scale,
            region,
            coordinates: resizing.coordinates,
        };
        lines.push((axis, line));
    }
    Ok(lines)
}

/// Picks indices of a dimension.
fn pick_along(cx: &mut Lowerer, x: &DeviceValue, axis: usize, indices: &[usize]) -> Lowering<DeviceValue> {
    let on_device = cx.integers(Value::Host(HostTensor::from_dims(indices.iter().copied())))?;
    let mut shape = x.shape.clone();
    shape[axis] = indices.len();
    Ok(cx.emit(Op::Move(Movement::Select { axis }), &[x, &on_device], shape))
}

/// Makes each index of a dimension a mixture of the original ones: weights [from, to].
fn mix_along(cx: &mut Lowerer, x: &DeviceValue, axis: usize, line: &Line, weights: Vec<f32>) -> Lowering<DeviceValue> {
    let rank = x.shape.len();
    let weights = cx.constant(HostTensor {
        shape: vec![line.from, line.to],
        data: HostData::F32(weights),
    });
    // The product of matrices is along the last dimension.
    let mut order: Vec<usize> = (0..rank).filter(|&dimension| dimension != axis).collect();
    order.push(axis);
    let mut shape: Vec<usize> = order.iter().map(|&dimension| x.shape[dimension]).collect();
    let permuted = cx.emit(Op::Move(Movement::Permute(order.clone())), &[x], shape.clone());
    shape[rank - 1] = line.to;
    let mixed = cx.emit(Op::Linear, &[&permuted, &weights], shape.clone());
    let back: Vec<usize> = (0..rank)
        .map(|dimension| order.iter().position(|&from| from == dimension).unwrap_or(dimension))
        .collect();
    let shape = back.iter().map(|&from| shape[from]).collect();
    Ok(cx.emit(Op::Move(Movement::Permute(back)), &[&mixed], shape))
}

fn numbers(host: &HostTensor) -> Vec<f64> {
    match &host.data {
        HostData::F32(values) => values.iter().map(|&value| f64::from(value)).collect(),
        HostData::I64(values) => values.iter().map(|&value| value as f64).collect(),
        HostData::Bool(_) => vec![],
    }
}

/// The options of burn's own resizing of images, if it computes the same.
fn image_options(
    resizing: &Resizing,
    filter: Filter,
    lines: &[(usize, Line)],
    shape: &[usize],
) -> Option<InterpolateOptions> {
    use Coordinates::{AlignCorners, Asymmetric, HalfPixel, PytorchHalfPixel};
    let [n, c, h, w] = *shape else { return None };
    let mut to = [n, c, h, w];
    for (axis, line) in lines {
        to[*axis] = line.to;
    }
    let even = |line: &Line| (line.scale * line.from as f64 - line.to as f64).abs() < 1e-9;
    if to[..2] != [n, c] || resizing.antialias || resizing.exclude_outside || !lines.iter().all(|(_, line)| even(line))
    {
        return None;
    }
    let repeats_pixels = to[2] % h == 0 && to[3] % w == 0;
    let has_several_pixels = to[2] > 1 && to[3] > 1;
    match (filter, resizing.coordinates) {
        (Filter::Nearest(Nearest::Floor), Asymmetric) => Some(InterpolateOptions::new(InterpolateMode::Nearest)),
        // If every pixel is repeated, the center of each copy is nearest to its original.
        (Filter::Nearest(Nearest::RoundPreferFloor | Nearest::RoundPreferCeil), HalfPixel | PytorchHalfPixel)
            if repeats_pixels =>
        {
            Some(InterpolateOptions::new(InterpolateMode::Nearest))
        }
        // PyTorch's differs if the output has one pixel.
        (Filter::Linear, HalfPixel | PytorchHalfPixel) if has_several_pixels => {
            Some(InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false))
        }
        (Filter::Linear, AlignCorners) if has_several_pixels => {
            Some(InterpolateOptions::new(InterpolateMode::Bilinear))
        }
        _ => None,
    }
}
