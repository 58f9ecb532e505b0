//! Encodes tensors as bytes, for files between processes and for messages between a page and its
//! workers.
//!
//! Layout: the length of the header as a little-endian `u32`, the header as JSON (a list of
//! [`tare_record::TensorInfo`]), then the elements of each tensor, row-major and little-endian.

use tare_record::TensorInfo;

use crate::{NamedTensor, Tensor};

/// Why bytes cannot be decoded.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TensorCodecError {
    /// The number of bytes differs from what the header promises.
    #[error("the encoded tensors have the wrong size: expected {expected} bytes, found {found}")]
    WrongSize {
        /// Expected number of bytes.
        expected: usize,
        /// Number of bytes found.
        found: usize,
    },
    /// The header cannot be read.
    #[error("the header of the encoded tensors cannot be read: {0}")]
    Header(String),
    /// The elements changed after they were encoded.
    #[error("the elements of tensor {name:?} do not match the hash in the header")]
    Hash {
        /// Name of the tensor.
        name: String,
    },
}

/// Encodes tensors.
pub fn encode(tensors: &[NamedTensor]) -> Vec<u8> {
    let infos: Vec<TensorInfo> = tensors.iter().map(NamedTensor::info).collect();
    // Cannot fail: strings and numbers always have a JSON form.
    let header = serde_json::to_vec(&infos).unwrap_or_default();
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a header of 4 GiB would need millions of tensors"
    )]
    let mut bytes = (header.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&header);
    for named in tensors {
        named.tensor.for_each_le_bytes(|piece| bytes.extend_from_slice(piece));
    }
    bytes
}

/// Decodes tensors and checks every hash.
///
/// # Errors
///
/// If there are too few or too many bytes, or they changed after they were encoded.
pub fn decode(bytes: &[u8]) -> Result<Vec<NamedTensor>, TensorCodecError> {
    let wrong_size = |expected| TensorCodecError::WrongSize {
        expected,
        found: bytes.len(),
    };
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(|| wrong_size(4))?;
    let length = u32::from_le_bytes(*length) as usize;
    let header = rest.get(..length).ok_or_else(|| wrong_size(length.saturating_add(4)))?;
    let infos: Vec<TensorInfo> =
        serde_json::from_slice(header).map_err(|error| TensorCodecError::Header(error.to_string()))?;
    let mut offset = 4 + length;
    let mut tensors = Vec::with_capacity(infos.len());
    for info in infos {
        let size = info
            .shape
            .iter()
            .try_fold(info.dtype.size_bytes(), |product, &dim| product.checked_mul(dim))
            .ok_or_else(|| TensorCodecError::Header(format!("shape {:?} is too large", info.shape)))?;
        let end = offset.checked_add(size).ok_or_else(|| wrong_size(usize::MAX))?;
        let elements = bytes.get(offset..end).ok_or_else(|| wrong_size(end))?;
        let tensor = Tensor::from_bytes(info.shape.clone(), info.dtype, elements)
            .map_err(|error| TensorCodecError::Header(error.to_string()))?;
        let named = NamedTensor {
            name: info.name.clone(),
            tensor,
        };
        if named.info() != info {
            return Err(TensorCodecError::Hash { name: info.name });
        }
        tensors.push(named);
        offset = end;
    }
    if offset == bytes.len() {
        Ok(tensors)
    } else {
        Err(wrong_size(offset))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::TensorData;

    fn example() -> Vec<NamedTensor> {
        let tensor = |shape: &[usize], data| Tensor::new(shape.to_vec(), data).unwrap();
        vec![
            NamedTensor {
                name: "x".into(),
                tensor: tensor(&[2, 3], TensorData::F32(vec![0.0, -1.5, 2.0, 3.0, 4.0, 5.0])),
            },
            NamedTensor {
                name: "ids".into(),
                tensor: tensor(&[1], TensorData::I64(vec![-7])),
            },
            NamedTensor {
                name: "nothing".into(),
                tensor: tensor(&[0, 4], TensorData::Bool(vec![])),
            },
            NamedTensor {
                name: "scalar".into(),
                tensor: tensor(&[], TensorData::U8(vec![9])),
            },
        ]
    }

    #[test]
    fn decoding_inverts_encoding() {
        assert_eq!(decode(&encode(&example())).unwrap(), example());
        assert_eq!(decode(&encode(&[])).unwrap(), vec![]);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = encode(&example());
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn a_changed_element_is_an_error() {
        let mut bytes = encode(&example());
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(decode(&bytes), Err(TensorCodecError::Hash { name: "scalar".into() }));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
