//! Activation functions. Those that burn lacks are composed of operations that it has.

use burn_backend::ops::ActivationOps;
use burn_dispatch::Dispatch;
use onnx_ir::Argument;
use onnx_ir::node::gelu::GeluApproximate;

use crate::lower::host_tensor::broadcast;
use crate::lower::{DeviceValue, GREATER, Lowerer, Lowering, OpSpec, Unsupported, Value, op};
use crate::runtime::program::Op;

pub(super) const OPS: &[OpSpec] = &[
    op!("Celu", cx, Celu(n) => exponential_unit(cx, n.config.alpha, 1.0, n.config.alpha, &n.inputs[0])),
    op!("Elu", cx, Elu(n) => exponential_unit(cx, n.config.alpha, 1.0, 1.0, &n.inputs[0])),
    op!("Gelu", cx, Gelu(n) => match n.config.approximate {
        GeluApproximate::Exact => cx.unary(Op::Unary(Dispatch::gelu), &n.inputs[0]),
        GeluApproximate::Tanh => gelu_tanh(cx, &n.inputs[0]),
    })
    .ignores_inferred_rank(),
    op!("HardSigmoid", cx, HardSigmoid(n) => hard_sigmoid(cx, n.config.alpha, n.config.beta, &n.inputs[0])),
    op!("HardSwish", cx, HardSwish(n) => hard_swish(cx, &n.inputs[0])),
    op!("LeakyRelu", cx, LeakyRelu(n) => cx.unary(Op::LeakyRelu { slope: n.config.alpha }, &n.inputs[0]))
        .ignores_inferred_rank(),
    op!("Mish", cx, Mish(n) => mish(cx, &n.inputs[0])),
    op!("PRelu", cx, PRelu(n) => prelu(cx, &n.inputs)),
    op!("Relu", cx, Relu(n) => cx.unary(Op::Relu, &n.inputs[0])).ignores_inferred_rank(),
    op!("Selu", cx, Selu(n) => exponential_unit(cx, n.config.alpha, n.config.gamma, 1.0, &n.inputs[0])),
    op!("Shrink", cx, Shrink(n) => shrink(cx, n.config.lambda, n.config.bias, &n.inputs[0])),
    op!("Sigmoid", cx, Sigmoid(n) => cx.unary(Op::Sigmoid, &n.inputs[0])).ignores_inferred_rank(),
    op!("Softplus", cx, Softplus(n) => softplus(cx, &n.inputs[0])),
    op!("Softsign", cx, Softsign(n) => softsign(cx, &n.inputs[0])),
    op!("Swish", cx, Swish(n) => swish(cx, n.config.alpha, &n.inputs[0])),
    op!("Tanh", cx, Tanh(n) => cx.unary(Op::Tanh, &n.inputs[0])).ignores_inferred_rank(),
    op!("ThresholdedRelu", cx, ThresholdedRelu(n) => thresholded_relu(cx, n.config.alpha, &n.inputs[0])),
];

/// max(x, 0).
fn positive_part(cx: &mut Lowerer, x: &DeviceValue) -> DeviceValue {
    cx.map(Op::Relu, x)
}

/// min(x, 0).
fn negative_part(cx: &mut Lowerer, x: &DeviceValue) -> DeviceValue {
    let op = Op::Clamp {
        min: None,
        max: Some(0.0),
    };
    cx.map(op, x)
}

/// gamma (max(x, 0) + alpha (exp(min(x, 0) / width) - 1)).
///
/// Elu has gamma = width = 1 (Clevert et al., 2016), Selu width = 1 (Klambauer et al., 2017), Celu
/// alpha = width (Barron, 2017).
fn exponential_unit(cx: &mut Lowerer, alpha: f64, gamma: f64, width: f64, input: &Argument) -> Lowering<Value> {
    let x = cx.floats(input)?;
    let positive = positive_part(cx, &x);
    let negative = negative_part(cx, &x);
    let scaled = cx.map(Op::MulScalar(1.0 / width), &negative);
    let grown = cx.map(Op::Exp, &scaled);
    let shifted = cx.map(Op::AddScalar(-1.0), &grown);
    let negative = cx.map(Op::MulScalar(alpha), &shifted);
    let sum = cx.emit(Op::Add, &[&positive, &negative], x.shape.clone());
    Ok(cx.emit_floats(Op::MulScalar(gamma), &[&sum], x.shape))
}

/// ln(1 + exp(x)) as max(x, 0) + ln(1 + exp(-|x|)), which does not overflow.
fn softplus_of(cx: &mut Lowerer, x: &DeviceValue) -> DeviceValue {
    let positive = positive_part(cx, x);
    let size = cx.map(Op::Abs, x);
    let negated = cx.map(Op::MulScalar(-1.0), &size);
    let small = cx.map(Op::Exp, &negated);
    let log = cx.map(Op::Log1p, &small);
    cx.emit(Op::Add, &[&positive, &log], x.shape.clone())
}

fn softplus(cx: &mut Lowerer, input: &Argument) -> Lowering<Value> {
    let x = cx.floats(input)?;
    Ok(Value::Floats(softplus_of(cx, &x)))
}

/// x / (1 + |x|).
fn softsign(cx: &mut Lowerer, input: &Argument) -> Lowering<Value> {
    let x = cx.floats(input)?;
    let size = cx.map(Op::Abs, &x);
    let divisor = cx.map(Op::AddScalar(1.0), &size);
    Ok(Value::Floats(cx.zip(Op::Div, &x, &divisor)))
}

/// x tanh(softplus(x)): Misra, "Mish", 2019.
fn mish(cx: &mut Lowerer, input: &Argument) -> Lowering<Value> {
    let x = cx.floats(input)?;
    let soft = softplus_of(cx, &x);
    let gate = cx.map(Op::Tanh, &soft);
    Ok(Value::Floats(cx.zip(Op::Mul, &x, &gate)))
}

/// x sigmoid(alpha x).
fn swish(cx: &mut Lowerer, alpha: f64, input: &Argument) -> Lowering<Value> {
    let x = cx.floats(input)?;
    let scaled = cx.map(Op::MulScalar(alpha), &x);
    let gate = cx.map(Op::Sigmoid, &scaled);
    Ok(Value::Floats(cx.zip(Op::Mul, &x, &gate)))
}

/// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))): Hendrycks and Gimpel, 2016, section 2.
fn gelu_tanh(cx: &mut Lowerer, input: &Argument) -> Lowering<Value> {
    let x = cx.floats(input)?;
    let square = cx.emit(Op::Mul, &[&x, &x], x.shape.clone());
    let scaled = cx.map(Op::MulScalar(0.044_715), &square);
    let factor = cx.map(Op::AddScalar(1.0), &scaled);
    let inner = cx.emit(Op::Mul, &[&x, &factor], x.shape.clone());
    let scaled = cx.map(Op::MulScalar((2.0 / std::f64::consts::PI).sqrt()), &inner);
    let tanh = cx.map(Op::Tanh, &scaled);
    let sum = cx.map(Op::AddScalar(1.0), &tanh);
    let half = cx.map(Op::MulScalar(0.5), &sum);
    Ok(Value::Floats(cx.zip(Op::Mul, &x, &half)))
}

/// max(x, 0) + slope min(x, 0). The slope broadcasts to x.
fn prelu(cx: &mut Lowerer, inputs: &[Argument]) -> Lowering<Value> {
    let (x, slope) = (cx.floats(&inputs[0])?, cx.floats(&inputs[1])?);
    if broadcast(&x.shape, &slope.shape).as_ref() != Some(&x.shape) {
        return Err(Unsupported::new(format!(
            "a slope of shape {:?} for {:?}",
            slope.shape, x.shape
        )));
    }
    let slope = cx.unsqueeze_to(slope, x.shape.len());
    let (positive, negative) = (positive_part(cx, &x), negative_part(cx, &x));
    let sloped = cx.emit(Op::Mul, &[&negative, &slope], x.shape.clone());
    Ok(Value::Floats(cx.zip(Op::Add, &positive, &sloped)))
}

/// max(0, min(1, alpha x + beta)).
fn hard_sigmoid(cx: &mut Lowerer, alpha: f64, beta: f64, input: &Argument) -> Lowering<Value> {
    cx.unary(Op::HardSigmoid { alpha, beta }, input)
}

/// x times its hard sigmoid: Howard et al., "Searching for MobileNetV3", 2019, section 5.2.
fn hard_swish(cx: &mut Lowerer, input: &Argument) -> Lowering<Value> {
    let x = cx.floats(input)?;
    let op = Op::HardSigmoid {
        alpha: 1.0 / 6.0,
        beta: 0.5,
    };
    let share = cx.emit(op, &[&x], x.shape.clone());
    Ok(cx.emit_floats(Op::Mul, &[&x, &share], x.shape.clone()))
}

/// x where x > alpha, 0 elsewhere.
fn thresholded_relu(cx: &mut Lowerer, alpha: f64, input: &Argument) -> Lowering<Value> {
    let x = cx.floats(input)?;
    let above = greater_than(cx, &x, alpha)?;
    cx.where_device(above, Value::Floats(x), Value::scalar(0.0))
}

/// x + bias where x < -lambda, x - bias where x > lambda, 0 elsewhere.
fn shrink(cx: &mut Lowerer, lambda: f64, bias: f64, input: &Argument) -> Lowering<Value> {
    let x = cx.floats(input)?;
    let above = greater_than(cx, &x, lambda)?;
    let negated = cx.emit(Op::MulScalar(-1.0), &[&x], x.shape.clone());
    let below = greater_than(cx, &negated, lambda)?;
    let lower = cx.emit_floats(Op::AddScalar(-bias), &[&x], x.shape.clone());
    let higher = cx.emit_floats(Op::AddScalar(bias), &[&x], x.shape.clone());
    let rest = cx.where_device(below, higher, Value::scalar(0.0))?;
    cx.where_device(above, lower, rest)
}

/// Where x > bound.
fn greater_than(cx: &mut Lowerer, x: &DeviceValue, bound: f64) -> Lowering<DeviceValue> {
    cx.compare_on_device(&GREATER, [Value::Floats(x.clone()), Value::scalar(bound)])
}
