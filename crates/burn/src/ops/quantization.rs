//! Numbers of 8 bits with a scale and a zero point.

use burn_backend::ops::{FloatTensorOps, IntTensorOps};
use burn_dispatch::Dispatch;
use burn_tensor::DType as Onnx;
use onnx_ir::Argument;
use onnx_ir::node::custom::CustomNode;
use onnx_ir::node::dequantize_linear::DequantizeLinearNode;
use onnx_ir::node::quantize_linear::QuantizeLinearNode;

use crate::lower::element_types::element_type;
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::elementwise::Binary;
use crate::ops::layout::shape_of;
use crate::runtime::program::{IntegerOp, Op};

/// What 8 bits hold.
fn bounds(dtype: Onnx) -> Lowering<(f64, f64)> {
    match dtype {
        Onnx::U8 => Ok((0.0, 255.0)),
        Onnx::I8 => Ok((-128.0, 127.0)),
        other => Err(Unsupported::new(format!("quantisation to {other:?}"))),
    }
}

impl Lowerer {
    /// round(x / scale) + zero point, held to what the type has.
    pub(crate) fn quantize_linear(&mut self, node: &QuantizeLinearNode) -> Lowering<Value> {
        let config = &node.config;
        if config.block_size.is_some_and(|size| size != 0) {
            return Err(Unsupported::new("quantisation in blocks"));
        }
        let x = self.floats(&node.inputs[0])?;
        let scale = self.floats(&node.inputs[1])?;
        let scale = self.along(&scale, config.axis, x.shape.len())?;
        let zero = self.optional(node.inputs.get(2))?;
        let dtype = match (&zero, node.inputs.get(2)) {
            (Some(_), Some(input)) => element_type(input),
            _ => config.output_dtype.unwrap_or(Onnx::U8),
        };
        let (least, most) = bounds(dtype)?;
        let scaled = self.computed(Op::Div, &[&x, &scale], x.shape.clone());
        let mut whole = self.same(Op::Apply(Dispatch::float_round), &scaled);
        if let Some(zero) = zero {
            let zero = self.as_floats(zero)?;
            let zero = self.along(&zero, config.axis, x.shape.len())?;
            whole = self.computed(Op::Add, &[&whole, &zero], x.shape.clone());
        }
        let y = self.rounded_to(&whole, least, most);
        Ok(Value::Integers(self.computed(Op::FloatsToIntegers, &[&y], x.shape)))
    }

    /// (x - zero point) scale.
    pub(crate) fn dequantize_linear(&mut self, node: &DequantizeLinearNode) -> Lowering<Value> {
        let config = &node.config;
        if config.block_size.is_some_and(|size| size != 0) {
            return Err(Unsupported::new("quantisation in blocks"));
        }
        let x = self.value(&node.inputs[0])?;
        let x = self.as_floats(x)?;
        let scale = self.floats(&node.inputs[1])?;
        let scale = self.along(&scale, config.axis, x.shape.len())?;
        let mut centred = x;
        if let Some(zero) = self.optional(node.inputs.get(2))? {
            let zero = self.as_floats(zero)?;
            let zero = self.along(&zero, config.axis, centred.shape.len())?;
            centred = self.computed(Op::Sub, &[&centred, &zero], centred.shape.clone());
        }
        Ok(self.step(Op::Mul, &[&centred, &scale], centred.shape.clone()))
    }

    /// One number, or one for each position of a dimension (the second unless said), to meet values of that rank.
    fn along(&mut self, x: &DeviceValue, axis: Option<i64>, rank: usize) -> Lowering<DeviceValue> {
        let mut shape = vec![1; rank.max(1)];
        match *x.shape.as_slice() {
            [] | [1] => {}
            [size] => {
                let axis = crate::ops::layout::resolve_axes(&[axis.unwrap_or(1)], rank)?;
                shape[axis.first().copied().unwrap_or(0)] = size;
            }
            _ => return Err(Unsupported::new(format!("a scale of shape {:?}", x.shape))),
        }
        Ok(self.viewed(x, shape))
    }

    /// x as 8 bits, with the scale and the zero point that its range asks for.
    pub(crate) fn quantized_by_range(&mut self, node: &CustomNode) -> Lowering<Vec<Value>> {
        let x = self.floats(&node.inputs[0])?;
        let count = x.shape.iter().product();
        let flat = self.viewed(&x, vec![count]);
        let one = || vec![1];
        let smallest = self.computed(Op::MinDim(0), &[&flat], one());
        let smallest = self.same(
            Op::Clamp {
                min: None,
                max: Some(0.0),
            },
            &smallest,
        );
        let largest = self.computed(Op::MaxDim(0), &[&flat], one());
        let largest = self.same(
            Op::Clamp {
                min: Some(0.0),
                max: None,
            },
            &largest,
        );
        let range = self.both(Op::Sub, &largest, &smallest);
        let scale = self.same(Op::MulScalar(1.0 / 255.0), &range);
        let steps = self.both(Op::Div, &smallest, &scale);
        let negated = self.same(Op::MulScalar(-1.0), &steps);
        let zero = self.rounded_to(&negated, 0.0, 255.0);
        let scaled = self.computed(Op::Div, &[&flat, &scale], vec![count]);
        let whole = self.same(Op::Apply(Dispatch::float_round), &scaled);
        let shifted = self.computed(Op::Add, &[&whole, &zero], vec![count]);
        let y = self.rounded_to(&shifted, 0.0, 255.0);
        let y = self.computed(Op::FloatsToIntegers, &[&y], y.shape.clone());
        let zero = self.computed(Op::FloatsToIntegers, &[&zero], one());
        Ok(vec![
            self.reshaped(Value::Integers(y), x.shape),
            self.reshaped(Value::Device(scale), vec![]),
            self.reshaped(Value::Integers(zero), vec![]),
        ])
    }

    /// a and b of 8 bits, each with its scale and zero point; then those of the product.
    pub(crate) fn quantized_product(&mut self, node: &CustomNode) -> Lowering<Value> {
        let centred = |this: &mut Self, first: usize| -> Lowering<(DeviceValue, DeviceValue)> {
            let dtype = Onnx::I32;
            let values = [this.value(&node.inputs[first])?, this.value(&node.inputs[first + 2])?];
            let centred = this.binary_of_integers(Binary::Sub, values, dtype)?;
            Ok((this.integers(centred)?, this.floats(&node.inputs[first + 1])?))
        };
        let ((a, a_scale), (b, b_scale)) = (centred(self, 0)?, centred(self, 3)?);
        let (y_scale, y_zero) = (self.floats(&node.inputs[6])?, self.value(&node.inputs[7])?);
        if [&a_scale, &b_scale, &y_scale]
            .iter()
            .any(|scale| scale.shape.iter().product::<usize>() != 1)
        {
            return Err(Unsupported::new("a scale for each row"));
        }
        let product = self.product_of_integers(&a, &b)?;
        let shape = product.shape.clone();
        let floats = self.computed(Op::Integers(IntegerOp::ToFloats), &[&product], shape.clone());
        let ones = vec![1; shape.len()];
        let [a_scale, b_scale, y_scale] = [a_scale, b_scale, y_scale].map(|scale| self.viewed(&scale, ones.clone()));
        let scale = self.both(Op::Mul, &a_scale, &b_scale);
        let scale = self.both(Op::Div, &scale, &y_scale);
        let scaled = self.computed(Op::Mul, &[&floats, &scale], shape.clone());
        let whole = self.same(Op::Apply(Dispatch::float_round), &scaled);
        let (least, most) = bounds(element_type(&node.inputs[7]))?;
        let zero = self.integers(y_zero)?;
        let zero = self.computed(Op::Integers(IntegerOp::ToFloats), &[&zero], zero.shape.clone());
        let zero = self.viewed(&zero, ones);
        let shifted = self.computed(Op::Add, &[&whole, &zero], shape);
        let y = self.rounded_to(&shifted, least, most);
        Ok(Value::Integers(self.computed(
            Op::FloatsToIntegers,
            &[&y],
            y.shape.clone(),
        )))
    }

    /// a [.., m, k] times b [.., k, n] of integers.
    pub(crate) fn product_of_integers(&mut self, a: &DeviceValue, b: &DeviceValue) -> Lowering<DeviceValue> {
        let refused = || Unsupported::new(format!("a product of shapes {:?} and {:?}", a.shape, b.shape));
        let (Some((matrix_a, batch_a)), Some((matrix_b, batch_b))) = (
            a.shape.split_last_chunk::<2>().map(|(x, y)| (y, x)),
            b.shape.split_last_chunk::<2>().map(|(x, y)| (y, x)),
        ) else {
            return Err(refused());
        };
        if matrix_a[1] != matrix_b[0] || batch_a != batch_b {
            return Err(refused());
        }
        let shape = [batch_a, &[matrix_a[0], matrix_b[1]]].concat();
        let op = Op::Integers(IntegerOp::Combine(Dispatch::int_matmul));
        Ok(self.computed(op, &[a, b], shape))
    }

    fn rounded_to(&mut self, x: &DeviceValue, least: f64, most: f64) -> DeviceValue {
        let whole = self.same(Op::Apply(Dispatch::float_round), x);
        let (min, max) = (Some(least), Some(most));
        self.same(Op::Clamp { min, max }, &whole)
    }

    /// Integers of 8 bits, less their zero points, multiplied.
    pub(crate) fn integer_matmul(&mut self, inputs: &[Argument]) -> Lowering<Value> {
        let mut operands = Vec::with_capacity(2);
        for position in 0..2 {
            let value = self.value(&inputs[position])?;
            let value = match self.optional(inputs.get(position + 2))? {
                None => value,
                Some(zero) if shape_of(&zero).iter().product::<usize>() == 1 => {
                    self.binary_of_integers(Binary::Sub, [value, zero], Onnx::I32)?
                }
                Some(_) => return Err(Unsupported::new("a zero point for each row")),
            };
            operands.push(self.integers(value)?);
        }
        self.product_of_integers(&operands[0], &operands[1])
            .map(Value::Integers)
    }
}
