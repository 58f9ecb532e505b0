//! Arithmetic on two tensors, element by element with broadcasting.

use burn_backend::ops::{FloatTensorOps, IntTensorOps};
use burn_dispatch::Dispatch;
use onnx_ir::node::modulo::ModNode;
use onnx_ir::{Argument, Node};

use crate::lower::host_tensor::{HostData, HostTensor, broadcast};
use crate::lower::{
    Arithmetic, Lowerer, Lowering, OpSpec, Unsupported, Value, do_not_broadcast, element_type, fold_pair, op,
};
use crate::runtime::program::Op;

pub(super) const OPS: &[OpSpec] = &[
    op!("Add", cx, Add(n) => arithmetic(cx, Arithmetic::Add, &n.inputs)).ignores_inferred_rank(),
    op!("Div", cx, Div(n) => arithmetic(cx, Arithmetic::Div, &n.inputs)).ignores_inferred_rank(),
    op!("Mod", cx, Mod(n) => mod_(cx, n))
        .folds(fold_mod)
        .ignores_inferred_rank(),
    op!("Mul", cx, Mul(n) => arithmetic(cx, Arithmetic::Mul, &n.inputs)).ignores_inferred_rank(),
    op!("Pow", cx, Pow(n) => pow(cx, &n.inputs))
        .folds(|_, _, inputs| fold_pair(inputs, fold_pow))
        .ignores_inferred_rank(),
    op!("Sub", cx, Sub(n) => arithmetic(cx, Arithmetic::Sub, &n.inputs)).ignores_inferred_rank(),
];

fn arithmetic(cx: &mut Lowerer, kind: Arithmetic, inputs: &[Argument]) -> Lowering<Value> {
    let (a, b) = (cx.value(&inputs[0])?, cx.value(&inputs[1])?);
    match (&a, &b) {
        (Value::Host(a), Value::Host(b)) => return fold_arithmetic(kind, a, b).map(Value::Host),
        (Value::Floats(x), Value::Host(scalar)) if is_scalar_for(scalar, &x.shape) && is_neutral(kind, scalar) => {
            return Ok(Value::Floats(x.clone()));
        }
        (Value::Floats(a), Value::Host(scalar)) if is_scalar_for(scalar, &a.shape) => {
            if let Some(op) = scalar.as_scalar().and_then(|value| scalar_op(kind, value)) {
                return Ok(cx.emit_floats(op, &[a], a.shape.clone()));
            }
        }
        (Value::Host(scalar), Value::Floats(b)) if is_scalar_for(scalar, &b.shape) => {
            let commutes = matches!(kind, Arithmetic::Add | Arithmetic::Mul);
            if let Some(op) = scalar
                .as_scalar()
                .filter(|_| commutes)
                .and_then(|value| scalar_op(kind, value))
            {
                return Ok(cx.emit_floats(op, &[b], b.shape.clone()));
            }
        }
        (Value::Integers(_), _) | (_, Value::Integers(_)) => {
            return cx.integer_arithmetic(kind, [a, b], element_type(&inputs[0]));
        }
        _ => {}
    }
    let (a, b) = (cx.device_floats(a)?, cx.device_floats(b)?);
    let shape = broadcast(&a.shape, &b.shape).ok_or_else(|| do_not_broadcast(&a.shape, &b.shape))?;
    let (a, b) = (cx.unsqueeze_to(a, shape.len()), cx.unsqueeze_to(b, shape.len()));
    let op = match kind {
        Arithmetic::Add => Op::Add,
        Arithmetic::Sub => Op::Sub,
        Arithmetic::Mul => Op::Mul,
        Arithmetic::Div => Op::Div,
    };
    Ok(cx.emit_floats(op, &[&a, &b], shape))
}

/// Computes constants on the host.
fn fold_arithmetic(kind: Arithmetic, a: &HostTensor, b: &HostTensor) -> Lowering<HostTensor> {
    let folded = match kind {
        Arithmetic::Add => a.zip_numbers(b, |x, y| x + y, i64::checked_add),
        Arithmetic::Sub => a.zip_numbers(b, |x, y| x - y, i64::checked_sub),
        Arithmetic::Mul => a.zip_numbers(b, |x, y| x * y, i64::checked_mul),
        Arithmetic::Div => a.zip_numbers(b, |x, y| x / y, i64::checked_div),
    };
    folded.ok_or_else(|| {
        Unsupported::new(format!(
            "{kind:?} of constants of shapes {:?} and {:?}",
            a.shape, b.shape
        ))
    })
}

/// Whether an operation with this constant of one element keeps the shape of the other operand.
fn is_scalar_for(scalar: &HostTensor, shape: &[usize]) -> bool {
    scalar.len() == 1 && scalar.shape.len() <= shape.len()
}

/// Whether an operation with this constant on the right leaves every value as it is.
fn is_neutral(kind: Arithmetic, scalar: &HostTensor) -> bool {
    let neutral = match kind {
        Arithmetic::Add | Arithmetic::Sub => 0.0,
        Arithmetic::Mul | Arithmetic::Div => 1.0,
    };
    scalar.as_scalar() == Some(neutral)
}

/// The operation with a number on the right.
fn scalar_op(kind: Arithmetic, value: f64) -> Option<Op> {
    match kind {
        Arithmetic::Add => Some(Op::AddScalar(value)),
        Arithmetic::Sub => Some(Op::AddScalar(-value)),
        Arithmetic::Mul => Some(Op::MulScalar(value)),
        // Multiplying by the reciprocal would round differently.
        Arithmetic::Div => None,
    }
}

fn pow(cx: &mut Lowerer, inputs: &[Argument]) -> Lowering<Value> {
    let (x, exponent) = (cx.value(&inputs[0])?, cx.value(&inputs[1])?);
    if let (Value::Floats(x), Value::Host(host)) = (&x, &exponent)
        && let Some(constant) = host.as_scalar().filter(|_| is_scalar_for(host, &x.shape))
    {
        return Ok(cx.emit_floats(Op::PowScalar(constant), &[x], x.shape.clone()));
    }
    let dtype = element_type(&inputs[0]);
    if x.is_integers() && exponent.is_integers() {
        return cx.integer_binary(Dispatch::int_powi, [x, exponent], dtype);
    }
    let integers = x.is_integers();
    let ([x, exponent], shape) = cx.broadcast_together([x, exponent])?;
    let (x, exponent) = (cx.cast_to_floats(x)?, cx.cast_to_floats(exponent)?);
    let power = cx.emit(Op::Binary(Dispatch::float_powf), &[&x, &exponent], shape.clone());
    if !integers {
        return Ok(Value::Floats(power));
    }
    // ONNX: the result has the type of the base.
    let whole = cx.emit(Op::FloatsToIntegers, &[&power], shape);
    Ok(Value::Integers(cx.wrap_integers(whole, dtype)))
}

/// ONNX: the result has the type of the base.
#[allow(
    clippy::cast_possible_truncation,
    reason = "ONNX: the power is truncated to an integer"
)]
fn fold_pow(base: &HostTensor, exponent: &HostTensor) -> Option<HostTensor> {
    let floats = |host: &HostTensor| -> Option<HostTensor> {
        let data = match &host.data {
            HostData::I64(values) => HostData::F32(values.iter().map(|&value| value as f32).collect()),
            HostData::F32(_) => host.data.clone(),
            HostData::Bool(_) => return None,
        };
        Some(HostTensor {
            shape: host.shape.clone(),
            data,
        })
    };
    match (&base.data, &exponent.data) {
        (HostData::I64(_), HostData::I64(_)) => base.zip_numbers(exponent, f32::powf, |base, exponent| {
            base.checked_pow(u32::try_from(exponent).ok()?)
        }),
        (HostData::I64(_), _) => {
            let power = floats(base)?.zip_numbers(exponent, f32::powf, |_, _| None)?;
            let whole = power.as_floats()?.iter().map(|&value| value as i64).collect();
            Some(HostTensor {
                shape: power.shape.clone(),
                data: HostData::I64(whole),
            })
        }
        _ => base.zip_numbers(&floats(exponent)?, f32::powf, |_, _| None),
    }
}

/// The remainder of a division. With `fmod` it has the sign of the dividend, otherwise that of the
/// divisor.
fn mod_(cx: &mut Lowerer, node: &ModNode) -> Lowering<Value> {
    let values = [cx.value(&node.inputs[0])?, cx.value(&node.inputs[1])?];
    let dtype = element_type(&node.inputs[0]);
    match (values.iter().any(Value::is_integers), node.config.fmod) {
        (true, false) => cx.integer_binary(Dispatch::int_remainder, values, dtype),
        (true, true) => cx.integer_binary(
            |a, b| {
                let quotient = Dispatch::int_div(a.clone(), b.clone());
                Dispatch::int_sub(a, Dispatch::int_mul(quotient, b))
            },
            values,
            dtype,
        ),
        (false, true) => {
            let ([a, b], shape) = cx.broadcast_together(values)?;
            let (a, b) = (cx.device_floats(a)?, cx.device_floats(b)?);
            let op = Op::Binary(|a, b| {
                let quotient = Dispatch::float_trunc(Dispatch::float_div(a.clone(), b.clone()));
                Dispatch::float_sub(a, Dispatch::float_mul(quotient, b))
            });
            Ok(cx.emit_floats(op, &[&a, &b], shape))
        }
        (false, false) => {
            let shapes = values.each_ref().map(|value| value.shape().to_vec());
            Err(Unsupported::new(format!("floats of shapes {shapes:?} without fmod")))
        }
    }
}

fn fold_mod(_: &Lowerer, node: &Node, inputs: &[HostTensor]) -> Option<HostTensor> {
    let Node::Mod(node) = node else { return None };
    fold_pair(inputs, |a, b| match node.config.fmod {
        true => a.zip_numbers(b, |a, b| a % b, i64::checked_rem),
        false => a.zip_numbers(b, floored_remainder, floored_integer_remainder),
    })
}

/// The remainder with the sign of the divisor.
fn floored_remainder(a: f32, b: f32) -> f32 {
    a - b * (a / b).floor()
}

/// The remainder with the sign of the divisor. `None` for a divisor of 0.
fn floored_integer_remainder(a: i64, b: i64) -> Option<i64> {
    let rest = a.checked_rem(b)?;
    if rest != 0 && (rest < 0) != (b < 0) {
        rest.checked_add(b)
    } else {
        Some(rest)
    }
}
