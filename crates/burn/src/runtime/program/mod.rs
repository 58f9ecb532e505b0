//! The plan that a model is lowered to, and running it.

mod bools;
mod integer_op;
mod movement;

use burn_backend::ops::{
    ActivationOps, AttentionModuleOptions, ConvOptions, ConvTransposeOptions, DeformConvOptions, FloatTensorOps,
    InterpolateOptions, ModuleOps, PadMode,
};
use burn_backend::tensor::IndexingUpdateOp;
use burn_backend::{BoolDType, IntDType, Scalar};
use burn_dispatch::{Dispatch, DispatchTensor};

use bools::mask;
pub(crate) use bools::tested;
pub(crate) use integer_op::IntegerOp;
pub(crate) use movement::{Movement, Range};

/// Position of a value among all values of a run.
pub(crate) type Slot = usize;

/// The tensors that an operation reads.
pub(crate) type Operands = smallvec::SmallVec<[DispatchTensor; 4]>;

/// One operation on the device, with everything but its tensors decided.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// x [n, c, h, w], weight [o, c / groups, kh, kw], optional bias [o] -> [n, o, h', w'].
    Conv2d(ConvOptions<2>),
    /// x [n, c, h, w], offsets [n, 2 groups kh kw, h', w'], weight [o, c / groups, kh, kw], mask [n, groups kh kw, h', w'] if `masked`,
    /// bias [o] if `biased` -> [n, o, h', w'].
    DeformConv2d {
        options: DeformConvOptions<2>,
        masked: bool,
        biased: bool,
    },
    /// x [n, c, d, h, w], weight [o, c / groups, kd, kh, kw], optional bias [o] -> [n, o, d', h', w'].
    Conv3d(ConvOptions<3>),
    /// x [n, c, h, w], weight [c, o / groups, kh, kw], optional bias [o] -> [n, o, h', w'].
    ConvTranspose2d(ConvTransposeOptions<2>),
    /// x [n, c, d, h, w], weight [c, o / groups, kd, kh, kw], optional bias [o] -> [n, o, d', h', w'].
    ConvTranspose3d(ConvTransposeOptions<3>),
    /// x [n, c, h, w] -> [n, c, h', w'].
    MaxPool2d(MaxPooling),
    /// x [n, c, h, w] -> where the largest of each window is among the h w of its plane, row by row, as integers, [n, c, h', w'].
    MaxPositions2d(MaxPooling),
    /// x [n, c, h, w] -> [n, c, h', w'].
    AvgPool2d {
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        count_padding: bool,
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
    /// 1 where the comparison holds, otherwise 0.
    Compare(fn(DispatchTensor, DispatchTensor, BoolDType) -> DispatchTensor),
    /// condition of 0 and 1, a, b, of one shape -> a where the condition is 1, b elsewhere.
    Choose,
    AddScalar(f64),
    MulScalar(f64),
    /// Any of burn's operations of two tensors and nothing else.
    Combine(fn(DispatchTensor, DispatchTensor) -> DispatchTensor),
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
    Move(Movement),
    Integers(IntegerOp),
    FloatsToIntegers,
    /// x [t], positions [p], values [p] -> x with the values added at the positions.
    AddAt,
}

/// Windows of which the largest is taken.
#[derive(Debug, Clone)]
pub(crate) struct MaxPooling {
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
    pub(crate) dilation: [usize; 2],
    pub(crate) ceil: bool,
}

pub(crate) fn apply(op: &Op, operands: Operands) -> DispatchTensor {
    let operands = match op {
        Op::Move(movement) => return movement.floats(operands),
        Op::Integers(op) => return op.apply(operands),
        _ => operands,
    };
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
        Op::DeformConv2d {
            options,
            masked,
            biased,
        } => {
            let (x, offsets, weight) = (next(), next(), next());
            let mask = masked.then(&mut next);
            let bias = biased.then(&mut next);
            Dispatch::deform_conv2d(x, offsets, weight, mask, bias, options.clone())
        }
        Op::Conv3d(options) => {
            let (x, weight) = (next(), next());
            Dispatch::conv3d(x, weight, operands.next(), options.clone())
        }
        Op::ConvTranspose2d(options) => {
            let (x, weight) = (next(), next());
            Dispatch::conv_transpose2d(x, weight, operands.next(), options.clone())
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
        Op::MaxPool2d(p) => Dispatch::max_pool2d(next(), p.kernel, p.stride, p.padding, p.dilation, p.ceil),
        Op::MaxPositions2d(p) => {
            let int = IntDType::I32;
            Dispatch::max_pool2d_with_indices(next(), p.kernel, p.stride, p.padding, p.dilation, p.ceil, int).indices
        }
        Op::AvgPool2d {
            kernel,
            stride,
            padding,
            count_padding,
        } => Dispatch::avg_pool2d(next(), *kernel, *stride, *padding, *count_padding, false),
        Op::GlobalAvgPool2d => Dispatch::adaptive_avg_pool2d(next(), [1, 1]),
        Op::MatMul => Dispatch::float_matmul(next(), next()),
        Op::Ceil => Dispatch::float_ceil(next()),
        Op::Cos => Dispatch::float_cos(next()),
        Op::Floor => Dispatch::float_floor(next()),
        Op::Sign => Dispatch::float_sign(next()),
        Op::Sin => Dispatch::float_sin(next()),
        Op::HardSigmoid { alpha, beta } => Dispatch::hard_sigmoid(next(), Scalar::Float(*alpha), Scalar::Float(*beta)),
        Op::Power(exponent) => Dispatch::float_powf_scalar(next(), Scalar::Float(*exponent)),
        Op::ArgMax(axis) => Dispatch::float_argmax(next(), *axis, IntDType::I32),
        Op::ArgMin(axis) => Dispatch::float_argmin(next(), *axis, IntDType::I32),
        Op::CumulativeSum(axis) => Dispatch::float_cumsum(next(), *axis),
        Op::Compare(compare) => {
            let (a, b) = (next(), next());
            tested(a, |a, stored| compare(a, b, stored))
        }
        Op::Choose => {
            let (condition, a, b) = (next(), next(), next());
            Dispatch::float_mask_where(b, mask(condition), a)
        }
        Op::Add => Dispatch::float_add(next(), next()),
        Op::Sub => Dispatch::float_sub(next(), next()),
        Op::Mul => Dispatch::float_mul(next(), next()),
        Op::Div => Dispatch::float_div(next(), next()),
        Op::AddScalar(value) => Dispatch::float_add_scalar(next(), Scalar::Float(*value)),
        Op::MulScalar(value) => Dispatch::float_mul_scalar(next(), Scalar::Float(*value)),
        Op::Combine(combine) => combine(next(), next()),
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
        Op::AddAt => {
            let (x, positions, values) = (next(), next(), next());
            Dispatch::float_scatter(0, x, positions, values, IndexingUpdateOp::Add)
        }
        Op::FloatsToIntegers => Dispatch::float_into_int(next(), IntDType::I32),
        Op::Move(_) | Op::Integers(_) => unreachable!("handled above"),
    }
}
