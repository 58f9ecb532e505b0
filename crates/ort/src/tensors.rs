//! Tensors of tare and of the library.

use ort::session::SessionInputValue;
use ort::value::{DynValue, PrimitiveTensorElementType, TensorElementType, TensorRef};
use tare_core::{Tensor, TensorData};
use tare_record::{Failure, FailureKind};

/// A tensor where it is, as an input.
pub(crate) fn view(tensor: &Tensor) -> ort::Result<SessionInputValue<'_>> {
    let shape: Vec<usize> = tensor.shape().to_vec();
    Ok(match tensor.data() {
        TensorData::F16(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
        TensorData::F32(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
        TensorData::F64(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
        TensorData::I8(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
        TensorData::I32(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
        TensorData::I64(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
        TensorData::U8(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
        TensorData::Bool(values) => {
            let values: Vec<bool> = values.iter().map(|&value| value != 0).collect();
            ort::value::Tensor::from_array((shape, values))?.into()
        }
    })
}

/// A copy of an output.
pub(crate) fn copied(name: &str, value: &DynValue) -> Result<Tensor, Failure> {
    let failed = |message: String| Failure::new(FailureKind::Run, format!("output {name:?} of onnxruntime {message}"));
    let Some(kind) = value.dtype().tensor_type() else {
        return Err(failed("is no tensor".into()));
    };
    fn values<T: PrimitiveTensorElementType + Clone>(value: &DynValue) -> ort::Result<Vec<T>> {
        Ok(value.try_extract_tensor::<T>()?.1.to_vec())
    }
    let data = match kind {
        TensorElementType::Float16 => values(value).map(TensorData::F16),
        TensorElementType::Float32 => values(value).map(TensorData::F32),
        TensorElementType::Float64 => values(value).map(TensorData::F64),
        TensorElementType::Int8 => values(value).map(TensorData::I8),
        TensorElementType::Int32 => values(value).map(TensorData::I32),
        TensorElementType::Int64 => values(value).map(TensorData::I64),
        TensorElementType::Uint8 => values(value).map(TensorData::U8),
        TensorElementType::Bool => {
            values::<bool>(value).map(|values| TensorData::Bool(values.into_iter().map(u8::from).collect()))
        }
        other => return Err(failed(format!("has elements of {other}, which tare does not compare"))),
    };
    let data = data.map_err(|error| failed(format!("cannot be read: {}", error.message())))?;
    let shape = value
        .shape()
        .iter()
        .map(|&dim| usize::try_from(dim).unwrap_or_default());
    Tensor::new(shape.collect(), data).map_err(|error| failed(error.to_string()))
}
