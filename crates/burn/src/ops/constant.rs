//! Constants that follow from shapes and settings.

use onnx_ir::Argument;
use onnx_ir::node::constant_of_shape::{ConstantOfShapeNode, ConstantOfShapeShape};
use onnx_ir::node::eye_like::EyeLikeNode;
use onnx_ir::node::range::{RangeInput, RangeNode};
use onnx_ir::node::shape::ShapeNode;
use tare_record::DType;

use crate::lower::element_types::element_type;
use crate::lower::host_tensor::{HostData, HostTensor, element_count};
use crate::lower::{Lowerer, Lowering, Unsupported, Value, element_types};
use crate::ops::layout::shape_of;

/// A range of more elements is refused.
const LONGEST_RANGE: usize = 1 << 24;

impl Lowerer {
    /// Number of elements.
    pub(crate) fn size(&self, input: &Argument) -> Lowering<Value> {
        let count: usize = shape_of(&self.value(input)?).iter().product();
        Ok(Value::Host(HostTensor::from_dims([count]).reshaped(vec![])))
    }

    pub(crate) fn shape(&mut self, node: &ShapeNode) -> Lowering<Value> {
        let value = self.value(&node.inputs[0])?;
        let shape = shape_of(&value);
        let (start, end) = (node.config.start.min(shape.len()), node.config.end.min(shape.len()));
        Ok(Value::Host(HostTensor::from_dims(
            shape[start..end.max(start)].iter().copied(),
        )))
    }

    pub(crate) fn constant_of_shape(&mut self, node: &ConstantOfShapeNode) -> Lowering<Value> {
        let wanted = match &node.config.shape {
            ConstantOfShapeShape::Static(shape) => shape.clone(),
            ConstantOfShapeShape::Runtime(reference) => self.host_integers(&node.inputs[reference.input_index])?,
        };
        let shape = wanted
            .iter()
            .map(|&dim| usize::try_from(dim).map_err(|_| Unsupported::new(format!("shape {wanted:?}"))))
            .collect::<Lowering<Vec<usize>>>()?;
        if element_count(&shape).is_none() {
            return Err(Unsupported::new(format!("a constant of shape {shape:?}")));
        }
        let one = match &node.config.value {
            Some(value) => HostTensor::from_burn(value.clone())?.reshaped(vec![]),
            None => HostTensor {
                shape: vec![],
                data: HostData::F32(vec![0.0]),
            },
        };
        Ok(Value::Host(one.expanded(&shape)))
    }

    /// 1 on the diagonal that is `k` right of the main one, 0 elsewhere.
    pub(crate) fn eye_like(&mut self, node: &EyeLikeNode) -> Lowering<Value> {
        let shape = shape_of(&self.value(&node.inputs[0])?).to_vec();
        let &[rows, columns] = shape.as_slice() else {
            return Err(Unsupported::new(format!("a diagonal of shape {shape:?}")));
        };
        let dtype = node.config.dtype.unwrap_or_else(|| element_type(&node.inputs[0]));
        let is_one = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let is_one = is_one.map(|(row, column)| {
            i64::try_from(row).ok().and_then(|row| row.checked_add(node.config.k)) == i64::try_from(column).ok()
        });
        let data = match element_types::known(dtype) {
            Some(DType::F32 | DType::F16) => HostData::F32(is_one.map(|one| f32::from(u8::from(one))).collect()),
            Some(DType::Bool) => HostData::Bool(is_one.collect()),
            Some(_) => HostData::I64(is_one.map(i64::from).collect()),
            None => return Err(Unsupported::new(format!("values of type {dtype:?}"))),
        };
        Ok(Value::Host(HostTensor { shape, data }))
    }

    /// start, start + delta, .. before the limit.
    pub(crate) fn range(&mut self, node: &RangeNode) -> Lowering<Value> {
        let config = &node.config;
        let number = |input: &RangeInput| -> Lowering<(f64, bool)> {
            Ok(match input {
                RangeInput::Static(value) => (*value as f64, true),
                RangeInput::StaticFloat(value) => (*value, false),
                RangeInput::Runtime(reference) => {
                    let host = self.host(&node.inputs[reference.input_index])?;
                    let value = host
                        .as_scalar()
                        .ok_or_else(|| Unsupported::new("a bound that is not one number"))?;
                    (value, matches!(host.data, HostData::I64(_)))
                }
            })
        };
        let [(start, whole), (limit, _), (delta, _)] =
            [number(&config.start)?, number(&config.limit)?, number(&config.delta)?];
        let count = ((limit - start) / delta).ceil().max(0.0);
        // Not a number where the step is 0.
        if count.is_nan() || count > LONGEST_RANGE as f64 {
            return Err(Unsupported::new(format!("a range from {start} to {limit} by {delta}")));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
        let count = count as usize;
        let values = (0..count).map(|index| start + index as f64 * delta);
        #[allow(
            clippy::cast_possible_truncation,
            reason = "whole numbers, and device values are f32"
        )]
        let data = if whole {
            HostData::I64(values.map(|value| value as i64).collect())
        } else {
            HostData::F32(values.map(|value| value as f32).collect())
        };
        Ok(Value::Host(HostTensor {
            shape: vec![count],
            data,
        }))
    }
}
