use tare_record::{DType, Drift, Failure, FailureKind, Tolerance};

use super::ulp::ulp_counts;
use crate::{NamedTensor, Tensor};

/// Relative errors leave out elements smaller than this share of the reference's largest magnitude.
const RELATIVE_FLOOR: f64 = 1e-3;

/// Compares the outputs of a run with the reference, tensor by tensor.
///
/// # Errors
///
/// If the number of outputs, their types or shapes differ, if an element is not finite, or if a
/// difference exceeds `tolerance`.
pub fn compare(outputs: &[Tensor], reference: &[NamedTensor], tolerance: &Tolerance) -> Result<Vec<Drift>, Failure> {
    if outputs.len() != reference.len() {
        return Err(wrong(format!(
            "expected {} outputs, found {}",
            reference.len(),
            outputs.len()
        )));
    }
    outputs
        .iter()
        .zip(reference)
        .map(|(output, expected)| compare_one(output, expected, tolerance))
        .collect()
}

pub(crate) fn compare_one(output: &Tensor, expected: &NamedTensor, tolerance: &Tolerance) -> Result<Drift, Failure> {
    let name = &expected.name;
    let reference = &expected.tensor;
    if output.shape() != reference.shape() {
        return Err(wrong(format!(
            "output {name:?}: expected shape {:?}, found {:?}",
            reference.shape(),
            output.shape()
        )));
    }
    if output.dtype() != reference.dtype() {
        return Err(wrong(format!(
            "output {name:?}: expected {}, found {}",
            reference.dtype(),
            output.dtype()
        )));
    }
    let counts = ulp_counts(output.data(), reference.data());
    let (found, expected) = (output.to_f64(), reference.to_f64());
    if let Some(position) = expected.iter().position(|value| !value.is_finite()) {
        return Err(Failure::new(
            FailureKind::Reference,
            format!(
                "the reference's output {name:?} holds {} at element {position}, so outputs cannot be compared with it",
                expected[position]
            ),
        )
        .with_hint("pass inputs in the range that the model was trained on, with --input"));
    }
    if let Some(position) = found.iter().position(|value| !value.is_finite()) {
        return Err(wrong(format!(
            "output {name:?} holds {} at element {position}, expected about {}",
            found[position], expected[position]
        )));
    }
    let (found, expected) = (flushed(found), flushed(expected));
    let drift = Drift {
        ulp_counts: counts,
        ..drift(&found, &expected, reference.shape().last().copied().unwrap_or(1))
    };
    let limit = tolerance_for(tolerance, reference.dtype());
    if drift.max_scaled > limit {
        return Err(wrong(format!(
            "output {name:?} differs from the reference by {:.3e} of its largest magnitude, at most {limit:.0e} is allowed",
            drift.max_scaled
        )));
    }
    Ok(drift)
}

/// Replaces values too small for a normal `f32` with 0, because engines and shaders may flush them
/// to 0 (WGSL, section 15.7.4).
fn flushed(mut values: Vec<f64>) -> Vec<f64> {
    for value in &mut values {
        if value.abs() < f64::from(f32::MIN_POSITIVE) {
            *value = 0.0;
        }
    }
    values
}

/// Largest accepted difference for an element type, as a share of the reference's largest
/// magnitude.
pub(crate) fn tolerance_for(tolerance: &Tolerance, dtype: DType) -> f64 {
    let known = match dtype {
        DType::F64 => tolerance.get(&dtype).or_else(|| tolerance.get(&DType::F32)),
        _ => tolerance.get(&dtype),
    };
    known.copied().unwrap_or(0.0)
}

/// Merges two comparisons: keeps the worse of each number, and adds the ULP counts.
pub(crate) fn merge_max(a: Drift, b: &Drift) -> Drift {
    let longest = a.ulp_counts.len().max(b.ulp_counts.len());
    let count = |drift: &Drift, entry| drift.ulp_counts.get(entry).copied().unwrap_or(0);
    Drift {
        max_abs: a.max_abs.max(b.max_abs),
        max_scaled: a.max_scaled.max(b.max_scaled),
        max_relative: a.max_relative.max(b.max_relative),
        ulp_counts: (0..longest).map(|entry| count(&a, entry) + count(b, entry)).collect(),
        cosine: a.cosine.min(b.cosine),
        same_top: a.same_top && b.same_top,
    }
}

fn wrong(message: String) -> Failure {
    Failure::new(FailureKind::Output, message).with_hint(
        "the engine computed something other than the reference: save the tensors with --save-tensors and compare them",
    )
}

fn drift(found: &[f64], expected: &[f64], row: usize) -> Drift {
    let max_abs = found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    let largest = expected.iter().map(|value| value.abs()).fold(0.0, f64::max);
    let max_scaled = match (max_abs > 0.0, largest > 0.0) {
        (false, _) => 0.0,
        (true, true) => max_abs / largest,
        // Anything is infinitely far from all zeros.
        (true, false) => f64::INFINITY,
    };
    let max_relative = found
        .iter()
        .zip(expected)
        .filter(|(_, b)| **b != 0.0 && b.abs() >= largest * RELATIVE_FLOOR)
        .map(|(a, b)| ((a - b) / b).abs())
        .fold(0.0, f64::max);
    // Scale first, so that squares neither overflow nor vanish.
    let scale = found.iter().map(|value| value.abs()).fold(largest, f64::max);
    let cosine = if scale > 0.0 {
        let (mut dot, mut a2, mut b2) = (0.0, 0.0, 0.0);
        for (a, b) in found.iter().zip(expected) {
            let (a, b) = (a / scale, b / scale);
            dot += a * b;
            a2 += a * a;
            b2 += b * b;
        }
        if a2 > 0.0 && b2 > 0.0 {
            (dot / (a2.sqrt() * b2.sqrt())).clamp(-1.0, 1.0)
        } else {
            0.0
        }
    } else {
        1.0
    };
    let row = row.max(1);
    let same_top = found
        .chunks(row)
        .zip(expected.chunks(row))
        .all(|(a, b)| top_k_indices(a) == top_k_indices(b));
    // JSON can hold finite numbers only.
    let finite = |number: f64| number.min(f64::MAX);
    Drift {
        max_abs: finite(max_abs),
        max_scaled: finite(max_scaled),
        max_relative: finite(max_relative),
        ulp_counts: vec![],
        cosine,
        same_top,
    }
}

/// Indices of the five largest values, largest first. Of equal values, the earlier one comes first.
pub fn top_k_indices(values: &[f64]) -> Vec<usize> {
    const K: usize = 5;
    let mut best: Vec<usize> = Vec::with_capacity(K + 1);
    for (position, &value) in values.iter().enumerate() {
        let rank = best.partition_point(|&other| values[other] >= value);
        if rank < K {
            best.insert(rank, position);
            best.truncate(K);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::TensorData;

    fn tensor(values: &[f32]) -> Tensor {
        Tensor::new(vec![values.len()], TensorData::F32(values.to_vec())).unwrap()
    }

    fn check(output: &[f32], reference: &[f32]) -> Result<Drift, Failure> {
        let reference = NamedTensor {
            name: "y".into(),
            tensor: tensor(reference),
        };
        compare(&[tensor(output)], &[reference], &tolerance()).map(|mut drifts| drifts.remove(0))
    }

    fn tolerance() -> Tolerance {
        Tolerance::from([(DType::F32, 1e-3)])
    }

    #[test]
    fn equal_outputs_have_no_drift() {
        let drift = check(&[1.0, -2.0, 3.0], &[1.0, -2.0, 3.0]).unwrap();
        assert_eq!((drift.max_abs, drift.max_scaled, drift.same_top), (0.0, 0.0, true));
        assert!((drift.cosine - 1.0).abs() < 1e-15);
    }

    #[test]
    fn drift_is_a_share_of_the_largest_magnitude() {
        let drift = check(&[4.0, 0.001], &[4.0, 0.0]).unwrap();
        assert!(
            (drift.max_abs - 0.001).abs() < 1e-9 && (drift.max_scaled - 0.00025).abs() < 1e-9,
            "{drift:?}"
        );
    }

    #[test]
    fn subnormal_numbers_count_as_zeros() {
        let drift = check(&[1e-40, -1e-45], &[0.0, 0.0]).unwrap();
        assert_eq!((drift.max_abs, drift.max_scaled, drift.cosine), (0.0, 0.0, 1.0));
        assert!(check(&[1e-37], &[0.0]).is_err());
    }

    #[test]
    fn the_relative_error_leaves_out_small_elements() {
        let drift = check(&[4.0, 2.0002, 0.0011], &[4.0, 2.0, 0.0010]).unwrap();
        assert!((drift.max_relative - 1e-4).abs() < 1e-6, "{drift:?}");
        assert_eq!(drift.ulp_counts.iter().sum::<u64>(), 3);
        assert_eq!(drift.ulp_counts[0], 1, "one element is equal");
    }

    #[test]
    fn the_tolerance_decides() {
        let compared = |share: f64| {
            let reference = NamedTensor {
                name: "y".into(),
                tensor: tensor(&[1.0]),
            };
            compare(
                &[tensor(&[1.01])],
                &[reference],
                &Tolerance::from([(DType::F32, share)]),
            )
        };
        assert!(compared(0.1).is_ok());
        assert!(compared(0.001).unwrap_err().message.contains("at most 1e-3 is allowed"));
        assert_eq!(tolerance_for(&tolerance(), DType::F64), 1e-3);
        assert_eq!(tolerance_for(&tolerance(), DType::I64), 0.0);
    }

    #[test]
    fn merging_keeps_the_worse_numbers() {
        let (a, b) = (
            check(&[4.0, 2.0], &[4.0, 2.0]).unwrap(),
            check(&[4.0, 2.001], &[4.0, 2.0]).unwrap(),
        );
        let both = merge_max(a, &b);
        assert_eq!((both.max_abs, both.cosine, both.same_top), (b.max_abs, b.cosine, true));
        assert_eq!(both.ulp_counts[0], 3);
    }

    #[test]
    fn wrong_outputs_are_explained() {
        for (output, reference, kind, text) in [
            (
                vec![1.0, 2.1],
                vec![1.0, 2.0],
                FailureKind::Output,
                "differs from the reference by 5.0",
            ),
            (
                vec![1.0, f32::NAN],
                vec![1.0, 2.0],
                FailureKind::Output,
                "holds NaN at element 1, expected about 2",
            ),
            (
                vec![f32::INFINITY],
                vec![1.0],
                FailureKind::Output,
                "holds inf at element 0",
            ),
            (
                vec![1.0],
                vec![f32::NAN],
                FailureKind::Reference,
                "the reference's output \"y\" holds NaN",
            ),
            (
                vec![1.0],
                vec![1.0, 2.0],
                FailureKind::Output,
                "expected shape [2], found [1]",
            ),
            (vec![0.1], vec![0.0], FailureKind::Output, "differs from the reference"),
        ] {
            let failure = check(&output, &reference).unwrap_err();
            assert_eq!(failure.kind, kind, "{failure:?}");
            assert!(
                failure.message.contains(text),
                "{} does not contain {text}",
                failure.message
            );
        }
    }

    #[test]
    fn a_missing_output_and_a_wrong_type_are_errors() {
        let named = NamedTensor {
            name: "y".into(),
            tensor: tensor(&[1.0]),
        };
        assert!(
            compare(&[], std::slice::from_ref(&named), &tolerance())
                .unwrap_err()
                .message
                .contains("expected 1 outputs, found 0")
        );
        let other = Tensor::new(vec![1], TensorData::I64(vec![1])).unwrap();
        assert!(
            compare(&[other], &[named], &tolerance())
                .unwrap_err()
                .message
                .contains("expected f32, found i64")
        );
    }

    #[test]
    fn top_is_ordered_and_stable() {
        assert_eq!(top_k_indices(&[1.0, 9.0, 3.0, 9.0, 2.0, 8.0, 0.0]), vec![1, 3, 5, 2, 4]);
        assert_eq!(top_k_indices(&[]), Vec::<usize>::new());
        assert_eq!(top_k_indices(&[2.0]), vec![0]);
    }

    proptest! {
        #[test]
        fn finite_values_give_finite_drifts(values in proptest::collection::vec(any::<f64>().prop_filter("finite", |v| v.is_finite()), 1..50)) {
            let reversed: Vec<f64> = values.iter().rev().copied().collect();
            let drift = drift(&values, &reversed, values.len());
            prop_assert!(drift.max_abs.is_finite() && drift.max_scaled.is_finite() && drift.max_relative.is_finite() && (-1.0..=1.0).contains(&drift.cosine));
        }
    }
}
