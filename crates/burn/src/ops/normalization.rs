//! Normalisation over the elements of one item.

use onnx_ir::Argument;
use onnx_ir::node::group_norm::GroupNormalizationNode;
use onnx_ir::node::instance_norm::InstanceNormalizationNode;
use onnx_ir::node::layer_norm::LayerNormalizationNode;
use onnx_ir::node::lp_normalization::LpNormalizationNode;
use onnx_ir::node::lrn::LrnNode;
use onnx_ir::node::mean_variance_normalization::MeanVarianceNormalizationNode;

use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::layout::{resolve_axes, shape_of};
use crate::runtime::program::{Movement, Op, Range};

impl Lowerer {
    /// (x - mean) / sqrt(variance + epsilon) * scale + shift over the dimensions from `axis` on; then the mean and
    /// 1 / sqrt(variance + epsilon), if the model reads them.
    pub(crate) fn layer_norm(&mut self, node: &LayerNormalizationNode) -> Lowering<Vec<Value>> {
        let x = self.floats(&node.inputs[0])?;
        let shape = x.shape.clone();
        let axis = resolve_axes(&[node.config.axis], shape.len())?;
        let axis = axis.first().copied().unwrap_or(0);
        let mut operands = vec![x, self.floats(&node.inputs[1])?];
        operands.extend(self.optional_floats(node.inputs.get(2))?);
        if let Some(odd) = operands[1..].iter().find(|weight| weight.shape != shape[axis..]) {
            return Err(Unsupported::new(format!(
                "weights of shape {:?}, expected {:?}",
                odd.shape,
                &shape[axis..]
            )));
        }
        // burn normalises the last dimension.
        let width: usize = shape[axis..].iter().product();
        for (position, operand) in operands.iter_mut().enumerate() {
            let kept = if position == 0 { &shape[..axis] } else { &[] };
            *operand = self.viewed(operand, [kept, &[width]].concat());
        }
        let epsilon = node.config.epsilon;
        let flat = operands[0].clone();
        let op = Op::LayerNorm { epsilon };
        let normal = self.step(op, &operands.iter().collect::<Vec<_>>(), flat.shape.clone());
        let mut values = vec![self.reshaped(normal, shape.clone())];
        let is_read = |output: &Argument| self.uses.contains_key(&output.name);
        if node.outputs.iter().skip(1).any(is_read) {
            let mean = self.mean(&flat, &[axis]);
            let inverse = self.inverse_spread(&flat, &mean, &[axis], epsilon);
            let wide = [&shape[..axis], vec![1; shape.len() - axis].as_slice()].concat();
            for statistic in [mean, inverse] {
                values.push(Value::Device(self.viewed(&statistic, wide.clone())));
            }
        }
        Ok(values)
    }

    /// 1 / sqrt(variance + epsilon) over dimensions.
    fn inverse_spread(&mut self, x: &DeviceValue, mean: &DeviceValue, axes: &[usize], epsilon: f64) -> DeviceValue {
        let centred = self.computed(Op::Sub, &[x, mean], x.shape.clone());
        let squares = self.computed(Op::Mul, &[&centred, &centred], x.shape.clone());
        let variance = self.mean(&squares, axes);
        let steadied = self.computed(Op::AddScalar(epsilon), &[&variance], variance.shape.clone());
        let spread = self.computed(Op::Sqrt, &[&steadied], variance.shape.clone());
        self.computed(Op::Reciprocal, &[&spread], variance.shape)
    }

    /// The same over all positions of a channel: x [n, c, ..], scale and shift [c].
    pub(crate) fn instance_norm(&mut self, node: &InstanceNormalizationNode) -> Lowering<Value> {
        let channels = shape_of(&self.value(&node.inputs[0])?).get(1).copied().unwrap_or(0);
        self.group_norms(&node.inputs, channels, node.config.epsilon)
    }

    /// The same over all positions of a group of channels: scale and shift [c], or [groups] up to operator set 20.
    pub(crate) fn group_norm(&mut self, node: &GroupNormalizationNode) -> Lowering<Value> {
        self.group_norms(&node.inputs, node.config.num_groups, node.config.epsilon)
    }

    fn group_norms(&mut self, inputs: &[Argument], groups: usize, epsilon: f64) -> Lowering<Value> {
        let x = self.floats(&inputs[0])?;
        let &[n, c, ref positions @ ..] = x.shape.as_slice() else {
            return Err(Unsupported::new(format!("an input of shape {:?}", x.shape)));
        };
        if groups == 0 || c % groups != 0 {
            return Err(Unsupported::new(format!("{groups} groups of {c} channels")));
        }
        let (per_group, size) = (c / groups, positions.iter().product::<usize>());
        let mut weights = Vec::with_capacity(2);
        for input in &inputs[1..3] {
            let weight = self.value(input)?;
            let per_channel = match *shape_of(&weight) {
                [wide] if wide == c => weight,
                [wide] if wide == groups => {
                    let column = self.reshaped(weight, vec![groups, 1]);
                    self.spread(column, &[groups, per_group])?
                }
                ref other => {
                    return Err(Unsupported::new(format!("weights of shape {other:?}, expected [{c}]")));
                }
            };
            // Constants are reshaped before they are uploaded.
            let per_channel = self.reshaped(per_channel, vec![1, c, 1]);
            weights.push(self.device(per_channel)?);
        }
        let flat = self.viewed(&x, vec![n, groups, per_group * size]);
        let mean = self.mean(&flat, &[2]);
        let centred = self.computed(Op::Sub, &[&flat, &mean], flat.shape.clone());
        let squares = self.computed(Op::Mul, &[&centred, &centred], flat.shape.clone());
        let variance = self.mean(&squares, &[2]);
        let steadied = self.computed(Op::AddScalar(epsilon), &[&variance], variance.shape.clone());
        let spread = self.computed(Op::Sqrt, &[&steadied], variance.shape);
        let normal = self.computed(Op::Div, &[&centred, &spread], flat.shape);
        let apart = vec![n, c, size];
        let normal = self.viewed(&normal, apart.clone());
        let scaled = self.computed(Op::Mul, &[&normal, &weights[0]], apart.clone());
        let shifted = self.computed(Op::Add, &[&scaled, &weights[1]], apart);
        Ok(Value::Device(self.viewed(&shifted, x.shape)))
    }

    /// x / (sum of |x|^p)^(1 / p) along a dimension; 0 where all are 0.
    pub(crate) fn lp_norm(&mut self, node: &LpNormalizationNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let axis = node.config.axis;
        let mut shape = x.shape.clone();
        *shape
            .get_mut(axis)
            .ok_or_else(|| Unsupported::new(format!("dimension {axis} of shape {:?}", x.shape)))? = 1;
        let norm = match node.config.p {
            1 => {
                let sizes = self.computed(Op::Abs, &[&x], x.shape.clone());
                self.computed(Op::SumDim(axis), &[&sizes], shape.clone())
            }
            2 => {
                let squares = self.computed(Op::Mul, &[&x, &x], x.shape.clone());
                let sum = self.computed(Op::SumDim(axis), &[&squares], shape.clone());
                self.computed(Op::Sqrt, &[&sum], shape.clone())
            }
            p => return Err(Unsupported::new(format!("a norm of order {p}"))),
        };
        let (min, max) = (Some(f64::from(f32::MIN_POSITIVE)), None);
        let norm = self.computed(Op::Clamp { min, max }, &[&norm], shape);
        Ok(self.step(Op::Div, &[&x, &norm], x.shape.clone()))
    }

    /// (x - mean) / (standard deviation + 1e-9).
    pub(crate) fn mean_variance_norm(&mut self, node: &MeanVarianceNormalizationNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let axes = &node.config.axes;
        if let Some(axis) = axes.iter().find(|&&axis| axis >= x.shape.len()) {
            return Err(Unsupported::new(format!("dimension {axis} of shape {:?}", x.shape)));
        }
        let mean = self.mean(&x, axes);
        let centred = self.computed(Op::Sub, &[&x, &mean], x.shape.clone());
        let squares = self.computed(Op::Mul, &[&centred, &centred], x.shape.clone());
        let variance = self.mean(&squares, axes);
        let deviation = self.computed(Op::Sqrt, &[&variance], variance.shape.clone());
        let steadied = self.computed(Op::AddScalar(1e-9), &[&deviation], variance.shape);
        Ok(self.step(Op::Div, &[&centred, &steadied], x.shape))
    }

    /// x / (bias + alpha / size * sum of squares of the channels around)^beta: Krizhevsky et al., 2012, section 3.3.
    pub(crate) fn local_response_norm(&mut self, node: &LrnNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let config = &node.config;
        let (Some(&channels), Ok(size)) = (x.shape.get(1), usize::try_from(config.size)) else {
            return Err(Unsupported::new(format!(
                "{} channels of shape {:?}",
                config.size, x.shape
            )));
        };
        if size == 0 {
            return Err(Unsupported::new("no channels to sum over"));
        }
        let squares = self.computed(Op::Mul, &[&x, &x], x.shape.clone());
        let mut before_after = vec![(0, 0); x.shape.len()];
        // ONNX: floor((size - 1) / 2) channels before, ceil((size - 1) / 2) after.
        before_after[1] = ((size - 1) / 2, size / 2);
        let mut wide = x.shape.clone();
        wide[1] += size - 1;
        let mode = burn_backend::ops::PadMode::Constant(0.0);
        let padded = self.computed(Op::Pad { before_after, mode }, &[&squares], wide);
        let mut sum: Option<DeviceValue> = None;
        for start in 0..size {
            let ranges = x.shape.iter().enumerate().map(|(axis, &length)| {
                let start = if axis == 1 { start } else { 0 };
                let end = start + if axis == 1 { channels } else { length };
                Range { start, end, step: 1 }
            });
            let op = Op::Move(Movement::Slice(ranges.collect()));
            let part = self.computed(op, &[&padded], x.shape.clone());
            sum = Some(match sum {
                None => part,
                Some(sum) => self.computed(Op::Add, &[&sum, &part], x.shape.clone()),
            });
        }
        let sum = sum.unwrap_or(squares);
        let scale = f64::from(config.alpha) / size as f64;
        let scaled = self.computed(Op::MulScalar(scale), &[&sum], x.shape.clone());
        let shifted = self.computed(Op::AddScalar(f64::from(config.bias)), &[&scaled], x.shape.clone());
        let power = self.computed(Op::Power(f64::from(config.beta)), &[&shifted], x.shape.clone());
        Ok(self.step(Op::Div, &[&x, &power], x.shape.clone()))
    }
}
