//! Operators that onnx-ir does not read, and those it reads only in part: see `dialect`.

use burn_backend::ops::PadMode;
use onnx_ir::node::custom::CustomNode;
use onnx_ir::node::padding::AutoPad;

use crate::import::rewrite::DOMAIN;
use crate::lower::host_tensor::{HostData, HostTensor, element_count};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::elementwise::Extreme;
use crate::ops::layout::{resolve_axes, shape_of};
use crate::ops::scatter::Update;
use crate::ops::window::Sliding;
use crate::runtime::program::{Movement, Op};

/// Fewest inputs of the operators that need more than one: onnx-ir does not count those of a domain that it does not know.
const FEWEST_INPUTS: [(&str, usize); 8] = [
    ("AffineGrid", 2),
    ("CenterCropPad", 2),
    ("Col2Im", 3),
    ("Dropout", 3),
    ("MatMul", 2),
    ("MaxUnpool", 2),
    ("QLinearMatMul", 8),
    ("Scatter", 3),
];

impl Lowerer {
    pub(crate) fn custom(&mut self, node: &CustomNode) -> Lowering<Vec<Value>> {
        if node.domain != DOMAIN {
            return Err(Unsupported::Operator);
        }
        let fewest = FEWEST_INPUTS.iter().find(|(name, _)| *name == node.op_type);
        let fewest = fewest.map_or(1, |(_, fewest)| *fewest);
        if node.inputs.len() < fewest {
            return Err(Unsupported::new(format!(
                "{} inputs, expected {fewest},",
                node.inputs.len()
            )));
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
            "Col2Im" => self.columns_to_image(node)?,
            "DynamicQuantizeLinear" => return self.quantized_by_range(node),
            "LSTM" => return self.lstm_with_peepholes(node),
            "LpPool" => self.norm_pool(node)?,
            "MatMul" => self.dot(node)?,
            "MaxUnpool" => self.max_unpool(node)?,
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
        let mut ranges: Vec<crate::runtime::program::Range> = crate::ops::index::ranges(&x.shape, &[])?;
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
        let cut: Vec<usize> = ranges.iter().map(crate::runtime::program::Range::len).collect();
        let cut = self.computed(Op::Move(Movement::Slice(ranges)), &[&x], cut);
        let mode = PadMode::Constant(0.0);
        Ok(self.step(Op::Pad { before_after, mode }, &[&cut], shape))
    }

    /// The product of two vectors.
    fn dot(&mut self, node: &CustomNode) -> Lowering<Value> {
        let (a, b) = (self.floats(&node.inputs[0])?, self.floats(&node.inputs[1])?);
        if a.shape != b.shape {
            return Err(Unsupported::new(format!("shapes {:?} and {:?}", a.shape, b.shape)));
        }
        let products = self.both(Op::Mul, &a, &b);
        let sum = self.computed(Op::SumDim(0), &[&products], vec![1]);
        Ok(Value::Device(self.viewed(&sum, vec![])))
    }

    /// Every element at its position among zeros: x and positions [n, c, d..] -> [n, c, d'..].
    fn max_unpool(&mut self, node: &CustomNode) -> Lowering<Value> {
        if node.inputs.get(2).is_some_and(|input| !input.is_optional()) {
            return Err(Unsupported::new("an output shape"));
        }
        let x = self.floats(&node.inputs[0])?;
        let &[n, c, ref size @ ..] = x.shape.as_slice() else {
            return Err(Unsupported::new(format!("an input of shape {:?}", x.shape)));
        };
        let d = size.len();
        let kernel = numbers_of(node, "kernel_shape", d, None)?;
        let strides = numbers_of(node, "strides", d, Some(1))?;
        let pads = numbers_of(node, "pads", 2 * d, Some(0))?;
        if (0..d).any(|d| kernel[d] > strides[d]) {
            return Err(Unsupported::new(
                "windows that overlap, so that elements share a position",
            ));
        }
        let sizes: Option<Vec<usize>> = (0..d)
            .map(|d| {
                let reach = size[d]
                    .checked_sub(1)?
                    .checked_mul(strides[d])?
                    .checked_add(kernel[d])?;
                reach.checked_sub(pads[d])?.checked_sub(pads[d + size.len()])
            })
            .collect();
        let refused = || Unsupported::new(format!("strides {strides:?} with pads {pads:?}"));
        let shape = [&[n, c], sizes.ok_or_else(refused)?.as_slice()].concat();
        let total = element_count(&shape).ok_or_else(refused)?;
        let count = x.shape.iter().product();
        let at = self.value(&node.inputs[1])?;
        if shape_of(&at) != x.shape {
            return Err(Unsupported::new(format!("positions of shape {:?}", shape_of(&at))));
        }
        let at = self.positions(at, vec![count], total)?;
        let values = self.viewed(&x, vec![count]);
        let zero = Value::Host(HostTensor {
            shape: vec![1],
            data: HostData::F32(vec![0.0]),
        });
        let zeros = self.spread(zero, &[total])?;
        let zeros = self.device(zeros)?;
        let all = self.computed(Op::AddAt, &[&zeros, &at, &values], vec![total]);
        Ok(Value::Device(self.viewed(&all, shape)))
    }

    /// The p-norm of each window, over lines, images or volumes.
    fn norm_pool(&mut self, node: &CustomNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        match x.shape.len() {
            3 => self.norm_pool_of::<1>(node, &x),
            4 => self.norm_pool_of::<2>(node, &x),
            5 => self.norm_pool_of::<3>(node, &x),
            _ => Err(Unsupported::new(format!("an input of shape {:?}", x.shape))),
        }
    }

    fn norm_pool_of<const D: usize>(&mut self, node: &CustomNode, x: &DeviceValue) -> Lowering<Value> {
        let array = |name: &str, default: Option<usize>| -> Lowering<[usize; D]> {
            let numbers = numbers_of(node, name, D, default)?;
            Ok(std::array::from_fn(|d| numbers[d]))
        };
        let pads = numbers_of(node, "pads", 2 * D, Some(0))?;
        let padding = std::array::from_fn(|d| (pads[d], pads[d + D]));
        let auto = match node.attrs.get_string("auto_pad") {
            None | Some("NOTSET") => AutoPad::NotSet,
            Some("VALID") => AutoPad::Valid,
            Some("SAME_UPPER") => AutoPad::SameUpper,
            Some("SAME_LOWER") => AutoPad::SameLower,
            Some(other) => return Err(Unsupported::new(format!("automatic padding {other:?}"))),
        };
        let sliding = Sliding {
            kernel: array("kernel_shape", None)?,
            stride: array("strides", Some(1))?,
            dilation: array("dilations", Some(1))?,
            padding,
            ceil: node.attrs.get_i64("ceil_mode").unwrap_or(0) != 0,
        };
        // A number of another type in the first operator sets.
        let p = node.attrs.get_i64("p").map(|p| p as f64);
        let p = p.or_else(|| node.attrs.get_f32("p").map(f64::from)).unwrap_or(2.0);
        self.norms(x, &sliding, &auto, p).map(Value::Device)
    }
}

/// So many whole numbers of an attribute; all are the default where there is none.
pub(crate) fn numbers_of(node: &CustomNode, name: &str, count: usize, default: Option<usize>) -> Lowering<Vec<usize>> {
    let given = match (node.attrs.get_i64s(name), default) {
        (None, Some(default)) => Some(vec![default; count]),
        (None, None) => None,
        (Some(given), _) => given.iter().map(|&number| usize::try_from(number).ok()).collect(),
    };
    given.filter(|given| given.len() == count).ok_or_else(|| {
        Unsupported::new(format!(
            "{name} {:?}, expected {count} numbers",
            node.attrs.get_i64s(name)
        ))
    })
}
