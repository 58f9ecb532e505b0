//! Normalization over the elements of one item of the batch.

use burn_backend::ops::PadMode;
use onnx_ir::Argument;
use onnx_ir::node::group_norm::GroupNormalizationNode;
use onnx_ir::node::instance_norm::InstanceNormalizationNode;
use onnx_ir::node::layer_norm::LayerNormalizationNode;
use onnx_ir::node::lp_normalization::LpNormalizationNode;
use onnx_ir::node::lrn::LrnNode;
use onnx_ir::node::mean_variance_normalization::MeanVarianceNormalizationNode;

use crate::lower::{DeviceValue, Lowerer, Lowering, OpSpec, Unsupported, Value, op, resolve_axis};
use crate::runtime::program::{Movement, Op, Range};

pub(super) const OPS: &[OpSpec] = &[
    op!("GroupNormalization", cx, GroupNormalization(n) => group_normalization(cx, n)),
    op!("InstanceNormalization", cx, InstanceNormalization(n) => instance_normalization(cx, n)),
    op!("LRN", cx, Lrn(n) => lrn(cx, n)),
    op!("LayerNormalization", cx, LayerNormalization(n) => layer_normalization(cx, n)),
    op!("LpNormalization", cx, LpNormalization(n) => lp_normalization(cx, n)),
    op!("MeanVarianceNormalization", cx,
        MeanVarianceNormalization(n) => mean_variance_normalization(cx, n),
    ),
];

/// (x - mean) / sqrt(variance + epsilon) scale + shift over the dimensions from `axis` on. Then the
/// mean and 1 / sqrt(variance + epsilon), if the model reads one of them.
fn layer_normalization(cx: &mut Lowerer, node: &LayerNormalizationNode) -> Lowering<Vec<Value>> {
    let x = cx.floats(&node.inputs[0])?;
    let shape = x.shape.clone();
    let axis = resolve_axis(node.config.axis, shape.len())?;
    let mut operands = vec![x, cx.floats(&node.inputs[1])?];
    operands.extend(cx.optional_floats(node.inputs.get(2))?);
    if let Some(odd) = operands[1..].iter().find(|weight| weight.shape != shape[axis..]) {
        return Err(Unsupported::new(format!(
            "weights of shape {:?}, expected {:?}",
            odd.shape,
            &shape[axis..]
        )));
    }
    // burn normalizes the last dimension.
    let width: usize = shape[axis..].iter().product();
    for (position, operand) in operands.iter_mut().enumerate() {
        let kept = if position == 0 { &shape[..axis] } else { &[] };
        *operand = cx.reshape(operand, [kept, &[width]].concat());
    }
    let epsilon = node.config.epsilon;
    let flat = operands[0].clone();
    let op = Op::LayerNorm { epsilon };
    let normal = cx.emit_floats(op, &operands.iter().collect::<Vec<_>>(), flat.shape.clone());
    let mut values = vec![cx.reshape_value(normal, shape.clone())];
    if node.outputs.iter().skip(1).any(|output| cx.is_read(output)) {
        let mean = mean_over(cx, &flat, &[axis]);
        let inverse = inverse_deviation(cx, &flat, &mean, &[axis], epsilon);
        let wide = [&shape[..axis], vec![1; shape.len() - axis].as_slice()].concat();
        for statistic in [mean, inverse] {
            values.push(Value::Floats(cx.reshape(&statistic, wide.clone())));
        }
    }
    Ok(values)
}

/// 1 / sqrt(variance + epsilon) over some dimensions.
fn inverse_deviation(
    cx: &mut Lowerer,
    x: &DeviceValue,
    mean: &DeviceValue,
    axes: &[usize],
    epsilon: f64,
) -> DeviceValue {
    let centered = cx.emit(Op::Sub, &[x, mean], x.shape.clone());
    let squares = cx.emit(Op::Mul, &[&centered, &centered], x.shape.clone());
    let variance = mean_over(cx, &squares, axes);
    let stabilized = cx.emit(Op::AddScalar(epsilon), &[&variance], variance.shape.clone());
    let deviation = cx.emit(Op::Sqrt, &[&stabilized], variance.shape.clone());
    cx.emit(Op::Reciprocal, &[&deviation], variance.shape)
}

/// Layer normalization over all positions of a channel: x [n, c, ..], scale and shift [c].
fn instance_normalization(cx: &mut Lowerer, node: &InstanceNormalizationNode) -> Lowering<Value> {
    let channels = cx.value(&node.inputs[0])?.shape().get(1).copied().unwrap_or(0);
    normalize_groups(cx, &node.inputs, channels, node.config.epsilon)
}

/// Layer normalization over all positions of a group of channels: x [n, c, ..], scale and shift
/// [c], or [groups] up to opset 20.
fn group_normalization(cx: &mut Lowerer, node: &GroupNormalizationNode) -> Lowering<Value> {
    normalize_groups(cx, &node.inputs, node.config.num_groups, node.config.epsilon)
}

fn normalize_groups(cx: &mut Lowerer, inputs: &[Argument], groups: usize, epsilon: f64) -> Lowering<Value> {
    let x = cx.floats(&inputs[0])?;
    let &[n, c, ref positions @ ..] = x.shape.as_slice() else {
        return Err(Unsupported::new(format!("an input of shape {:?}", x.shape)));
    };
    if groups == 0 || c % groups != 0 {
        return Err(Unsupported::new(format!("{groups} groups of {c} channels")));
    }
    let (per_group, size) = (c / groups, positions.iter().product::<usize>());
    let mut weights = Vec::with_capacity(2);
    for input in &inputs[1..3] {
        let weight = cx.value(input)?;
        let per_channel = match *weight.shape() {
            [wide] if wide == c => weight,
            [wide] if wide == groups => {
                let column = cx.reshape_value(weight, vec![groups, 1]);
                cx.broadcast_to(column, &[groups, per_group])?
            }
            ref other => {
                return Err(Unsupported::new(format!("weights of shape {other:?}, expected [{c}]")));
            }
        };
        // Constants are reshaped before they are uploaded.
        let per_channel = cx.reshape_value(per_channel, vec![1, c, 1]);
        weights.push(cx.device_floats(per_channel)?);
    }
    let flat = cx.reshape(&x, vec![n, groups, per_group * size]);
    let mean = mean_over(cx, &flat, &[2]);
    let centered = cx.emit(Op::Sub, &[&flat, &mean], flat.shape.clone());
    let squares = cx.emit(Op::Mul, &[&centered, &centered], flat.shape.clone());
    let variance = mean_over(cx, &squares, &[2]);
    let stabilized = cx.emit(Op::AddScalar(epsilon), &[&variance], variance.shape.clone());
    let deviation = cx.emit(Op::Sqrt, &[&stabilized], variance.shape);
    let normal = cx.emit(Op::Div, &[&centered, &deviation], flat.shape);
    let apart = vec![n, c, size];
    let normal = cx.reshape(&normal, apart.clone());
    let scaled = cx.emit(Op::Mul, &[&normal, &weights[0]], apart.clone());
    let shifted = cx.emit(Op::Add, &[&scaled, &weights[1]], apart);
    Ok(Value::Floats(cx.reshape(&shifted, x.shape)))
}

/// The mean over some dimensions, which stay with length 1.
fn mean_over(cx: &mut Lowerer, x: &DeviceValue, axes: &[usize]) -> DeviceValue {
    let mut shape = x.shape.clone();
    axes.iter().fold(x.clone(), |x, &axis| {
        shape[axis] = 1;
        cx.emit(Op::MeanDim(axis), &[&x], shape.clone())
    })
}

/// x / (sum of |x|^p)^(1 / p) along a dimension. 0 where all elements are 0.
fn lp_normalization(cx: &mut Lowerer, node: &LpNormalizationNode) -> Lowering<Value> {
    let x = cx.floats(&node.inputs[0])?;
    let axis = node.config.axis;
    let mut shape = x.shape.clone();
    *shape
        .get_mut(axis)
        .ok_or_else(|| Unsupported::new(format!("axis {axis} of shape {:?}", x.shape)))? = 1;
    let norm = match node.config.p {
        1 => {
            let magnitudes = cx.emit(Op::Abs, &[&x], x.shape.clone());
            cx.emit(Op::SumDim(axis), &[&magnitudes], shape.clone())
        }
        2 => {
            let squares = cx.emit(Op::Mul, &[&x, &x], x.shape.clone());
            let sum = cx.emit(Op::SumDim(axis), &[&squares], shape.clone());
            cx.emit(Op::Sqrt, &[&sum], shape.clone())
        }
        p => return Err(Unsupported::new(format!("the norm of order {p}"))),
    };
    let (min, max) = (Some(f64::from(f32::MIN_POSITIVE)), None);
    let norm = cx.emit(Op::Clamp { min, max }, &[&norm], shape);
    Ok(cx.emit_floats(Op::Div, &[&x, &norm], x.shape.clone()))
}

/// (x - mean) / (standard deviation + 1e-9).
fn mean_variance_normalization(cx: &mut Lowerer, node: &MeanVarianceNormalizationNode) -> Lowering<Value> {
    let x = cx.floats(&node.inputs[0])?;
    let axes = &node.config.axes;
    if let Some(axis) = axes.iter().find(|&&axis| axis >= x.shape.len()) {
        return Err(Unsupported::new(format!("axis {axis} of shape {:?}", x.shape)));
    }
    let mean = mean_over(cx, &x, axes);
    let centered = cx.emit(Op::Sub, &[&x, &mean], x.shape.clone());
    let squares = cx.emit(Op::Mul, &[&centered, &centered], x.shape.clone());
    let variance = mean_over(cx, &squares, axes);
    let deviation = cx.emit(Op::Sqrt, &[&variance], variance.shape.clone());
    let stabilized = cx.emit(Op::AddScalar(1e-9), &[&deviation], variance.shape);
    Ok(cx.emit_floats(Op::Div, &[&centered, &stabilized], x.shape))
}

/// x / (bias + alpha / size (sum of the squares of neighboring channels))^beta: Krizhevsky et al.,
/// 2012, section 3.3.
fn lrn(cx: &mut Lowerer, node: &LrnNode) -> Lowering<Value> {
    let x = cx.floats(&node.inputs[0])?;
    let config = &node.config;
    let (Some(&channels), Ok(size)) = (x.shape.get(1), usize::try_from(config.size)) else {
        return Err(Unsupported::new(format!(
            "{} channels of shape {:?}",
            config.size, x.shape
        )));
    };
    if size == 0 {
        return Err(Unsupported::new("a sum over no channels"));
    }
    let squares = cx.emit(Op::Mul, &[&x, &x], x.shape.clone());
    let mut before_after = vec![(0, 0); x.shape.len()];
    // ONNX: floor((size - 1) / 2) channels before, ceil((size - 1) / 2) after.
    before_after[1] = ((size - 1) / 2, size / 2);
    let mut wide = x.shape.clone();
    wide[1] += size - 1;
    let mode = PadMode::Constant(0.0);
    let padded = cx.emit(Op::Pad { before_after, mode }, &[&squares], wide);
    let mut sum: Option<DeviceValue> = None;
    for start in 0..size {
        let ranges = x.shape.iter().enumerate().map(|(axis, &length)| {
            let start = if axis == 1 { start } else { 0 };
            let end = start + if axis == 1 { channels } else { length };
            Range { start, end, step: 1 }
        });
        let op = Op::Move(Movement::Slice(ranges.collect()));
        let part = cx.emit(op, &[&padded], x.shape.clone());
        sum = Some(match sum {
            None => part,
            Some(sum) => cx.emit(Op::Add, &[&sum, &part], x.shape.clone()),
        });
    }
    let sum = sum.unwrap_or(squares);
    let scale = f64::from(config.alpha) / size as f64;
    let scaled = cx.emit(Op::MulScalar(scale), &[&sum], x.shape.clone());
    let shifted = cx.emit(Op::AddScalar(f64::from(config.bias)), &[&scaled], x.shape.clone());
    let power = cx.emit(Op::PowScalar(f64::from(config.beta)), &[&shifted], x.shape.clone());
    Ok(cx.emit_floats(Op::Div, &[&x, &power], x.shape.clone()))
}
