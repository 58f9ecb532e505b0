//! Distances between floating-point numbers in units in the last place (ULP), the number of steps
//! between representable numbers.

use crate::TensorData;

/// Counts elements by their distance: entry 0 counts equal elements, entry `k` those that are
/// 2^(k-1) to 2^k - 1 units apart. Ends with the last nonzero entry. Integers are compared by their
/// difference.
///
/// For IEEE 754 numbers of the same sign, the distance is the difference of their bits as integers
/// (Goldberg 1991).
pub(crate) fn ulp_counts(found: &TensorData, expected: &TensorData) -> Vec<u64> {
    macro_rules! count {
        ($a:expr, $b:expr, $ordered:expr) => {
            counts(
                $a.iter()
                    .zip($b)
                    .map(|(a, b)| $ordered(*a).abs_diff($ordered(*b))),
            )
        };
    }
    match (found, expected) {
        (TensorData::F16(a), TensorData::F16(b)) => {
            count!(a, b, |x: half::f16| ordered(u64::from(x.to_bits()), 16))
        }
        (TensorData::F32(a), TensorData::F32(b)) => count!(a, b, |x: f32| ordered(u64::from(x.to_bits()), 32)),
        (TensorData::F64(a), TensorData::F64(b)) => count!(a, b, |x: f64| ordered(x.to_bits(), 64)),
        (TensorData::I8(a), TensorData::I8(b)) => count!(a, b, |x: i8| x),
        (TensorData::I32(a), TensorData::I32(b)) => count!(a, b, |x: i32| x),
        (TensorData::I64(a), TensorData::I64(b)) => count!(a, b, |x: i64| x),
        (TensorData::U8(a), TensorData::U8(b)) | (TensorData::Bool(a), TensorData::Bool(b)) => count!(a, b, |x: u8| x),
        // Tensors of different types have no distance. The caller rejects them.
        _ => vec![],
    }
}

/// Converts the bits of a floating-point number of `width` bits to an integer with the same order.
/// Both zeros become 0.
fn ordered(bits: u64, width: u32) -> i64 {
    let sign = 1 << (width - 1);
    let magnitude = (bits & (sign - 1)).cast_signed();
    if bits & sign == 0 { magnitude } else { -magnitude }
}

fn counts<D: Into<u64>>(distances: impl Iterator<Item = D>) -> Vec<u64> {
    let mut counts = vec![0; 65];
    for distance in distances {
        counts[(u64::BITS - distance.into().leading_zeros()) as usize] += 1;
    }
    let used = counts.iter().rposition(|&count| count > 0).map_or(0, |last| last + 1);
    counts.truncate(used);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counted_by_powers_of_two() {
        let next = |x: f32, steps: u32| f32::from_bits(x.to_bits() + steps);
        for (found, expected, counts) in [
            (vec![], vec![], vec![]),
            (vec![1.0, 2.0], vec![1.0, 2.0], vec![2]),
            (vec![0.0], vec![-0.0], vec![1]),
            (vec![next(1.0, 1)], vec![1.0], vec![0, 1]),
            (vec![-next(1.0, 3), 5.0], vec![-1.0, 5.0], vec![1, 0, 1]),
            // The smallest numbers around zero are two steps apart.
            (vec![f32::from_bits(1)], vec![-f32::from_bits(1)], vec![0, 0, 1]),
            // A difference in the largest bit of the mantissa.
            (vec![1.5], vec![1.0], [vec![0; 23], vec![1]].concat()),
        ] {
            assert_eq!(
                ulp_counts(&TensorData::F32(found.clone()), &TensorData::F32(expected)),
                counts,
                "{found:?}"
            );
        }
    }

    #[test]
    fn every_type_has_distances() {
        let half = |x: f32| TensorData::F16(vec![half::f16::from_f32(x)]);
        for (found, expected, bucket) in [
            (half(1.0 + 1.0 / 1024.0), half(1.0), 1),
            (TensorData::F64(vec![f64::MAX]), TensorData::F64(vec![f64::MIN]), 64),
            (TensorData::I64(vec![i64::MAX]), TensorData::I64(vec![i64::MIN]), 64),
            (TensorData::I32(vec![-2]), TensorData::I32(vec![3]), 3),
            (TensorData::I8(vec![-128]), TensorData::I8(vec![127]), 8),
            (TensorData::U8(vec![7]), TensorData::U8(vec![7]), 0),
            (TensorData::Bool(vec![1]), TensorData::Bool(vec![0]), 1),
        ] {
            let counts = ulp_counts(&found, &expected);
            assert_eq!(counts.len(), bucket + 1, "{found:?} {expected:?}");
        }
    }
}
