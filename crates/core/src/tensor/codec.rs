//! Tensors as one run of bytes, for files between processes and for messages between a page and its workers.
//!
//! Layout: the length of the header as a little-endian `u32`, the header as JSON (a list of
//! [`tare_record::TensorInfo`]), then the elements of each tensor in turn, row-major and little-endian.

use tare_record::TensorInfo;

use crate::{NamedTensor, Tensor};

/// Why bytes are not a bundle.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TensorCodecError {
    /// Fewer bytes than the header promises.
    #[error("the bundle is cut off: expected {expected} bytes, found {found}")]
    CutOff {
        /// Bytes that should be there.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// The header cannot be read.
    #[error("the bundle's header cannot be read: {0}")]
    Header(String),
    /// The elements are not those that were bundled.
    #[error("tensor {name:?} does not have the hash that its header states")]
    Hash {
        /// Name of the tensor.
        name: String,
    },
}

/// Bundles tensors.
pub fn encode(tensors: &[NamedTensor]) -> Vec<u8> {
    let facts: Vec<TensorInfo> = tensors.iter().map(NamedTensor::info).collect();
    // Names, numbers and strings always have a JSON form.
    let header = serde_json::to_vec(&facts).unwrap_or_default();
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

/// Reads a bundle and checks every hash.
///
/// # Errors
///
/// If the bytes are cut off, too many, or not what was bundled.
pub fn decode(bytes: &[u8]) -> Result<Vec<NamedTensor>, TensorCodecError> {
    let cut_off = |expected| TensorCodecError::CutOff {
        expected,
        found: bytes.len(),
    };
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(|| cut_off(4))?;
    let length = u32::from_le_bytes(*length) as usize;
    let header = rest.get(..length).ok_or_else(|| cut_off(4 + length))?;
    let facts: Vec<TensorInfo> =
        serde_json::from_slice(header).map_err(|error| TensorCodecError::Header(error.to_string()))?;
    let mut offset = 4 + length;
    let mut tensors = Vec::with_capacity(facts.len());
    for facts in facts {
        let size = facts
            .shape
            .iter()
            .try_fold(facts.dtype.size_bytes(), |product, &dim| product.checked_mul(dim))
            .ok_or_else(|| TensorCodecError::Header(format!("shape {:?} is too large", facts.shape)))?;
        let end = offset.checked_add(size).ok_or_else(|| cut_off(usize::MAX))?;
        let elements = bytes.get(offset..end).ok_or_else(|| cut_off(end))?;
        let tensor = Tensor::from_bytes(facts.shape.clone(), facts.dtype, elements)
            .map_err(|error| TensorCodecError::Header(error.to_string()))?;
        let named = NamedTensor {
            name: facts.name.clone(),
            tensor,
        };
        if named.info() != facts {
            return Err(TensorCodecError::Hash { name: facts.name });
        }
        tensors.push(named);
        offset = end;
    }
    if offset == bytes.len() {
        Ok(tensors)
    } else {
        Err(cut_off(offset))
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
    fn what_goes_in_comes_out() {
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
