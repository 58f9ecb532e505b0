//! Sampling images and volumes at computed positions.

use burn_backend::ops::FloatTensorOps;
use burn_dispatch::Dispatch;
use onnx_ir::node::custom::CustomNode;
use onnx_ir::node::grid_sample::{GridSampleMode, GridSampleNode, GridSamplePaddingMode};

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{DeviceValue, Lowerer, Lowering, OpSpec, Unsupported, Value, op};
use crate::runtime::program::{IntegerOp, Movement, Op, Range};

pub(super) const OPS: &[OpSpec] = &[
    // onnx-ir rejects it (UPSTREAM.md: "operators and attributes that it rejects").
    op!("AffineGrid", cx, Custom(n) => affine_grid(cx, n)).bypasses_onnx_ir(2, |_, _| true),
    op!("GridSample", cx, GridSample(n) => grid_sample(cx, n)).ignores_inferred_rank(),
];

/// Larger images are refused: indices are computed as `f32`, which holds integers up to this.
const MAX_PIXELS: usize = 1 << 24;

/// ONNX's coefficient of the cubic filter.
const CUBIC_COEFFICIENT: f64 = -0.75;

/// A neighbor of each sampled point along one dimension. Both values are [n, points].
struct Tap {
    index: DeviceValue,
    weight: DeviceValue,
}

/// x [n, c, d.., h, w], grid [n, points.., k] of coordinates between -1 and 1, those of the last
/// dimension first -> [n, c, points..].
fn grid_sample(cx: &mut Lowerer, node: &GridSampleNode) -> Lowering<Value> {
    let (x, grid) = (cx.floats(&node.inputs[0])?, cx.floats(&node.inputs[1])?);
    let unsupported = || Unsupported::new(format!("points of shape {:?} in {:?}", grid.shape, x.shape));
    let (&[n, c, ref size @ ..], Some((&dims, [batch, points @ ..]))) = (x.shape.as_slice(), grid.shape.split_last())
    else {
        return Err(unsupported());
    };
    let (count, pixels): (usize, usize) = (points.iter().product(), size.iter().product());
    if *batch != n || dims != size.len() || pixels > MAX_PIXELS || size.contains(&0) {
        return Err(unsupported());
    }
    let flat_grid = cx.reshape(&grid, vec![n, count, dims]);
    let flat_x = cx.reshape(&x, vec![n, c, pixels]);
    let mut along = Vec::with_capacity(dims);
    for (dimension, &length) in size.iter().enumerate() {
        let component = dims - 1 - dimension;
        let ranges = [(0, n), (0, count), (component, component + 1)];
        let ranges = ranges.map(|(start, end)| Range { start, end, step: 1 });
        let op = Op::Move(Movement::Slice(ranges.to_vec()));
        let coordinates = cx.emit(op, &[&flat_grid], vec![n, count, 1]);
        let coordinates = cx.reshape(&coordinates, vec![n, count]);
        along.push(taps(cx, &coordinates, length, node)?);
    }
    let mut sum: Option<DeviceValue> = None;
    let combinations: usize = along.iter().map(Vec::len).product();
    for combination in 0..combinations {
        let (mut rest, mut index, mut weight): (_, Option<DeviceValue>, Option<DeviceValue>) =
            (combination, None, None);
        for (taps, &length) in along.iter().zip(size) {
            let tap = &taps[rest % taps.len()];
            rest /= taps.len();
            index = Some(match index {
                None => tap.index.clone(),
                Some(outer) => {
                    let outer = cx.map(Op::MulScalar(length as f64), &outer);
                    cx.zip(Op::Add, &outer, &tap.index)
                }
            });
            weight = Some(match weight {
                None => tap.weight.clone(),
                Some(outer) => cx.zip(Op::Mul, &outer, &tap.weight),
            });
        }
        let (Some(index), Some(weight)) = (index, weight) else {
            return Err(unsupported());
        };
        let value = gather_pixels(cx, &flat_x, &index)?;
        let weight = cx.reshape(&weight, vec![n, 1, count]);
        let part = cx.emit(Op::Mul, &[&value, &weight], value.shape.clone());
        sum = Some(match sum {
            None => part,
            Some(sum) => cx.zip(Op::Add, &sum, &part),
        });
    }
    let sum = sum.ok_or_else(unsupported)?;
    Ok(Value::Floats(cx.reshape(&sum, [&[n, c], points].concat())))
}

/// x [n, c, pixels], indices [n, points] as floats -> [n, c, points].
fn gather_pixels(cx: &mut Lowerer, x: &DeviceValue, indices: &DeviceValue) -> Lowering<DeviceValue> {
    let (n, c, count) = (x.shape[0], x.shape[1], indices.shape[1]);
    let at = cx.emit(Op::FloatsToIntegers, &[indices], indices.shape.clone());
    let at = cx.reshape_value(Value::Integers(at), vec![n, 1, count]);
    let at = cx.integers(at)?;
    let wide = vec![n, c, count];
    let op = Op::Integers(IntegerOp::Move(Movement::Expand(wide.clone())));
    let at = cx.emit(op, &[&at], wide.clone());
    Ok(cx.emit(Op::Move(Movement::Gather { axis: 2 }), &[x, &at], wide))
}

/// The neighbors along a dimension of `length` positions.
fn taps(cx: &mut Lowerer, coordinates: &DeviceValue, length: usize, node: &GridSampleNode) -> Lowering<Vec<Tap>> {
    let config = &node.config;
    let size = length as f64;
    // -1 and 1 are the centers of the first and last position, or their outer borders.
    let (factor, first, last) = if config.align_corners {
        ((size - 1.0) / 2.0, 0.0, size - 1.0)
    } else {
        (size / 2.0, -0.5, size - 0.5)
    };
    let shifted = cx.map(Op::AddScalar(1.0), coordinates);
    let scaled = cx.map(Op::MulScalar(factor), &shifted);
    let mut at = cx.map(Op::AddScalar(first), &scaled);
    let is_nearest = config.mode == GridSampleMode::Nearest;
    if is_nearest {
        at = cx.map(Op::Unary(Dispatch::float_round), &at);
    }
    at = match config.padding_mode {
        // The cubic filter clamps each neighbor instead, as onnxruntime and PyTorch do.
        _ if config.mode == GridSampleMode::Bicubic => at,
        GridSamplePaddingMode::Zeros => at,
        GridSamplePaddingMode::Border => cx.map(clamp_to_image(size), &at),
        GridSamplePaddingMode::Reflection => reflect(cx, &at, first, last),
    };
    if is_nearest {
        return Ok(vec![tap(cx, &at, None, first, last, size, node)]);
    }
    let floor = cx.map(Op::Floor, &at);
    let ratio = cx.zip(Op::Sub, &at, &floor);
    let weights = if config.mode == GridSampleMode::Bilinear {
        let rest = cx.map(Op::MulScalar(-1.0), &ratio);
        vec![(0.0, cx.map(Op::AddScalar(1.0), &rest)), (1.0, ratio)]
    } else {
        let mut weights = Vec::with_capacity(4);
        for offset in [-1.0, 0.0, 1.0, 2.0] {
            // The distance to the neighbor.
            let signed = cx.map(Op::AddScalar(-offset), &ratio);
            let distance = cx.map(Op::Abs, &signed);
            let far = !(0.0..=1.0).contains(&offset);
            weights.push((offset, cubic_weight(cx, &distance, far)));
        }
        weights
    };
    let mut taps = Vec::with_capacity(weights.len());
    for (offset, weight) in weights {
        let index = cx.map(Op::AddScalar(offset), &floor);
        taps.push(tap(cx, &index, Some(weight), first, last, size, node));
    }
    Ok(taps)
}

/// One neighbor. Outside the image it is moved inside, or has no weight.
fn tap(
    cx: &mut Lowerer,
    index: &DeviceValue,
    weight: Option<DeviceValue>,
    first: f64,
    last: f64,
    size: f64,
    node: &GridSampleNode,
) -> Tap {
    let inside = match node.config.padding_mode {
        GridSamplePaddingMode::Reflection => {
            // Integers except for rounding in `f32`.
            let reflected = reflect(cx, index, first, last);
            cx.map(Op::Unary(Dispatch::float_round), &reflected)
        }
        _ => index.clone(),
    };
    let clamped = cx.map(clamp_to_image(size), &inside);
    let weight = weight.unwrap_or_else(|| {
        // 1 everywhere, in the shape of the indices.
        let zero = cx.map(Op::MulScalar(0.0), &clamped);
        cx.map(Op::AddScalar(1.0), &zero)
    });
    let weight = if node.config.padding_mode == GridSamplePaddingMode::Zeros {
        // 1 where clamping did not move the index, 0 elsewhere.
        let moved = cx.zip(Op::Sub, index, &clamped);
        let distance = cx.map(Op::Abs, &moved);
        let clamped_distance = cx.map(clamp(0.0, 1.0), &distance);
        let negated = cx.map(Op::MulScalar(-1.0), &clamped_distance);
        let kept = cx.map(Op::AddScalar(1.0), &negated);
        cx.zip(Op::Mul, &weight, &kept)
    } else {
        weight
    };
    Tap { index: clamped, weight }
}

/// Reflects positions at the borders as often as necessary.
fn reflect(cx: &mut Lowerer, at: &DeviceValue, first: f64, last: f64) -> DeviceValue {
    let range = last - first;
    if range <= 0.0 {
        return cx.map(Op::MulScalar(0.0), at);
    }
    let from_first = cx.map(Op::AddScalar(-first), at);
    let lengths = cx.map(Op::MulScalar(1.0 / range), &from_first);
    // 1 - |t mod 2 - 1| rises and falls once in 2.
    let halves = cx.map(Op::MulScalar(0.5), &lengths);
    let turns = cx.map(Op::Floor, &halves);
    let whole = cx.map(Op::MulScalar(2.0), &turns);
    let rest = cx.zip(Op::Sub, &lengths, &whole);
    let centered = cx.map(Op::AddScalar(-1.0), &rest);
    let distance = cx.map(Op::Abs, &centered);
    let negated = cx.map(Op::MulScalar(-range), &distance);
    cx.map(Op::AddScalar(first + range), &negated)
}

/// Keys, "Cubic Convolution Interpolation", 1981, equation 4: for distances up to 1, or from 1 to 2
/// if `far`.
fn cubic_weight(cx: &mut Lowerer, distance: &DeviceValue, far: bool) -> DeviceValue {
    let a = CUBIC_COEFFICIENT;
    let coefficients = if far {
        [a, -5.0 * a, 8.0 * a, -4.0 * a]
    } else {
        [a + 2.0, -(a + 3.0), 0.0, 1.0]
    };
    let mut value = cx.map(Op::MulScalar(coefficients[0]), distance);
    for coefficient in &coefficients[1..3] {
        let sum = cx.map(Op::AddScalar(*coefficient), &value);
        value = cx.zip(Op::Mul, &sum, distance);
    }
    cx.map(Op::AddScalar(coefficients[3]), &value)
}

/// Clamps to the first and last of `size` positions.
fn clamp_to_image(size: f64) -> Op {
    clamp(0.0, size - 1.0)
}

fn clamp(min: f64, max: f64) -> Op {
    Op::Clamp {
        min: Some(min),
        max: Some(max),
    }
}

/// theta [n, k, k + 1], size (n, c, d..) -> the grid of an affine transformation, [n, d.., k].
fn affine_grid(cx: &mut Lowerer, node: &CustomNode) -> Lowering<Value> {
    let theta = cx.floats(&node.inputs[0])?;
    let sizes = cx.host_integers(&node.inputs[1])?;
    let unsupported = || {
        Unsupported::new(format!(
            "size {sizes:?} with transformations of shape {:?}",
            theta.shape
        ))
    };
    let sizes: Vec<usize> = sizes
        .iter()
        .map(|&size| usize::try_from(size).ok().filter(|&size| size > 0))
        .collect::<Option<_>>()
        .ok_or_else(unsupported)?;
    let (&[n, rows, columns], [_, _, positions @ ..]) = (theta.shape.as_slice(), sizes.as_slice()) else {
        return Err(unsupported());
    };
    if rows != positions.len() || columns != rows + 1 {
        return Err(unsupported());
    }
    let aligned = node.attrs.get_i64("align_corners").unwrap_or(0) != 0;
    let count: usize = positions.iter().product();
    let mut points = Vec::with_capacity(count * columns);
    for flat in 0..count {
        let mut rest = flat;
        // The coordinate of the last dimension comes first.
        for &size in positions.iter().rev() {
            let (index, size_f) = ((rest % size) as f32, size as f32);
            rest /= size;
            points.push(match (aligned, size) {
                (true, 1) => -1.0,
                (true, _) => -1.0 + 2.0 * index / (size_f - 1.0),
                (false, _) => (2.0 * index + 1.0) / size_f - 1.0,
            });
        }
        points.push(1.0);
    }
    let points = cx.constant(HostTensor {
        shape: vec![1, count, columns],
        data: HostData::F32(points),
    });
    let op = Op::Move(Movement::Permute(vec![0, 2, 1]));
    let turned = cx.emit(op, &[&theta], vec![n, columns, rows]);
    let moved = cx.emit(Op::MatMul, &[&points, &turned], vec![n, count, rows]);
    Ok(Value::Floats(cx.reshape(&moved, [&[n], positions, &[rows]].concat())))
}
