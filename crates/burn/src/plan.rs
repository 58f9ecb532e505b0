//! The plan that a model is lowered to, and running it.

use burn_backend::ops::{
    ActivationOps, AttentionModuleOptions, BoolTensorOps, ConvOptions, ConvTransposeOptions, FloatTensorOps,
    IntTensorOps, InterpolateOptions, ModuleOps, PadMode,
};
use burn_backend::{BoolDType, FloatDType, IntDType, Scalar, Shape, Slice};
use burn_dispatch::{Dispatch, DispatchTensor};

/// Position of a value among all values of a run.
pub(crate) type Slot = usize;

/// One operation on the device, with everything but its tensors decided.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// x [n, c, h, w], weight [o, c / groups, kh, kw], optional bias [o] -> [n, o, h', w'].
    Conv2d(ConvOptions<2>),
    /// x [n, c, d, h, w], weight [o, c / groups, kd, kh, kw], optional bias [o] -> [n, o, d', h', w'].
    Conv3d(ConvOptions<3>),
    /// x [n, c, d, h, w], weight [c, o / groups, kd, kh, kw], optional bias [o] -> [n, o, d', h', w'].
    ConvTranspose3d(ConvTransposeOptions<3>),
    /// x [n, c, h, w] -> [n, c, h', w'].
    MaxPool2d {
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        dilation: [usize; 2],
        ceil: bool,
    },
    /// x [n, c, h, w] -> [n, c, h', w'].
    AvgPool2d {
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        count_padding: bool,
        ceil: bool,
    },
    /// x [n, c, h, w] -> [n, c, 1, 1].
    GlobalAvgPool2d,
    /// x [.., i], weight [i, o], optional bias [o] -> [.., o].
    Linear,
    MatMul,
    /// query [b, h, q, d], key [b, h, k, d], value [b, h, k, e], optional bias [b, h, q, k] or less -> [b, h, q, e].
    Attention {
        /// 1 / sqrt(d) if absent.
        scale: Option<f64>,
        softcap: Option<f64>,
        causal: bool,
    },
    /// x [.., w], scale [w], optional shift [w].
    LayerNorm {
        epsilon: f64,
    },
    Add,
    Sub,
    Mul,
    Div,
    /// Position of the largest along a dimension, which is kept with length 1.
    ArgMax(usize),
    /// Position of the smallest along a dimension, which is kept with length 1.
    ArgMin(usize),
    CumulativeSum(usize),
    /// The other way round along a dimension.
    Flip(usize),
    /// 1 where the comparison holds, otherwise 0.
    Compare(fn(DispatchTensor, DispatchTensor, BoolDType) -> DispatchTensor),
    /// condition of 0 and 1, a, b, of one shape -> a where the condition is 1, b elsewhere.
    Choose,
    AddScalar(f64),
    MulScalar(f64),
    /// Any of burn's operations of one tensor and nothing else.
    Apply(fn(DispatchTensor) -> DispatchTensor),
    Abs,
    Ceil,
    Cos,
    Floor,
    Sign,
    Sin,
    /// alpha x + beta, cut to 0..=1.
    HardSigmoid {
        alpha: f64,
        beta: f64,
    },
    /// To a constant power.
    Power(f64),
    /// To a shape that the tensor's broadcasts to.
    Expand(Vec<usize>),
    Erf,
    Exp,
    LeakyRelu {
        slope: f64,
    },
    Log,
    /// ln(1 + x).
    LogOnePlus,
    Reciprocal,
    Relu,
    Sigmoid,
    Sqrt,
    Tanh,
    /// The dimension is kept with length 1.
    MaxDim(usize),
    /// The dimension is kept with length 1.
    MeanDim(usize),
    /// The dimension is kept with length 1.
    MinDim(usize),
    /// The dimension is kept with length 1.
    ProductDim(usize),
    /// The dimension is kept with length 1.
    SumDim(usize),
    Softmax {
        axis: usize,
    },
    LogSoftmax {
        axis: usize,
    },
    /// Each dimension so many times.
    Tile(Vec<usize>),
    Clamp {
        min: Option<f64>,
        max: Option<f64>,
    },
    Pad {
        before_after: Vec<(usize, usize)>,
        mode: PadMode,
    },
    /// x [n, c, h, w] -> [n, c, h', w'].
    Interpolate {
        size: [usize; 2],
        options: InterpolateOptions,
    },
    Reshape(Vec<usize>),
    ReshapeIntegers(Vec<usize>),
    IntegersToFloats,
    /// Positions, of which negative ones count from the end of so many.
    FromEnd(usize),
    /// x [a, n, b], positions [p] -> [a, p, b].
    Select {
        axis: usize,
    },
    /// A range for each dimension.
    Slice(Vec<Range>),
    Permute(Vec<usize>),
    Concat {
        axis: usize,
    },
}

/// Every `step`th position from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// At least 1.
    pub(crate) step: usize,
}

impl Range {
    pub(crate) fn len(&self) -> usize {
        (self.end - self.start).div_ceil(self.step)
    }
}

/// An operation with its operands.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) op: Op,
    pub(crate) inputs: Vec<Slot>,
    pub(crate) output: Slot,
}

/// Runs steps over `values`: constants and inputs are set, and each value but a constant is dropped at its last use.
pub(crate) struct Schedule {
    steps: Vec<(Step, Vec<bool>)>,
    slots: usize,
}

impl Schedule {
    /// `kept` are slots that outlive a run: constants, and outputs.
    pub(crate) fn new(steps: Vec<Step>, slots: usize, kept: &[Slot]) -> Self {
        let mut seen = vec![false; slots];
        for &slot in kept {
            seen[slot] = true;
        }
        let mut scheduled: Vec<(Step, Vec<bool>)> = Vec::with_capacity(steps.len());
        for step in steps.into_iter().rev() {
            // Seen from the end, the first use is the last; of one used twice by a step, the last operand.
            let mut last = vec![false; step.inputs.len()];
            for (index, &slot) in step.inputs.iter().enumerate().rev() {
                last[index] = !std::mem::replace(&mut seen[slot], true);
            }
            scheduled.push((step, last));
        }
        scheduled.reverse();
        Self {
            steps: scheduled,
            slots,
        }
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// Runs all steps. Panics if a step reads a value that none made, which lowering rules out.
    pub(crate) fn run(&self, values: &mut [Option<DispatchTensor>]) {
        for (step, last) in &self.steps {
            let operands = step.inputs.iter().zip(last).map(|(&slot, &last)| {
                let value = if last {
                    values[slot].take()
                } else {
                    values[slot].clone()
                };
                value.unwrap_or_else(|| unreachable!("lowering orders values before their uses"))
            });
            let operands: smallvec::SmallVec<[DispatchTensor; 4]> = operands.collect();
            values[step.output] = Some(apply(&step.op, operands));
        }
    }
}

fn apply(op: &Op, operands: smallvec::SmallVec<[DispatchTensor; 4]>) -> DispatchTensor {
    if let Op::Concat { axis } = op {
        return Dispatch::float_cat(operands.into_vec(), *axis);
    }
    let mut operands = operands.into_iter();
    let mut next = || {
        operands
            .next()
            .unwrap_or_else(|| unreachable!("lowering gives each operation its operands"))
    };
    match op {
        Op::Conv2d(options) => {
            let (x, weight) = (next(), next());
            Dispatch::conv2d(x, weight, operands.next(), options.clone())
        }
        Op::Conv3d(options) => {
            let (x, weight) = (next(), next());
            Dispatch::conv3d(x, weight, operands.next(), options.clone())
        }
        Op::ConvTranspose3d(options) => {
            let (x, weight) = (next(), next());
            Dispatch::conv_transpose3d(x, weight, operands.next(), options.clone())
        }
        Op::Attention { scale, softcap, causal } => {
            let (query, key, value) = (next(), next(), next());
            let options = AttentionModuleOptions {
                scale: *scale,
                softcap: *softcap,
                is_causal: *causal,
            };
            Dispatch::attention(query, key, value, None, operands.next(), options)
        }
        Op::LayerNorm { epsilon } => {
            let (x, scale) = (next(), next());
            Dispatch::layer_norm(x, scale, operands.next(), *epsilon)
        }
        Op::Linear => {
            let (x, weight) = (next(), next());
            Dispatch::linear(x, weight, operands.next())
        }
        Op::MaxPool2d {
            kernel,
            stride,
            padding,
            dilation,
            ceil,
        } => Dispatch::max_pool2d(next(), *kernel, *stride, *padding, *dilation, *ceil),
        Op::AvgPool2d {
            kernel,
            stride,
            padding,
            count_padding,
            ceil,
        } => Dispatch::avg_pool2d(next(), *kernel, *stride, *padding, *count_padding, *ceil),
        Op::GlobalAvgPool2d => Dispatch::adaptive_avg_pool2d(next(), [1, 1]),
        Op::MatMul => Dispatch::float_matmul(next(), next()),
        Op::Ceil => Dispatch::float_ceil(next()),
        Op::Cos => Dispatch::float_cos(next()),
        Op::Floor => Dispatch::float_floor(next()),
        Op::Sign => Dispatch::float_sign(next()),
        Op::Sin => Dispatch::float_sin(next()),
        Op::HardSigmoid { alpha, beta } => Dispatch::hard_sigmoid(next(), Scalar::Float(*alpha), Scalar::Float(*beta)),
        Op::Power(exponent) => Dispatch::float_powf_scalar(next(), Scalar::Float(*exponent)),
        Op::Expand(shape) => Dispatch::float_expand(next(), Shape::from(shape.clone())),
        Op::ArgMax(axis) => Dispatch::float_argmax(next(), *axis, IntDType::I32),
        Op::ArgMin(axis) => Dispatch::float_argmin(next(), *axis, IntDType::I32),
        Op::CumulativeSum(axis) => Dispatch::float_cumsum(next(), *axis),
        Op::Flip(axis) => Dispatch::float_flip(next(), &[*axis]),
        Op::Compare(compare) => Dispatch::bool_into_float(compare(next(), next(), BoolDType::Native), FloatDType::F32),
        Op::Choose => {
            let (condition, a, b) = (next(), next(), next());
            let mask = Dispatch::float_greater_elem(condition, Scalar::Float(0.5), BoolDType::Native);
            Dispatch::float_mask_where(b, mask, a)
        }
        Op::Add => Dispatch::float_add(next(), next()),
        Op::Sub => Dispatch::float_sub(next(), next()),
        Op::Mul => Dispatch::float_mul(next(), next()),
        Op::Div => Dispatch::float_div(next(), next()),
        Op::AddScalar(value) => Dispatch::float_add_scalar(next(), Scalar::Float(*value)),
        Op::MulScalar(value) => Dispatch::float_mul_scalar(next(), Scalar::Float(*value)),
        Op::Apply(apply) => apply(next()),
        Op::Abs => Dispatch::float_abs(next()),
        Op::Erf => Dispatch::float_erf(next()),
        Op::Exp => Dispatch::float_exp(next()),
        Op::LeakyRelu { slope } => Dispatch::leaky_relu(next(), Scalar::Float(*slope)),
        Op::Log => Dispatch::float_log(next()),
        Op::LogOnePlus => Dispatch::float_log1p(next()),
        Op::Reciprocal => Dispatch::float_recip(next()),
        Op::Sqrt => Dispatch::float_sqrt(next()),
        Op::Tanh => Dispatch::float_tanh(next()),
        Op::MaxDim(axis) => Dispatch::float_max_dim(next(), *axis),
        Op::MeanDim(axis) => Dispatch::float_mean_dim(next(), *axis),
        Op::MinDim(axis) => Dispatch::float_min_dim(next(), *axis),
        Op::ProductDim(axis) => Dispatch::float_prod_dim(next(), *axis),
        Op::SumDim(axis) => Dispatch::float_sum_dim(next(), *axis),
        Op::Relu => Dispatch::relu(next()),
        Op::Sigmoid => Dispatch::sigmoid(next()),
        Op::Softmax { axis } => Dispatch::softmax(next(), *axis),
        Op::LogSoftmax { axis } => Dispatch::log_softmax(next(), *axis),
        Op::Tile(repeats) => {
            let tiled = repeats.iter().enumerate().filter(|(_, times)| **times != 1);
            tiled.fold(next(), |x, (axis, &times)| Dispatch::float_repeat_dim(x, axis, times))
        }
        Op::Clamp {
            min: Some(min),
            max: Some(max),
        } => Dispatch::float_clamp(next(), Scalar::Float(*min), Scalar::Float(*max)),
        Op::Clamp {
            min: Some(min),
            max: None,
        } => Dispatch::float_clamp_min(next(), Scalar::Float(*min)),
        Op::Clamp {
            min: None,
            max: Some(max),
        } => Dispatch::float_clamp_max(next(), Scalar::Float(*max)),
        Op::Clamp { min: None, max: None } => next(),
        Op::Pad { before_after, mode } => Dispatch::float_pad(next(), before_after, *mode),
        Op::Interpolate { size, options } => Dispatch::interpolate(next(), *size, options.clone()),
        Op::Reshape(shape) => Dispatch::float_reshape(next(), Shape::from(shape.clone())),
        Op::ReshapeIntegers(shape) => Dispatch::int_reshape(next(), Shape::from(shape.clone())),
        Op::IntegersToFloats => Dispatch::int_into_float(next(), FloatDType::F32),
        Op::FromEnd(size) => {
            let positions = next();
            let negative = Dispatch::int_lower_elem(positions.clone(), Scalar::Int(0), BoolDType::Native);
            #[allow(clippy::cast_possible_wrap, reason = "a dimension of a tensor fits")]
            let shifted = Dispatch::int_add_scalar(positions.clone(), Scalar::Int(*size as i64));
            Dispatch::int_mask_where(positions, negative, shifted)
        }
        Op::Select { axis } => {
            let (x, positions) = (next(), next());
            Dispatch::float_select(x, *axis, positions)
        }
        Op::Slice(ranges) => Dispatch::float_slice(next(), &ranges.iter().map(slice).collect::<Vec<_>>()),
        Op::Permute(axes) => Dispatch::float_permute(next(), axes),
        Op::Concat { .. } => unreachable!("handled above"),
    }
}

#[allow(clippy::cast_possible_wrap, reason = "positions in a tensor fit")]
fn slice(range: &Range) -> Slice {
    Slice {
        start: range.start as isize,
        end: Some(range.end as isize),
        step: range.step as isize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_dropped_at_their_last_use() {
        let step = |inputs: &[Slot], output| Step {
            op: Op::Add,
            inputs: inputs.to_vec(),
            output,
        };
        // 0 is a constant, 3 the output.
        let steps = vec![step(&[0, 1], 2), step(&[2, 2], 3), step(&[1, 0], 4)];
        let schedule = Schedule::new(steps, 5, &[0, 3]);
        let last: Vec<Vec<bool>> = schedule.steps.iter().map(|(_, last)| last.clone()).collect();
        assert_eq!(last, [vec![false, false], vec![false, true], vec![true, false]]);
    }
}
