use half::f16;
use sha2::{Digest, Sha256};
use tare_record::{DType, TensorInfo};

use super::digest::hex;

/// A tensor in host memory, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: TensorData,
}

/// The elements of a tensor.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "each variant is its element type")]
pub enum TensorData {
    F16(Vec<f16>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    I8(Vec<i8>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    /// One byte, 0 or 1.
    Bool(Vec<u8>),
}

/// Evaluates an expression with `$values` bound to the vector of elements, whatever its type.
macro_rules! for_any {
    ($data:expr, $values:ident => $body:expr) => {
        match $data {
            TensorData::F16($values) => $body,
            TensorData::F32($values) => $body,
            TensorData::F64($values) => $body,
            TensorData::I8($values) => $body,
            TensorData::I32($values) => $body,
            TensorData::I64($values) => $body,
            TensorData::U8($values) => $body,
            TensorData::Bool($values) => $body,
        }
    };
}

/// Why a tensor cannot be created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TensorError {
    /// The number of elements is not the product of the dimensions.
    #[error("shape {shape:?} holds {expected} elements, found {found}")]
    Length {
        /// The dimensions.
        shape: Vec<usize>,
        /// Their product.
        expected: usize,
        /// Elements given.
        found: usize,
    },
    /// The product of the dimensions does not fit in memory.
    #[error("shape {shape:?} is too large")]
    TooLarge {
        /// The dimensions.
        shape: Vec<usize>,
    },
}

impl Tensor {
    /// Creates a tensor from its shape, outermost dimension first, and its elements, row-major.
    ///
    /// # Errors
    ///
    /// If the number of elements is not the product of the dimensions.
    pub fn new(shape: Vec<usize>, data: TensorData) -> Result<Self, TensorError> {
        let expected = element_count(&shape)?;
        let found = data.len();
        if expected == found {
            Ok(Self { shape, data })
        } else {
            Err(TensorError::Length { shape, expected, found })
        }
    }

    /// Creates a tensor from its little-endian bytes.
    ///
    /// # Errors
    ///
    /// If the number of bytes does not match the shape and type.
    pub fn from_bytes(shape: Vec<usize>, dtype: DType, bytes: &[u8]) -> Result<Self, TensorError> {
        let expected = element_count(&shape)?;
        let size = dtype.size_bytes();
        if expected.checked_mul(size) != Some(bytes.len()) {
            return Err(TensorError::Length {
                shape,
                expected,
                found: bytes.len() / size,
            });
        }
        macro_rules! read {
            ($variant:ident, $ty:ty) => {
                TensorData::$variant(
                    bytes
                        .as_chunks::<{ size_of::<$ty>() }>()
                        .0
                        .iter()
                        .map(|chunk| <$ty>::from_le_bytes(*chunk))
                        .collect(),
                )
            };
        }
        let data = match dtype {
            DType::F16 => read!(F16, f16),
            DType::F32 => read!(F32, f32),
            DType::F64 => read!(F64, f64),
            DType::I8 => read!(I8, i8),
            DType::I32 => read!(I32, i32),
            DType::I64 => read!(I64, i64),
            DType::U8 => read!(U8, u8),
            DType::Bool => read!(Bool, u8),
        };
        Ok(Self { shape, data })
    }

    /// Dimensions, outermost first; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements, row-major.
    pub fn data(&self) -> &TensorData {
        &self.data
    }

    /// Returns the elements, row-major.
    pub fn into_data(self) -> TensorData {
        self.data
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.data.dtype()
    }

    /// Calls `each` with the elements as little-endian bytes, in pieces.
    pub fn for_each_le_bytes(&self, mut each: impl FnMut(&[u8])) {
        // Elements per piece. Large enough to be fast, and small enough to stay in the cache.
        const PIECE: usize = 2048;
        let mut buffer = Vec::with_capacity(PIECE * 8);
        for_any!(&self.data, values => for piece in values.chunks(PIECE) {
            buffer.clear();
            for value in piece {
                buffer.extend_from_slice(&value.to_le_bytes());
            }
            each(&buffer);
        });
    }

    /// The elements as `f64`, row-major. Exact, except for 64-bit integers beyond 2^53.
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.data {
            TensorData::F16(values) => values.iter().map(|value| value.to_f64()).collect(),
            TensorData::F32(values) => values.iter().map(|&value| f64::from(value)).collect(),
            TensorData::F64(values) => values.clone(),
            TensorData::I8(values) => values.iter().map(|&value| f64::from(value)).collect(),
            TensorData::I32(values) => values.iter().map(|&value| f64::from(value)).collect(),
            TensorData::I64(values) => values.iter().map(|&value| value as f64).collect(),
            TensorData::U8(values) | TensorData::Bool(values) => values.iter().map(|&value| f64::from(value)).collect(),
        }
    }
}

impl TensorData {
    /// Number of elements.
    pub fn len(&self) -> usize {
        for_any!(self, values => values.len())
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        match self {
            TensorData::F16(_) => DType::F16,
            TensorData::F32(_) => DType::F32,
            TensorData::F64(_) => DType::F64,
            TensorData::I8(_) => DType::I8,
            TensorData::I32(_) => DType::I32,
            TensorData::I64(_) => DType::I64,
            TensorData::U8(_) => DType::U8,
            TensorData::Bool(_) => DType::Bool,
        }
    }
}

fn element_count(shape: &[usize]) -> Result<usize, TensorError> {
    shape
        .iter()
        .try_fold(1usize, |product, &dim| product.checked_mul(dim))
        .ok_or_else(|| TensorError::TooLarge { shape: shape.to_vec() })
}

/// A tensor with its name in the model's graph.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Name of the input or output.
    pub name: String,
    /// Its value.
    pub tensor: Tensor,
}

impl NamedTensor {
    /// Name, type, shape and hash.
    pub fn info(&self) -> TensorInfo {
        TensorInfo {
            name: self.name.clone(),
            dtype: self.tensor.dtype(),
            shape: self.tensor.shape.clone(),
            sha256: tensor_sha256(&self.tensor),
        }
    }
}

/// SHA-256 of a tensor's elements, row-major and little-endian, without its shape.
pub fn tensor_sha256(tensor: &Tensor) -> String {
    tensors_sha256(std::iter::once(tensor))
}

/// SHA-256 of the elements of several tensors, one after the other.
pub fn tensors_sha256<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> String {
    let mut hasher = Sha256::new();
    for tensor in tensors {
        tensor.for_each_le_bytes(|bytes| hasher.update(bytes));
    }
    hex(hasher.finalize().as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sha256_hex;

    #[test]
    fn the_digest_of_a_tensor_covers_its_little_endian_bytes() {
        let values = vec![1.0f32, -2.5, 3e-9];
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let tensor = Tensor::new(vec![3], TensorData::F32(values)).unwrap();
        assert_eq!(tensor_sha256(&tensor), sha256_hex(&bytes));
    }

    #[test]
    fn the_digest_of_a_long_tensor_covers_all_its_pieces() {
        let values: Vec<i64> = (0..5000).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let tensor = Tensor::new(vec![50, 100], TensorData::I64(values)).unwrap();
        assert_eq!(tensor_sha256(&tensor), sha256_hex(&bytes));
    }
}
