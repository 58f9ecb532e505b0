//! Operators that onnx-ir does not read, and those it reads only in part: see `dialect`.

use burn_backend::ops::{FloatTensorOps, PadMode};
use burn_dispatch::Dispatch;
use burn_tensor::DType as Onnx;
use onnx_ir::node::custom::CustomNode;

use super::elementwise::Extreme;
use super::movement::{resolve_axes, shape_of};
use super::scatter::Update;
use super::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::dialect::DOMAIN;
use crate::host::{HostData, HostTensor};
use crate::plan::{IntegerOp, Movement, Op};

impl Lowerer {
    pub(super) fn custom(&mut self, node: &CustomNode) -> Lowering<Vec<Value>> {
        if node.domain != DOMAIN {
            return Err(Unsupported::Operator);
        }
        let value = match node.op_type.as_str() {
            "Dropout" => {
                let training = self.host(&node.inputs[2])?;
                if training.as_scalar() != Some(0.0) {
                    return Err(Unsupported::new("training"));
                }
                return self.kept(&node.inputs[0], node.outputs.get(1));
            }
            "AffineGrid" => self.affine_grid(node)?,
            "CenterCropPad" => self.center_crop_pad(node)?,
            "DynamicQuantizeLinear" => return self.quantized_by_range(node),
            "Max" => self.extreme(Extreme::Max, &node.inputs)?,
            "Min" => self.extreme(Extreme::Min, &node.inputs)?,
            "QLinearMatMul" => self.quantized_product(node)?,
            "Resize" => self.resize_custom(node)?,
            "Scatter" => {
                let axis = node.attrs.get_i64("axis").unwrap_or(0);
                let rank = shape_of(&self.value(&node.inputs[0])?).len();
                let axis = resolve_axes(&[axis], rank)?.first().copied().unwrap_or(0);
                self.scatter_elements(&node.inputs, axis, Update::Replace)?
            }
            _ => return Err(Unsupported::Operator),
        };
        Ok(vec![value])
    }

    /// theta [n, k, k + 1], sizes n, c, d.., -> the positions that it moves those of an image or a volume to: [n, d.., k].
    fn affine_grid(&mut self, node: &CustomNode) -> Lowering<Value> {
        let theta = self.floats(&node.inputs[0])?;
        let sizes = self.host_integers(&node.inputs[1])?;
        let refused = || {
            Unsupported::new(format!(
                "sizes {sizes:?} with transformations of shape {:?}",
                theta.shape
            ))
        };
        let sizes: Vec<usize> = sizes
            .iter()
            .map(|&size| usize::try_from(size).ok().filter(|&size| size > 0))
            .collect::<Option<_>>()
            .ok_or_else(refused)?;
        let (&[n, rows, columns], [_, _, positions @ ..]) = (theta.shape.as_slice(), sizes.as_slice()) else {
            return Err(refused());
        };
        if rows != positions.len() || columns != rows + 1 {
            return Err(refused());
        }
        let aligned = node.attrs.get_i64("align_corners").unwrap_or(0) != 0;
        let count: usize = positions.iter().product();
        let mut points = Vec::with_capacity(count * columns);
        for flat in 0..count {
            let mut rest = flat;
            // The last dimension comes first.
            for &size in positions.iter().rev() {
                let (index, size_f) = ((rest % size) as f32, size as f32);
                rest /= size;
                points.push(match (aligned, size) {
                    (true, 1) => -1.0,
                    (true, _) => -1.0 + 2.0 * index / (size_f - 1.0),
                    (false, _) => (2.0 * index + 1.0) / size_f - 1.0,
                });
            }
            points.push(1.0);
        }
        let points = self.constant(HostTensor {
            shape: vec![1, count, columns],
            data: HostData::F32(points),
        });
        let op = Op::Move(Movement::Permute(vec![0, 2, 1]));
        let turned = self.computed(op, &[&theta], vec![n, columns, rows]);
        let moved = self.computed(Op::MatMul, &[&points, &turned], vec![n, count, rows]);
        Ok(Value::Device(self.viewed(&moved, [&[n], positions, &[rows]].concat())))
    }

    /// Cut or padded with 0 on both sides to a shape.
    fn center_crop_pad(&mut self, node: &CustomNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let wanted = self.host_integers(&node.inputs[1])?;
        let all: Vec<i64>;
        let axes = match node.attrs.get_i64s("axes") {
            Some(axes) => axes,
            None => {
                all = (0..i64::try_from(x.shape.len()).unwrap_or(i64::MAX)).collect();
                &all
            }
        };
        let axes = resolve_axes(axes, x.shape.len())?;
        if axes.len() != wanted.len() {
            return Err(Unsupported::new(format!(
                "shape {wanted:?} for {} dimensions",
                axes.len()
            )));
        }
        let mut ranges: Vec<crate::plan::Range> = super::index::ranges(&x.shape, &[])?;
        let mut before_after = vec![(0, 0); x.shape.len()];
        let mut shape = x.shape.clone();
        for (&axis, &wanted) in axes.iter().zip(&wanted) {
            let wanted = usize::try_from(wanted).map_err(|_| Unsupported::new(format!("a size of {wanted}")))?;
            let size = x.shape[axis];
            shape[axis] = wanted;
            if wanted < size {
                let start = (size - wanted) / 2;
                (ranges[axis].start, ranges[axis].end) = (start, start + wanted);
            } else {
                let more = wanted - size;
                before_after[axis] = (more / 2, more - more / 2);
            }
        }
        let cut: Vec<usize> = ranges.iter().map(crate::plan::Range::len).collect();
        let cut = self.computed(Op::Move(Movement::Slice(ranges)), &[&x], cut);
        let mode = PadMode::Constant(0.0);
        Ok(self.step(Op::Pad { before_after, mode }, &[&cut], shape))
    }

    /// x as 8 bits, with the scale and the zero point that its range asks for.
    fn quantized_by_range(&mut self, node: &CustomNode) -> Lowering<Vec<Value>> {
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
    fn quantized_product(&mut self, node: &CustomNode) -> Lowering<Value> {
        let centred = |this: &mut Self, first: usize| -> Lowering<(DeviceValue, DeviceValue)> {
            let dtype = Onnx::I32;
            let values = [this.value(&node.inputs[first])?, this.value(&node.inputs[first + 2])?];
            let centred = this.binary_of_integers(super::elementwise::Binary::Sub, values, dtype)?;
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
        let signed = node.inputs[7].ty.elem_type() == Onnx::I8;
        let zero = self.integers(y_zero)?;
        let zero = self.computed(Op::Integers(IntegerOp::ToFloats), &[&zero], zero.shape.clone());
        let zero = self.viewed(&zero, ones);
        let shifted = self.computed(Op::Add, &[&whole, &zero], shape);
        let (least, most) = if signed { (-128.0, 127.0) } else { (0.0, 255.0) };
        let y = self.rounded_to(&shifted, least, most);
        Ok(Value::Integers(self.computed(
            Op::FloatsToIntegers,
            &[&y],
            y.shape.clone(),
        )))
    }

    /// a [.., m, k] times b [.., k, n] of integers.
    pub(super) fn product_of_integers(&mut self, a: &DeviceValue, b: &DeviceValue) -> Lowering<DeviceValue> {
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
        let op = Op::Integers(IntegerOp::Combine(
            <Dispatch as burn_backend::ops::IntTensorOps<Dispatch>>::int_matmul,
        ));
        Ok(self.computed(op, &[a, b], shape))
    }

    fn rounded_to(&mut self, x: &DeviceValue, least: f64, most: f64) -> DeviceValue {
        let whole = self.same(Op::Apply(Dispatch::float_round), x);
        let (min, max) = (Some(least), Some(most));
        self.same(Op::Clamp { min, max }, &whole)
    }

    /// Integers of 8 bits, less their zero points, multiplied.
    pub(super) fn integer_matmul(&mut self, inputs: &[onnx_ir::Argument]) -> Lowering<Value> {
        let mut operands = Vec::with_capacity(2);
        for position in 0..2 {
            let value = self.value(&inputs[position])?;
            let value = match self.optional(inputs.get(position + 2))? {
                None => value,
                Some(zero) if shape_of(&zero).iter().product::<usize>() == 1 => {
                    self.binary_of_integers(super::elementwise::Binary::Sub, [value, zero], Onnx::I32)?
                }
                Some(_) => return Err(Unsupported::new("a zero point for each row")),
            };
            operands.push(self.integers(value)?);
        }
        self.product_of_integers(&operands[0], &operands[1])
            .map(Value::Integers)
    }
}
