//! Running one operation.

#[cfg(feature = "flex")]
use std::ops::ControlFlow;

use burn_backend::ops::{ActivationOps, AttentionModuleOptions, FloatTensorOps, ModuleOps};
use burn_backend::tensor::IndexingUpdateOp;
use burn_backend::{IntDType, Scalar};
use burn_dispatch::{Dispatch, DispatchTensor};

use super::bools::{bool_mask, ones_where};
use super::op::Op;
use super::operands::{Operands, next_of};

/// Runs an operation on its operands.
pub(crate) fn run(op: &Op, operands: Operands) -> DispatchTensor {
    let operands = match op {
        Op::Move(movement) => return movement.run_floats(operands),
        Op::Integers(op) => return op.run(operands),
        _ => operands,
    };
    #[cfg(feature = "flex")]
    let operands = match super::vector_math::run(op, operands) {
        ControlFlow::Break(result) => return result,
        ControlFlow::Continue(operands) => operands,
    };
    let mut operands = operands.into_iter();
    let mut next = || next_of(&mut operands);
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
        Op::MaxPoolIndices2d(p) => {
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
        Op::PowScalar(exponent) => Dispatch::float_powf_scalar(next(), Scalar::Float(*exponent)),
        Op::ArgMax(axis) => Dispatch::float_argmax(next(), *axis, IntDType::I32),
        Op::ArgMin(axis) => Dispatch::float_argmin(next(), *axis, IntDType::I32),
        Op::CumSum(axis) => Dispatch::float_cumsum(next(), *axis),
        Op::Compare(compare) => {
            let (a, b) = (next(), next());
            ones_where(a, |a, bool_dtype| compare(a, b, bool_dtype))
        }
        Op::Where => {
            let (condition, a, b) = (next(), next(), next());
            Dispatch::float_mask_where(b, bool_mask(condition), a)
        }
        Op::Add => Dispatch::float_add(next(), next()),
        Op::Sub => Dispatch::float_sub(next(), next()),
        Op::Mul => Dispatch::float_mul(next(), next()),
        Op::Div => Dispatch::float_div(next(), next()),
        Op::AddScalar(value) => Dispatch::float_add_scalar(next(), Scalar::Float(*value)),
        Op::MulScalar(value) => Dispatch::float_mul_scalar(next(), Scalar::Float(*value)),
        Op::Binary(binary) => binary(next(), next()),
        Op::Unary(unary) => unary(next()),
        Op::Abs => Dispatch::float_abs(next()),
        Op::Erf => Dispatch::float_erf(next()),
        Op::Exp => Dispatch::float_exp(next()),
        Op::LeakyRelu { slope } => Dispatch::leaky_relu(next(), Scalar::Float(*slope)),
        Op::Log => Dispatch::float_log(next()),
        Op::Log1p => Dispatch::float_log1p(next()),
        Op::Reciprocal => Dispatch::float_recip(next()),
        Op::Sqrt => Dispatch::float_sqrt(next()),
        Op::Tanh => Dispatch::float_tanh(next()),
        Op::MaxDim(axis) => Dispatch::float_max_dim(next(), *axis),
        Op::MeanDim(axis) => Dispatch::float_mean_dim(next(), *axis),
        Op::MinDim(axis) => Dispatch::float_min_dim(next(), *axis),
        Op::ProdDim(axis) => Dispatch::float_prod_dim(next(), *axis),
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
        Op::ScatterAdd => {
            let (x, indices, values) = (next(), next(), next());
            Dispatch::float_scatter(0, x, indices, values, IndexingUpdateOp::Add)
        }
        Op::FloatsToIntegers => Dispatch::float_into_int(next(), IntDType::I32),
        Op::Move(_) | Op::Integers(_) => unreachable!("handled above"),
    }
}
