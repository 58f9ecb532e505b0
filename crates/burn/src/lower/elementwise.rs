//! Element by element, and matrix products.

use burn_backend::ops::FloatTensorOps;
use burn_dispatch::Dispatch;
use onnx_ir::Argument;
use onnx_ir::node::clip::{ClipInput, ClipNode};
use onnx_ir::node::gemm::GemmNode;
use onnx_ir::node::linear::LinearNode;
use onnx_ir::node::matmul::MatMulNode;

use super::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::host::{HostData, HostTensor, broadcast};
use crate::plan::Op;

/// Weights of more elements are transposed on the device, which a second copy on the host would be too large for.
const TRANSPOSED_ON_HOST: usize = 1 << 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extreme {
    Max,
    Min,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
}

impl Lowerer {
    pub(super) fn unary(&mut self, op: Op, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        Ok(self.step(op, &[&x], x.shape.clone()))
    }

    pub(super) fn binary(&mut self, kind: Binary, inputs: &[Argument]) -> Lowering<Value> {
        let (a, b) = (self.value(&inputs[0])?, self.value(&inputs[1])?);
        match (&a, &b) {
            (Value::Host(a), Value::Host(b)) => return fold(kind, a, b).map(Value::Host),
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
            _ => {}
        }
        let (a, b) = (self.device(a)?, self.device(b)?);
        let shape = broadcast(&a.shape, &b.shape).ok_or_else(|| {
            Unsupported::new(format!(
                "shapes {:?} and {:?}, which do not broadcast",
                a.shape, b.shape
            ))
        })?;
        let (a, b) = (self.lifted(a, shape.len()), self.lifted(b, shape.len()));
        let op = match kind {
            Binary::Add => Op::Add,
            Binary::Sub => Op::Sub,
            Binary::Mul => Op::Mul,
            Binary::Div => Op::Div,
        };
        Ok(self.step(op, &[&a, &b], shape))
    }

    pub(super) fn hard_sigmoid(&mut self, alpha: f64, beta: f64, input: &Argument) -> Lowering<Value> {
        self.unary(Op::HardSigmoid { alpha, beta }, input)
    }

    /// x times its hard sigmoid: Howard et al., "Searching for MobileNetV3", 2019, section 5.2.
    pub(super) fn hard_swish(&mut self, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let op = Op::HardSigmoid {
            alpha: 1.0 / 6.0,
            beta: 0.5,
        };
        let share = self.computed(op, &[&x], x.shape.clone());
        Ok(self.step(Op::Mul, &[&x, &share], x.shape.clone()))
    }

    pub(super) fn power(&mut self, inputs: &[Argument]) -> Lowering<Value> {
        let x = self.floats(&inputs[0])?;
        let exponent = self.host(&inputs[1])?;
        let constant = exponent.as_scalar().filter(|_| fits_scalar(&exponent, &x.shape));
        let constant = constant.ok_or_else(|| Unsupported::new("an exponent that is not one number"))?;
        Ok(self.step(Op::Power(constant), &[&x], x.shape.clone()))
    }

    /// The larger or smaller of several values, element by element.
    pub(super) fn extreme(&mut self, kind: Extreme, inputs: &[Argument]) -> Lowering<Value> {
        // Most often one value is held to a bound, which burn does in one operation.
        if let Ok(value) = self.bounded(kind, inputs) {
            return Ok(value);
        }
        let compare = match kind {
            Extreme::Max => Dispatch::float_greater,
            Extreme::Min => Dispatch::float_lower,
        };
        let mut values = Vec::with_capacity(inputs.len());
        for input in inputs {
            values.push(self.value(input)?);
        }
        let mut best: Option<DeviceValue> = None;
        for value in values {
            let value = self.not_integers(value)?;
            best = Some(match best {
                None => value,
                Some(best) => {
                    let first = self.compared_values(compare, [best.clone(), value.clone()])?;
                    let chosen = self.choose(first, best, value)?;
                    self.device(chosen)?
                }
            });
        }
        best.map(Value::Device).ok_or_else(|| Unsupported::new("no inputs"))
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
                value if computed.is_none() => computed = Some(self.device(value)?),
                _ => {
                    return Err(Unsupported::new(
                        "more than one input that is not a constant of one element",
                    ));
                }
            }
        }
        let x = computed.ok_or_else(|| Unsupported::new("constants alone"))?;
        if rank > x.shape.len().max(1) {
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
    pub(super) fn lifted(&mut self, x: DeviceValue, rank: usize) -> DeviceValue {
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
        self.computed(Op::Reshape(shape.clone()), &[&x], shape)
    }

    pub(super) fn clip(&mut self, node: &ClipNode) -> Lowering<Value> {
        let min = self.clip_bound(node.config.min.as_ref(), &node.inputs)?;
        let max = self.clip_bound(node.config.max.as_ref(), &node.inputs)?;
        // ONNX: where min is greater than max, every element becomes max.
        let min = match (min, max) {
            (Some(min), Some(max)) => Some(min.min(max)),
            _ => min,
        };
        self.unary(Op::Clamp { min, max }, &node.inputs[0])
    }

    fn clip_bound(&self, bound: Option<&ClipInput>, inputs: &[Argument]) -> Lowering<Option<f64>> {
        match bound {
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

    pub(super) fn cast(&mut self, to: burn_tensor::DType, input: &Argument) -> Lowering<Value> {
        match self.value(input)? {
            Value::Host(host) => {
                let data = match (host.data, to) {
                    (HostData::F32(values), to) if to.is_float() => HostData::F32(values),
                    (HostData::I64(values), to) if to.is_int() => HostData::I64(values),
                    (HostData::I64(values), to) if to.is_float() => {
                        HostData::F32(values.into_iter().map(|value| value as f32).collect())
                    }
                    #[allow(clippy::cast_possible_truncation, reason = "ONNX Cast truncates")]
                    (HostData::F32(values), to) if to.is_int() => {
                        HostData::I64(values.into_iter().map(|value| value as i64).collect())
                    }
                    (HostData::Bool(values), to) if to.is_int() => {
                        HostData::I64(values.into_iter().map(i64::from).collect())
                    }
                    _ => return Err(Unsupported::new(format!("a cast to {to:?}"))),
                };
                Ok(Value::Host(HostTensor {
                    shape: host.shape,
                    data,
                }))
            }
            // All device values are f32.
            Value::Device(device) if to == burn_tensor::DType::F32 => Ok(Value::Device(device)),
            Value::Device(device) if to.is_bool() => Ok(self.as_truths(&device)),
            Value::Truths(device) if to == burn_tensor::DType::F32 => Ok(Value::Device(device)),
            Value::Truths(device) if to.is_bool() => Ok(Value::Truths(device)),
            Value::Truths(_) => Err(Unsupported::new(format!(
                "a cast from truth values to {to:?} while the model runs"
            ))),
            Value::Device(_) => Err(Unsupported::new(format!(
                "a cast from F32 to {to:?} while the model runs"
            ))),
            Value::Integers(device) if to == burn_tensor::DType::F32 => {
                Ok(self.step(Op::IntegersToFloats, &[&device], device.shape.clone()))
            }
            // i64 and i32 are one type here.
            Value::Integers(device) if matches!(to, burn_tensor::DType::I64 | burn_tensor::DType::I32) => {
                Ok(Value::Integers(device))
            }
            Value::Integers(_) => Err(Unsupported::new(format!(
                "a cast from integers to {to:?} while the model runs"
            ))),
        }
    }

    pub(super) fn linear(&mut self, node: &LinearNode) -> Lowering<Value> {
        let x = self.value(&node.inputs[0])?;
        let weight = self.value(&node.inputs[1])?;
        let bias = self.optional(node.inputs.get(2))?;
        self.product(x, weight, node.config.transpose_weight, bias)
    }

    pub(super) fn gemm(&mut self, node: &GemmNode) -> Lowering<Value> {
        let config = &node.config;
        let x = self.value(&node.inputs[0])?;
        let x = if config.trans_a == 0 {
            x
        } else {
            self.matrix_transposed(x)?
        };
        let weight = self.value(&node.inputs[1])?;
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
            [rows, columns] => Ok(self.step(Op::Permute(vec![1, 0]), &[&x], vec![columns, rows])),
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
                    self.computed(Op::Permute(vec![1, 0]), &[&weight], shape)
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

    pub(super) fn matmul(&mut self, node: &MatMulNode) -> Lowering<Value> {
        let (a, b) = (self.floats(&node.inputs[0])?, self.floats(&node.inputs[1])?);
        if a.shape.len() < 2 || b.shape.len() < 2 {
            return Err(Unsupported::new(format!(
                "a product of shapes {:?} and {:?}",
                a.shape, b.shape
            )));
        }
        let (batch_a, matrix_a) = a.shape.split_at(a.shape.len() - 2);
        let (batch_b, matrix_b) = b.shape.split_at(b.shape.len() - 2);
        let shape = broadcast(batch_a, batch_b)
            .filter(|_| matrix_a[1] == matrix_b[0])
            .map(|mut shape| {
                shape.extend([matrix_a[0], matrix_b[1]]);
                shape
            })
            .ok_or_else(|| Unsupported::new(format!("a product of shapes {:?} and {:?}", a.shape, b.shape)))?;
        let (a, b) = (self.lifted(a.clone(), shape.len()), self.lifted(b.clone(), shape.len()));
        Ok(self.step(Op::MatMul, &[&a, &b], shape))
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
    scalar.len() == 1 && scalar.shape.len() <= shape.len().max(1)
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
