//! Operations on tensors of `f32`.

use burn_backend::BoolDType;
use burn_backend::ops::{ConvOptions, ConvTransposeOptions, DeformConvOptions, InterpolateOptions, PadMode};
use burn_dispatch::DispatchTensor;

use super::integer_op::IntegerOp;
use super::movement::Movement;

/// One operation on the device, with everything decided but its tensors.
///
/// A comment names the operands, their shapes and the shape of the result where they do not follow
/// from the name.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// x [n, c, h, w], weight [o, c / groups, kh, kw], optional bias [o] -> [n, o, h', w'].
    Conv2d(ConvOptions<2>),
    /// x [n, c, h, w], offsets [n, 2 groups kh kw, h', w'], weight [o, c / groups, kh, kw],
    /// mask [n, groups kh kw, h', w'] if `masked`, bias [o] if `biased` -> [n, o, h', w'].
    DeformConv2d {
        options: DeformConvOptions<2>,
        masked: bool,
        biased: bool,
    },
    /// x [n, c, d, h, w], weight [o, c / groups, kd, kh, kw], optional bias [o]
    /// -> [n, o, d', h', w'].
    Conv3d(ConvOptions<3>),
    /// x [n, c, h, w], weight [c, o / groups, kh, kw], optional bias [o] -> [n, o, h', w'].
    ConvTranspose2d(ConvTransposeOptions<2>),
    /// x [n, c, d, h, w], weight [c, o / groups, kd, kh, kw], optional bias [o]
    /// -> [n, o, d', h', w'].
    ConvTranspose3d(ConvTransposeOptions<3>),
    /// x [n, c, h, w] -> [n, c, h', w'].
    MaxPool2d(MaxPooling),
    /// x [n, c, h, w] -> the row-major index of each window's maximum within its plane [h, w], as
    /// integers, [n, c, h', w'].
    MaxPoolIndices2d(MaxPooling),
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
    /// a [.., m, k], b [.., k, n] -> [.., m, n].
    MatMul,
    /// query [b, h, q, d], key [b, h, k, d], value [b, h, k, e], optional bias that broadcasts to
    /// [b, h, q, k] -> [b, h, q, e].
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
    /// Index of the maximum along a dimension, which stays with length 1.
    ArgMax(usize),
    /// Index of the minimum along a dimension, which stays with length 1.
    ArgMin(usize),
    /// Running sums along a dimension.
    CumSum(usize),
    /// 1 where the comparison holds, 0 elsewhere.
    Compare(fn(DispatchTensor, DispatchTensor, BoolDType) -> DispatchTensor),
    /// condition of 0 and 1, a, b, all of one shape -> a where the condition is 1, b elsewhere.
    Where,
    AddScalar(f64),
    MulScalar(f64),
    /// Any operation of burn on two tensors without settings.
    Binary(fn(DispatchTensor, DispatchTensor) -> DispatchTensor),
    /// Any operation of burn on one tensor without settings.
    Unary(fn(DispatchTensor) -> DispatchTensor),
    Abs,
    Ceil,
    Cos,
    Floor,
    Sign,
    Sin,
    /// alpha x + beta, clamped to 0..=1.
    HardSigmoid {
        alpha: f64,
        beta: f64,
    },
    /// x to a constant power.
    PowScalar(f64),
    Erf,
    Exp,
    LeakyRelu {
        slope: f64,
    },
    Log,
    /// ln(1 + x).
    Log1p,
    Reciprocal,
    Relu,
    Sigmoid,
    Sqrt,
    Tanh,
    /// The dimension stays with length 1, here and in the next four.
    MaxDim(usize),
    MeanDim(usize),
    MinDim(usize),
    ProdDim(usize),
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
    /// x [t], indices [p], values [p] -> x with each value added at its index.
    ScatterAdd,
}

/// Settings of max pooling over images.
#[derive(Debug, Clone)]
pub(crate) struct MaxPooling {
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
    pub(crate) dilation: [usize; 2],
    pub(crate) ceil: bool,
}

impl Op {
    /// The same with its numbers in -most..=most, as constants are.
    pub(crate) fn within(self, most: f64) -> Self {
        let within = |value: f64| {
            if value.is_finite() {
                value.clamp(-most, most)
            } else {
                value
            }
        };
        match self {
            Op::AddScalar(value) => Op::AddScalar(within(value)),
            Op::MulScalar(value) => Op::MulScalar(within(value)),
            Op::Clamp { min, max } => Op::Clamp {
                min: min.map(within),
                max: max.map(within),
            },
            other => other,
        }
    }
}
