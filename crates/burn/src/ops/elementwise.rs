//! Element by element, and matrix products.

use burn_backend::ops::{FloatTensorOps, IntTensorOps};
use burn_dispatch::Dispatch;
use burn_tensor::DType as Onnx;
use onnx_ir::Argument;
use onnx_ir::node::clip::{ClipInput, ClipNode};
use onnx_ir::node::gemm::GemmNode;
use onnx_ir::node::linear::LinearNode;
use onnx_ir::node::matmul::MatMulNode;

use crate::lower::element_types::element_type;
use crate::lower::host_tensor::{HostTensor, broadcast};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::integers::are_integers;
use crate::ops::logical::{GREATER, LESS, do_not_broadcast};
use crate::runtime::program::{IntegerOp, Movement, Op};

/// Weights of more elements are transposed on the device, which a second copy on the host would be too large for.
const TRANSPOSED_ON_HOST: usize = 1 << 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extreme {
    Max,
    Min,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
}

impl Lowerer {
    pub(crate) fn unary(&mut self, op: Op, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        Ok(self.step(op, &[&x], x.shape.clone()))
    }

    pub(crate) fn binary(&mut self, kind: Binary, inputs: &[Argument]) -> Lowering<Value> {
        let (a, b) = (self.value(&inputs[0])?, self.value(&inputs[1])?);
        match (&a, &b) {
            (Value::Host(a), Value::Host(b)) => return fold(kind, a, b).map(Value::Host),
            (Value::Device(x), Value::Host(scalar)) if fits_scalar(scalar, &x.shape) && is_neutral(kind, scalar) => {
                return Ok(Value::Device(x.clone()));
            }
            (Value::Device(a), Value::Host(scalar)) if fits_scalar(scalar, &a.shape) => {
                if let Some(op) = scalar.as_scalar().and_then(|value| scalar_op(kind, value)) {
                    return Ok(self.step(op, &[a], a.shape.clone()));
                }
            }
            (Value::Host(scalar), Value::Device(b)) if fits_scalar(scalar, &b.shape) => {
                let commutes = matches!(kind, Binary::Add | Binary::Mul);
                if let Some(op) = scalar
                    .as_scalar()
                    .filter(|_| commutes)
                    .and_then(|value| scalar_op(kind, value))
                {
                    return Ok(self.step(op, &[b], b.shape.clone()));
                }
            }
            (Value::Integers(_), _) | (_, Value::Integers(_)) => {
                return self.binary_of_integers(kind, [a, b], element_type(&inputs[0]));
            }
            _ => {}
        }
        let (a, b) = (self.device(a)?, self.device(b)?);
        let shape = broadcast(&a.shape, &b.shape).ok_or_else(|| do_not_broadcast(&a.shape, &b.shape))?;
        let (a, b) = (self.lifted(a, shape.len()), self.lifted(b, shape.len()));
        let op = match kind {
            Binary::Add => Op::Add,
            Binary::Sub => Op::Sub,
            Binary::Mul => Op::Mul,
            Binary::Div => Op::Div,
        };
        Ok(self.step(op, &[&a, &b], shape))
    }

    pub(crate) fn hard_sigmoid(&mut self, alpha: f64, beta: f64, input: &Argument) -> Lowering<Value> {
        self.unary(Op::HardSigmoid { alpha, beta }, input)
    }

    /// x times its hard sigmoid: Howard et al., "Searching for MobileNetV3", 2019, section 5.2.
    pub(crate) fn hard_swish(&mut self, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let op = Op::HardSigmoid {
            alpha: 1.0 / 6.0,
            beta: 0.5,
        };
        let share = self.computed(op, &[&x], x.shape.clone());
        Ok(self.step(Op::Mul, &[&x, &share], x.shape.clone()))
    }

    pub(crate) fn power(&mut self, inputs: &[Argument]) -> Lowering<Value> {
        let (x, exponent) = (self.value(&inputs[0])?, self.value(&inputs[1])?);
        if let (Value::Device(x), Value::Host(host)) = (&x, &exponent)
            && let Some(constant) = host.as_scalar().filter(|_| fits_scalar(host, &x.shape))
        {
            return Ok(self.step(Op::Power(constant), &[x], x.shape.clone()));
        }
        let dtype = element_type(&inputs[0]);
        if are_integers(&x) && are_integers(&exponent) {
            return self.combined(Dispatch::int_powi, [x, exponent], dtype);
        }
        let integers = are_integers(&x);
        let ([x, exponent], shape) = self.alike([x, exponent])?;
        let (x, exponent) = (self.as_floats(x)?, self.as_floats(exponent)?);
        let power = self.computed(Op::Combine(Dispatch::float_powf), &[&x, &exponent], shape.clone());
        if !integers {
            return Ok(Value::Device(power));
        }
        // ONNX: the result has the type of the base.
        let whole = self.computed(Op::FloatsToIntegers, &[&power], shape);
        Ok(Value::Integers(self.within(whole, dtype)))
    }

    /// The value on the device as `f32`, converted if it is integers.
    pub(crate) fn as_floats(&mut self, value: Value) -> Lowering<DeviceValue> {
        match value {
            Value::Integers(x) => Ok(self.computed(Op::Integers(IntegerOp::ToFloats), &[&x], x.shape.clone())),
            other => self.device(other),
        }
    }

    /// The larger or smaller of several values, element by element.
    pub(crate) fn extreme(&mut self, kind: Extreme, inputs: &[Argument]) -> Lowering<Value> {
        // Most often one value is held to a bound, which burn does in one operation.
        if let Ok(value) = self.bounded(kind, inputs) {
            return Ok(value);
        }
        let comparison = match kind {
            Extreme::Max => &GREATER,
            Extreme::Min => &LESS,
        };
        let mut best: Option<Value> = None;
        for input in inputs {
            let value = self.value(input)?;
            best = Some(match best {
                None => value,
                Some(best) => self.preferred(comparison, best, value)?,
            });
        }
        best.ok_or_else(|| Unsupported::new("no inputs"))
    }

    /// The larger or smaller of one value and constants of one element.
    fn bounded(&mut self, kind: Extreme, inputs: &[Argument]) -> Lowering<Value> {
        let (mut computed, mut bound, mut rank) = (None, None, 0);
        for input in inputs {
            match self.value(input)? {
                Value::Host(host) if host.len() == 1 => {
                    rank = rank.max(host.shape.len());
                    let value = host.as_scalar().unwrap_or(f64::NAN);
                    bound = Some(bound.map_or(value, |bound: f64| match kind {
                        Extreme::Max => bound.max(value),
                        Extreme::Min => bound.min(value),
                    }));
                }
                Value::Device(x) if computed.is_none() => computed = Some(x),
                _ => {
                    return Err(Unsupported::new(
                        "more than one input that is not a constant of one element",
                    ));
                }
            }
        }
        let x = computed.ok_or_else(|| Unsupported::new("constants alone"))?;
        if rank > x.shape.len() {
            return Err(Unsupported::new(format!(
                "a constant of {rank} dimensions beside shape {:?}",
                x.shape
            )));
        }
        let (min, max) = match kind {
            Extreme::Max => (bound, None),
            Extreme::Min => (None, bound),
        };
        Ok(self.step(Op::Clamp { min, max }, &[&x], x.shape.clone()))
    }

    /// burn's operations take operands of equal rank: adds leading dimensions of size 1.
    pub(crate) fn lifted(&mut self, x: DeviceValue, rank: usize) -> DeviceValue {
        // A scalar is stored with one dimension.
        let stored = x.shape.len().max(1);
        if stored >= rank {
            return x;
        }
        let mut shape = vec![1; rank - x.shape.len()];
        shape.extend_from_slice(&x.shape);
        if let Some(constant) = self.constant_mut(x.slot) {
            constant.shape.clone_from(&shape);
            return DeviceValue { slot: x.slot, shape };
        }
        self.computed(Op::Move(Movement::Reshape(shape.clone())), &[&x], shape)
    }

    pub(crate) fn clip(&mut self, node: &ClipNode) -> Lowering<Value> {
        let min = self.clip_bound(node.config.min.as_ref(), &node.inputs)?;
        let max = self.clip_bound(node.config.max.as_ref(), &node.inputs)?;
        // ONNX: where min is greater than max, every element becomes max.
        let min = match (min, max) {
            (Some(min), Some(max)) => Some(min.min(max)),
            _ => min,
        };
        let Value::Integers(x) = self.value(&node.inputs[0])? else {
            return self.unary(Op::Clamp { min, max }, &node.inputs[0]);
        };
        let shape = x.shape.clone();
        let mut clipped = x;
        let bounds: [(fn(_, _) -> _, _); 2] = [(Dispatch::int_clamp_min, min), (Dispatch::int_clamp_max, max)];
        for (clamp, bound) in bounds {
            #[allow(clippy::cast_possible_truncation, reason = "saturates at what integers can be here")]
            if let Some(bound) = bound {
                let op = Op::Integers(IntegerOp::WithNumber(clamp, bound as i32));
                clipped = self.computed(op, &[&clipped], shape.clone());
            }
        }
        Ok(Value::Integers(clipped))
    }

    pub(crate) fn clip_bound(&self, bound: Option<&ClipInput>, inputs: &[Argument]) -> Lowering<Option<f64>> {
        match bound {
            // It loses bounds of some types.
            None if inputs
                .iter()
                .skip(1)
                .any(|input| !input.is_optional() && element_type(input) == Onnx::I16) =>
            {
                Err(Unsupported::new("bounds of 16 bits"))
            }
            None => Ok(None),
            Some(ClipInput::Static(value)) => Ok(Some(*value)),
            Some(ClipInput::Runtime(reference)) => {
                let argument = &inputs[reference.input_index];
                let host = self.host(argument)?;
                host.as_scalar()
                    .map(Some)
                    .ok_or_else(|| Unsupported::new("a bound that is not one number"))
            }
        }
    }

    pub(crate) fn linear(&mut self, node: &LinearNode) -> Lowering<Value> {
        let x = self.value(&node.inputs[0])?;
        let weight = self.shared_or_own(&node.inputs[1])?;
        let bias = self.optional(node.inputs.get(2))?;
        self.product(x, weight, node.config.transpose_weight, bias)
    }

    pub(crate) fn gemm(&mut self, node: &GemmNode) -> Lowering<Value> {
        let config = &node.config;
        let x = self.value(&node.inputs[0])?;
        let x = if config.trans_a == 0 {
            x
        } else {
            self.matrix_transposed(x)?
        };
        let weight = self.shared_or_own(&node.inputs[1])?;
        let bias = self.optional(node.inputs.get(2))?;
        if config.alpha == 1.0 && config.beta == 1.0 {
            return self.product(x, weight, config.trans_b != 0, bias);
        }
        let product = self.product(x, weight, config.trans_b != 0, None)?;
        let product = self.then(product, Op::MulScalar(f64::from(config.alpha)))?;
        let Some(bias) = bias else { return Ok(product) };
        let bias = self.then(bias, Op::MulScalar(f64::from(config.beta)))?;
        let (product, bias) = (self.device(product)?, self.device(bias)?);
        let shape = product.shape.clone();
        let bias = self.lifted(bias, shape.len());
        Ok(self.step(Op::Add, &[&product, &bias], shape))
    }

    fn matrix_transposed(&mut self, x: Value) -> Lowering<Value> {
        let x = self.device(x)?;
        match *x.shape.as_slice() {
            [rows, columns] => Ok(self.step(Op::Move(Movement::Permute(vec![1, 0])), &[&x], vec![columns, rows])),
            _ => Err(Unsupported::new(format!("a matrix of shape {:?}", x.shape))),
        }
    }

    /// x [.., i] times weight [i, o], or [o, i] if `transposed`, plus bias [o].
    fn product(&mut self, x: Value, weight: Value, transposed: bool, bias: Option<Value>) -> Lowering<Value> {
        let x = self.device(x)?;
        let weight = match weight {
            Value::Host(host) if transposed && host.shape.len() == 2 && host.len() <= TRANSPOSED_ON_HOST => {
                self.constant(host.transposed(&[1, 0]))
            }
            other => {
                let weight = self.device(other)?;
                if transposed && weight.shape.len() == 2 {
                    let shape = vec![weight.shape[1], weight.shape[0]];
                    self.computed(Op::Move(Movement::Permute(vec![1, 0])), &[&weight], shape)
                } else {
                    weight
                }
            }
        };
        let (&[rows, columns], Some(&inner)) = (weight.shape.as_slice(), x.shape.last()) else {
            return Err(Unsupported::new(format!(
                "a product of shapes {:?} and {:?}",
                x.shape, weight.shape
            )));
        };
        if inner != rows {
            return Err(Unsupported::new(format!(
                "a product of shapes {:?} and {:?}",
                x.shape, weight.shape
            )));
        }
        let mut shape = x.shape.clone();
        if let Some(last) = shape.last_mut() {
            *last = columns;
        }
        match bias {
            None => Ok(self.step(Op::Linear, &[&x, &weight], shape)),
            Some(bias) => {
                let bias = self.device(bias)?;
                if bias.shape == [columns] {
                    return Ok(self.step(Op::Linear, &[&x, &weight, &bias], shape));
                }
                // Gemm's C may be any shape that broadcasts to the product.
                if broadcast(&bias.shape, &shape).as_ref() != Some(&shape) {
                    return Err(Unsupported::new(format!(
                        "a bias of shape {:?} for {shape:?}",
                        bias.shape
                    )));
                }
                let product = self.computed(Op::Linear, &[&x, &weight], shape.clone());
                let bias = self.lifted(bias, shape.len());
                Ok(self.step(Op::Add, &[&product, &bias], shape))
            }
        }
    }

    /// As numpy multiplies: a vector is a matrix of one row on the left, of one column on the right.
    pub(crate) fn matmul(&mut self, node: &MatMulNode) -> Lowering<Value> {
        let (a, b) = (self.floats(&node.inputs[0])?, self.floats(&node.inputs[1])?);
        let refused = || Unsupported::new(format!("a product of shapes {:?} and {:?}", a.shape, b.shape));
        let wide = |this: &mut Self, x: &DeviceValue, shape: Vec<usize>| {
            this.computed(Op::Move(Movement::Reshape(shape.clone())), &[x], shape)
        };
        let (left, right) = match (a.shape.as_slice(), b.shape.as_slice()) {
            ([], _) | (_, []) => return Err(refused()),
            (&[n], &[_]) => (wide(self, &a, vec![1, n]), wide(self, &b, vec![b.shape[0], 1])),
            (&[n], _) => (wide(self, &a, vec![1, n]), b.clone()),
            (_, &[n]) => (a.clone(), wide(self, &b, vec![n, 1])),
            _ => (a.clone(), b.clone()),
        };
        let (batch_a, matrix_a) = left.shape.split_at(left.shape.len() - 2);
        let (batch_b, matrix_b) = right.shape.split_at(right.shape.len() - 2);
        let shape = broadcast(batch_a, batch_b)
            .filter(|_| matrix_a[1] == matrix_b[0])
            .map(|mut shape| {
                shape.extend([matrix_a[0], matrix_b[1]]);
                shape
            })
            .ok_or_else(refused)?;
        let (left, right) = (
            self.lifted(left.clone(), shape.len()),
            self.lifted(right.clone(), shape.len()),
        );
        let product = self.step(Op::MatMul, &[&left, &right], shape.clone());
        let mut kept = shape;
        if b.shape.len() == 1 {
            kept.pop();
        }
        if a.shape.len() == 1 {
            kept.remove(kept.len() - usize::from(b.shape.len() != 1) - 1);
        }
        Ok(self.reshaped(product, kept))
    }
}

fn fold(kind: Binary, a: &HostTensor, b: &HostTensor) -> Lowering<HostTensor> {
    let folded = match kind {
        Binary::Add => a.zipped(b, |x, y| x + y, i64::checked_add),
        Binary::Sub => a.zipped(b, |x, y| x - y, i64::checked_sub),
        Binary::Mul => a.zipped(b, |x, y| x * y, i64::checked_mul),
        Binary::Div => a.zipped(b, |x, y| x / y, i64::checked_div),
    };
    folded.ok_or_else(|| {
        Unsupported::new(format!(
            "{kind:?} of constants of shapes {:?} and {:?}",
            a.shape, b.shape
        ))
    })
}

/// Whether the one element of `scalar` leaves a tensor of `shape` in its shape.
fn fits_scalar(scalar: &HostTensor, shape: &[usize]) -> bool {
    scalar.len() == 1 && scalar.shape.len() <= shape.len()
}

/// Whether an operation with it on the right leaves every value as it is.
fn is_neutral(kind: Binary, scalar: &HostTensor) -> bool {
    let neutral = match kind {
        Binary::Add | Binary::Sub => 0.0,
        Binary::Mul | Binary::Div => 1.0,
    };
    scalar.as_scalar() == Some(neutral)
}

fn scalar_op(kind: Binary, value: f64) -> Option<Op> {
    match kind {
        Binary::Add => Some(Op::AddScalar(value)),
        Binary::Sub => Some(Op::AddScalar(-value)),
        Binary::Mul => Some(Op::MulScalar(value)),
        // Multiplying by the reciprocal would round differently.
        Binary::Div => None,
    }
}
