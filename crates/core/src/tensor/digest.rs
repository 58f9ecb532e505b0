use sha2::{Digest, Sha256};

use crate::Tensor;

/// SHA-256 of `bytes` as 64 lowercase hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    // Hashed in pieces, because browsers optimize a wasm function between its calls and not while
    // it runs.
    const PIECE: usize = 1 << 20;
    let mut hasher = Sha256::new();
    bytes.chunks(PIECE).for_each(|piece| hasher.update(piece));
    hex(hasher.finalize().as_slice())
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

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorData;

    #[test]
    fn digests_match_the_published_examples() {
        // FIPS 180-4 examples.
        for (message, digest) in [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (
                "abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
        ] {
            assert_eq!(sha256_hex(message.as_bytes()), digest);
        }
    }

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
