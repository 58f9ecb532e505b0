//! Shapes, and moving elements without computing on them.

use burn_backend::ops::PadMode;
use onnx_ir::Argument;
use onnx_ir::node::concat::ConcatNode;
use onnx_ir::node::flatten::FlattenNode;
use onnx_ir::node::pad::{AxesInput, ConstantValueInput, PadInput, PadMode as OnnxPadMode, PadNode};
use onnx_ir::node::reshape::{ReshapeInput, ReshapeNode};
use onnx_ir::node::squeeze::{SqueezeInput, SqueezeNode};
use onnx_ir::node::transpose::TransposeNode;
use onnx_ir::node::unsqueeze::{UnsqueezeConfig, UnsqueezeNode};

use crate::lower::host_tensor::HostTensor;
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::runtime::program::{IntegerOp, Movement, Op};

impl Lowerer {
    pub(crate) fn reshape(&mut self, node: &ReshapeNode) -> Lowering<Value> {
        let wanted = match &node.config.shape {
            ReshapeInput::Static(shape) => shape.clone(),
            ReshapeInput::Runtime(reference) => self.host_integers(&node.inputs[reference.input_index])?,
        };
        let value = self.value(&node.inputs[0])?;
        let shape = resolve_reshape(shape_of(&value), &wanted)?;
        Ok(self.reshaped(value, shape))
    }

    pub(crate) fn flatten(&mut self, node: &FlattenNode) -> Lowering<Value> {
        let value = self.value(&node.inputs[0])?;
        let shape = shape_of(&value);
        let axis = node.config.axis.min(shape.len());
        let flat = vec![shape[..axis].iter().product(), shape[axis..].iter().product()];
        Ok(self.reshaped(value, flat))
    }

    pub(crate) fn squeeze(&mut self, node: &SqueezeNode) -> Lowering<Value> {
        let value = self.value(&node.inputs[0])?;
        let shape = shape_of(&value).to_vec();
        let axes = match &node.config.axes {
            None => (0..shape.len()).filter(|&axis| shape[axis] == 1).collect(),
            Some(SqueezeInput::Static(axes)) => resolve_axes(axes, shape.len())?,
            Some(SqueezeInput::Runtime(reference)) => {
                resolve_axes(&self.host_integers(&node.inputs[reference.input_index])?, shape.len())?
            }
        };
        if let Some(axis) = axes.iter().find(|&&axis| shape[axis] != 1) {
            return Err(Unsupported::new(format!(
                "removing dimension {axis} of shape {shape:?}, which is not 1"
            )));
        }
        let kept = (0..shape.len())
            .filter(|axis| !axes.contains(axis))
            .map(|axis| shape[axis])
            .collect();
        Ok(self.reshaped(value, kept))
    }

    pub(crate) fn unsqueeze(&mut self, node: &UnsqueezeNode) -> Lowering<Value> {
        let axes = match &node.config {
            UnsqueezeConfig::Static(axes) => axes.clone(),
            UnsqueezeConfig::Runtime(reference) => self.host_integers(&node.inputs[reference.input_index])?,
        };
        let value = self.value(&node.inputs[0])?;
        let shape = shape_of(&value);
        let rank = shape.len() + axes.len();
        let axes = resolve_axes(&axes, rank)?;
        let mut old = shape.iter().copied();
        let wide = (0..rank)
            .map(|axis| {
                if axes.contains(&axis) {
                    1
                } else {
                    old.next().unwrap_or(1)
                }
            })
            .collect();
        Ok(self.reshaped(value, wide))
    }

    pub(crate) fn reshaped(&mut self, value: Value, shape: Vec<usize>) -> Value {
        // A scalar is stored with one dimension.
        let stored = if shape.is_empty() { vec![1] } else { shape.clone() };
        match value {
            Value::Host(host) => Value::Host(host.reshaped(shape)),
            Value::Device(device) if device.shape == shape => Value::Device(device),
            Value::Device(device) => self.step(Op::Move(Movement::Reshape(stored)), &[&device], shape),
            Value::Truths(device) if device.shape == shape => Value::Truths(device),
            Value::Truths(device) => {
                Value::Truths(self.computed(Op::Move(Movement::Reshape(stored)), &[&device], shape))
            }
            Value::Integers(device) if device.shape == shape => Value::Integers(device),
            Value::Integers(device) => {
                let op = Op::Integers(IntegerOp::Move(Movement::Reshape(stored)));
                Value::Integers(self.computed(op, &[&device], shape))
            }
        }
    }

    /// Elements moved to a shape, whatever their type; a constant is uploaded.
    pub(crate) fn moved(&mut self, value: Value, movement: Movement, shape: Vec<usize>) -> Lowering<Value> {
        self.moved_by(value, movement, &[], shape)
    }

    /// Elements moved by positions, or joined with others of their type.
    pub(crate) fn moved_by(
        &mut self,
        value: Value,
        movement: Movement,
        others: &[&DeviceValue],
        shape: Vec<usize>,
    ) -> Lowering<Value> {
        let value = self.uploaded(value)?;
        let (Value::Device(x) | Value::Truths(x) | Value::Integers(x)) = &value else {
            unreachable!("it was uploaded")
        };
        let operands: Vec<&DeviceValue> = std::iter::once(x).chain(others.iter().copied()).collect();
        Ok(match &value {
            Value::Integers(_) => {
                let op = Op::Integers(IntegerOp::Move(movement));
                Value::Integers(self.computed(op, &operands, shape))
            }
            Value::Truths(_) => Value::Truths(self.computed(Op::Move(movement), &operands, shape)),
            _ => self.step(Op::Move(movement), &operands, shape),
        })
    }

    pub(crate) fn transpose(&mut self, node: &TransposeNode) -> Lowering<Value> {
        let value = self.shared_or_own(&node.inputs[0])?;
        let axes = resolve_axes(&node.config.perm, shape_of(&value).len())?;
        match value {
            Value::Host(host) => Ok(Value::Host(host.transposed(&axes))),
            computed => {
                let own = shape_of(&computed);
                let shape = axes.iter().map(|&axis| own[axis]).collect();
                self.moved(computed, Movement::Permute(axes), shape)
            }
        }
    }

    pub(crate) fn concat(&mut self, node: &ConcatNode) -> Lowering<Value> {
        let axis = node.config.axis;
        let values = node
            .inputs
            .iter()
            .map(|input| self.value(input))
            .collect::<Lowering<Vec<_>>>()?;
        self.joined_values(values, axis)
    }

    /// Values one after the other along a dimension; constants stay on the host.
    pub(crate) fn joined_values(&mut self, values: Vec<Value>, axis: usize) -> Lowering<Value> {
        let hosts: Option<Vec<HostTensor>> = values
            .iter()
            .map(|value| match value {
                Value::Host(host) => Some(host.clone()),
                _ => None,
            })
            .collect();
        let misfit = || Unsupported::new(format!("joining along dimension {axis} of what does not fit together"));
        if let Some(hosts) = hosts {
            return HostTensor::concatenated(&hosts, axis)
                .map(Value::Host)
                .ok_or_else(misfit);
        }
        // Those without elements are left out.
        let mut values = values.into_iter().peekable();
        while values.len() > 1 && values.peek().is_some_and(|value| shape_of(value).get(axis) == Some(&0)) {
            values.next();
        }
        let first = values
            .next()
            .ok_or_else(|| Unsupported::new("nothing to join"))
            .and_then(|value| self.uploaded(value))?;
        let kind = std::mem::discriminant(&first);
        let mut others = Vec::new();
        for value in values {
            match self.uploaded(value)? {
                // Nothing to join.
                value if shape_of(&value).get(axis) == Some(&0) => {}
                value if std::mem::discriminant(&value) != kind => {
                    return Err(Unsupported::new("joining values of different types"));
                }
                Value::Device(x) | Value::Truths(x) | Value::Integers(x) => others.push(x),
                Value::Host(_) => unreachable!("it was uploaded"),
            }
        }
        let mut shape = shape_of(&first).to_vec();
        let lengths = others.iter().map(|part| part.shape.get(axis).copied());
        let length: usize = lengths.sum::<Option<usize>>().ok_or_else(misfit)?;
        *shape.get_mut(axis).ok_or_else(misfit)? += length;
        let fits =
            |other: &[usize]| other.len() == shape.len() && (0..shape.len()).all(|d| d == axis || other[d] == shape[d]);
        if !others.iter().all(|part| fits(&part.shape)) {
            return Err(misfit());
        }
        self.moved_by(
            first,
            Movement::Concat { axis },
            &others.iter().collect::<Vec<_>>(),
            shape,
        )
    }

    pub(crate) fn pad(&mut self, node: &PadNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let before_after = self.padding(&node.config.pads, &node.inputs, x.shape.len())?;
        let mode = match node.config.mode {
            OnnxPadMode::Reflect => PadMode::Reflect,
            OnnxPadMode::Edge => PadMode::Edge,
            OnnxPadMode::Constant => PadMode::Constant(match &node.config.constant_value {
                ConstantValueInput::Static(value) => *value,
                ConstantValueInput::Runtime(reference) => {
                    let host = self.host(&node.inputs[reference.input_index])?;
                    #[allow(clippy::cast_possible_truncation, reason = "it was an f32 before")]
                    let value = host
                        .as_scalar()
                        .ok_or_else(|| Unsupported::new("a padding value that is not one number"))?
                        as f32;
                    value
                }
            }),
        };
        let shape = x
            .shape
            .iter()
            .zip(&before_after)
            .map(|(dim, (before, after))| dim + before + after)
            .collect();
        if before_after.iter().all(|padding| *padding == (0, 0)) {
            return Ok(Value::Device(x));
        }
        Ok(self.step(Op::Pad { before_after, mode }, &[&x], shape))
    }

    fn padding(&self, pads: &PadInput, inputs: &[Argument], rank: usize) -> Lowering<Vec<(usize, usize)>> {
        match pads {
            PadInput::Static(pairs) => Ok(pairs.clone()),
            PadInput::Runtime { input, axes } => {
                let numbers = self.host_integers(&inputs[input.input_index])?;
                let axes = match axes {
                    None => (0..rank).collect(),
                    Some(AxesInput::Static(axes)) => axes.clone(),
                    Some(AxesInput::Runtime(reference)) => {
                        resolve_axes(&self.host_integers(&inputs[reference.input_index])?, rank)?
                    }
                };
                if numbers.len() != 2 * axes.len() {
                    return Err(Unsupported::new(format!(
                        "{} pads for {} dimensions",
                        numbers.len(),
                        axes.len()
                    )));
                }
                let (before, after) = numbers.split_at(axes.len());
                let size =
                    |pad: i64| usize::try_from(pad).map_err(|_| Unsupported::new(format!("a negative pad ({pad})")));
                let mut pairs = vec![(0, 0); rank];
                for ((axis, &before), &after) in axes.into_iter().zip(before).zip(after) {
                    pairs[axis] = (size(before)?, size(after)?);
                }
                Ok(pairs)
            }
        }
    }
}

pub(crate) fn shape_of(value: &Value) -> &[usize] {
    match value {
        Value::Host(host) => &host.shape,
        Value::Device(device) | Value::Integers(device) | Value::Truths(device) => &device.shape,
    }
}

pub(crate) fn resolve_axes(axes: &[i64], rank: usize) -> Lowering<Vec<usize>> {
    let signed = i64::try_from(rank).unwrap_or(i64::MAX);
    axes.iter()
        .map(|&axis| {
            let resolved = if axis < 0 { axis.saturating_add(signed) } else { axis };
            usize::try_from(resolved)
                .ok()
                .filter(|&axis| axis < rank)
                .ok_or_else(|| Unsupported::new(format!("dimension {axis} of {rank}")))
        })
        .collect()
}

/// ONNX Reshape: 0 keeps a dimension, one -1 takes what remains.
fn resolve_reshape(shape: &[usize], wanted: &[i64]) -> Lowering<Vec<usize>> {
    let misfit = || Unsupported::new(format!("reshaping {shape:?} to {wanted:?}"));
    let total: usize = shape.iter().product();
    // `allowzero`, which onnx-ir does not tell, decides whether a 0 is a copy.
    let is_copy = |(&wanted, &size): (&i64, &usize)| wanted == 0 && size != 0;
    if total == 0 && wanted.iter().zip(shape).any(is_copy) {
        return Err(misfit());
    }
    let mut resolved = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (index, &dim) in wanted.iter().enumerate() {
        resolved.push(match dim {
            -1 if open.is_none() => {
                open = Some(index);
                1
            }
            0 => *shape.get(index).ok_or_else(misfit)?,
            dim => usize::try_from(dim).map_err(|_| misfit())?,
        });
    }
    let known = resolved
        .iter()
        .try_fold(1usize, |product, &dim| product.checked_mul(dim))
        .ok_or_else(misfit)?;
    if let Some(index) = open {
        resolved[index] = total.checked_div(known).ok_or_else(misfit)?;
    }
    if resolved
        .iter()
        .try_fold(1usize, |product, &dim| product.checked_mul(dim))
        == Some(total)
    {
        Ok(resolved)
    } else {
        Err(misfit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshapes_follow_onnx() {
        for (shape, wanted, expected) in [
            (vec![2, 3, 4], vec![0, -1], Some(vec![2, 12])),
            (vec![2, 3, 4], vec![4, 6], Some(vec![4, 6])),
            (vec![1, 1280, 1, 1], vec![1, -1], Some(vec![1, 1280])),
            (vec![1], vec![], Some(vec![])),
            (vec![2, 3], vec![-1, -1], None),
            (vec![2, 3], vec![4], None),
            (vec![2, 3], vec![-2, 3], None),
            (vec![0, 3], vec![0, -1], None),
        ] {
            assert_eq!(
                resolve_reshape(&shape, &wanted).ok(),
                expected,
                "{shape:?} to {wanted:?}"
            );
        }
    }
}
