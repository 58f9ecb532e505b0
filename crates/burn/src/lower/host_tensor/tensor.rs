//! A tensor in host memory.

use burn_tensor::{DType, TensorData};

use crate::lower::unsupported::Unsupported;

/// Larger constants are refused: a file can ask for them in a few bytes.
pub(crate) const MAX_ELEMENTS: usize = 1 << 28;

/// Number of elements of a shape. `None` if a constant may not have that many.
pub(crate) fn element_count(shape: &[usize]) -> Option<usize> {
    let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size))?;
    Some(count).filter(|&count| count <= MAX_ELEMENTS)
}

/// Larger results are not computed when a model is loaded: a few small constants can ask for them. A layer of VGG-19 among the ONNX tests has
/// 4,096 times 25,088.
pub(crate) const MAX_COMPUTED_ELEMENTS: usize = 1 << 27;

/// The shape, if a tensor of it may be computed when a model is loaded.
pub(crate) fn computable(shape: Vec<usize>) -> Option<Vec<usize>> {
    element_count(&shape)
        .is_some_and(|count| count <= MAX_COMPUTED_ELEMENTS)
        .then_some(shape)
}

/// A tensor in host memory, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HostTensor {
    /// Dimensions, outermost first; empty for a scalar.
    pub(crate) shape: Vec<usize>,
    pub(crate) data: HostData,
}

/// The elements of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum HostData {
    F32(Vec<f32>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
}

/// Evaluates an expression with `$values` bound to the vector, and wraps its result in the same
/// variant.
macro_rules! map_data {
    ($data:expr, $values:ident => $body:expr) => {
        match $data {
            HostData::F32($values) => HostData::F32($body),
            HostData::I64($values) => HostData::I64($body),
            HostData::Bool($values) => HostData::Bool($body),
        }
    };
}

impl HostData {
    /// No elements, of this type.
    pub(crate) fn empty(dtype: tare_record::DType) -> Self {
        use tare_record::DType as Type;
        match dtype {
            Type::F16 | Type::F32 | Type::F64 => Self::F32(vec![]),
            Type::I8 | Type::I32 | Type::I64 | Type::U8 => Self::I64(vec![]),
            Type::Bool => Self::Bool(vec![]),
        }
    }
}

impl HostTensor {
    /// Converts burn's tensor, and takes over its memory if it can: weights are large. Integers of
    /// all widths become `i64`.
    pub(crate) fn from_burn(data: TensorData) -> Result<Self, Unsupported> {
        fn wide<T: burn_tensor::Element + Into<i64>>(data: &TensorData) -> Option<Vec<i64>> {
            data.as_slice::<T>()
                .ok()
                .map(|values| values.iter().map(|&value| value.into()).collect())
        }
        let (shape, dtype) = (data.shape().iter().copied().collect(), data.dtype());
        let values = match dtype {
            DType::F32 => data.try_into_vec::<f32>().ok().map(HostData::F32),
            DType::F16 => data
                .as_slice::<half::f16>()
                .ok()
                .map(|values| HostData::F32(values.iter().map(|value| value.to_f32()).collect())),
            DType::I64 => data.try_into_vec::<i64>().ok().map(HostData::I64),
            DType::I32 => wide::<i32>(&data).map(HostData::I64),
            DType::I16 => wide::<i16>(&data).map(HostData::I64),
            DType::I8 => wide::<i8>(&data).map(HostData::I64),
            DType::U8 => wide::<u8>(&data).map(HostData::I64),
            DType::Bool(_) => data
                .as_slice::<bool>()
                .ok()
                .map(|values| HostData::Bool(values.to_vec())),
            _ => None,
        };
        let data = values.ok_or_else(|| Unsupported::new(format!("constants of type {dtype:?}")))?;
        Ok(Self { shape, data })
    }

    /// A vector of integers.
    pub(crate) fn from_dims(dims: impl IntoIterator<Item = usize>) -> Self {
        // The dimensions of tensors fit an i64.
        let values: Vec<i64> = dims
            .into_iter()
            .map(|dim| i64::try_from(dim).unwrap_or(i64::MAX))
            .collect();
        Self {
            shape: vec![values.len()],
            data: HostData::I64(values),
        }
    }

    /// A scalar of type `f32`.
    #[allow(clippy::cast_possible_truncation, reason = "all floats on devices are f32")]
    pub(crate) fn scalar(value: f64) -> Self {
        Self {
            shape: vec![],
            data: HostData::F32(vec![value as f32]),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match &self.data {
            HostData::F32(values) => values.len(),
            HostData::I64(values) => values.len(),
            HostData::Bool(values) => values.len(),
        }
    }

    /// The elements as integers. `None` for floats.
    pub(crate) fn as_integers(&self) -> Option<Vec<i64>> {
        match &self.data {
            HostData::I64(values) => Some(values.clone()),
            HostData::Bool(values) => Some(values.iter().map(|&value| i64::from(value)).collect()),
            HostData::F32(_) => None,
        }
    }

    /// The elements of a tensor of floats.
    pub(crate) fn as_floats(&self) -> Option<&[f32]> {
        match &self.data {
            HostData::F32(values) => Some(values),
            _ => None,
        }
    }

    /// The only element as `f64`. `None` if there are more or fewer.
    pub(crate) fn as_scalar(&self) -> Option<f64> {
        if self.len() != 1 {
            return None;
        }
        match &self.data {
            HostData::F32(values) => values.first().map(|&value| f64::from(value)),
            HostData::I64(values) => values.first().map(|&value| value as f64),
            HostData::Bool(values) => values.first().map(|&value| f64::from(u8::from(value))),
        }
    }

    /// The same elements in another shape with as many.
    pub(crate) fn reshape(mut self, shape: Vec<usize>) -> Self {
        self.shape = shape;
        self
    }

    /// Picks elements by their row-major positions.
    pub(super) fn pick(&self, shape: Vec<usize>, positions: &[usize]) -> Self {
        Self {
            shape,
            data: map_data!(&self.data, values => positions.iter().map(|&p| values[p]).collect()),
        }
    }
}
