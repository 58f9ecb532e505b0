//! What a model in fewer bits computes differently, over many inputs.

use tare_record::Accuracy;

use super::compare::{compare, top_k_indices};
use crate::Tensor;

/// Adds the outputs for one input: those of the model in f32, and those of the converted one. Rows of the last axis of
/// the first output are compared by their largest elements.
///
/// Outputs of other shapes count as rows that differ.
pub(crate) fn add(accuracy: &mut Accuracy, original: &[Tensor], converted: &[Tensor], label: Option<usize>) {
    accuracy.inputs += 1;
    for (index, (original, converted)) in original.iter().zip(converted).enumerate() {
        let name = crate::NamedTensor {
            name: index.to_string(),
            tensor: original.clone(),
        };
        // No difference is too large: it is what is asked for.
        let any = [(original.dtype(), f64::INFINITY)].into();
        if let Ok(drifts) = compare(std::slice::from_ref(converted), &[name], &any) {
            for drift in drifts {
                accuracy.max_scaled = accuracy.max_scaled.max(drift.max_scaled);
                accuracy.worst_cosine = accuracy.worst_cosine.min(drift.cosine);
            }
        }
    }
    let Some((original, converted)) = original.first().zip(converted.first()) else {
        return;
    };
    let length = original.shape().last().copied().unwrap_or(1).max(1);
    let (original, converted) = (original.to_f64(), converted.to_f64());
    for (row, (original, converted)) in original.chunks(length).zip(converted.chunks(length)).enumerate() {
        let (before, after) = (top_k_indices(original), top_k_indices(converted));
        accuracy.rows += 1;
        accuracy.same_top1 += u64::from(before.first() == after.first());
        accuracy.same_top5 += u64::from(before.iter().all(|index| after.contains(index)));
        if let (0, Some(label)) = (row, label) {
            let right = accuracy.right.get_or_insert([0, 0]);
            right[0] += u64::from(before.first() == Some(&label));
            right[1] += u64::from(after.first() == Some(&label));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorData;

    #[test]
    fn rows_are_compared_by_their_largest_elements() {
        let tensor = |values: &[f32]| Tensor::new(vec![2, 3], TensorData::F32(values.to_vec())).unwrap();
        let mut accuracy = Accuracy::default();
        let original = [tensor(&[1.0, 2.0, 3.0, 3.0, 2.0, 1.0])];
        add(&mut accuracy, &original, &original, Some(2));
        assert_eq!((accuracy.rows, accuracy.same_top1, accuracy.same_top5), (2, 2, 2));
        add(
            &mut accuracy,
            &original,
            &[tensor(&[1.0, 3.1, 3.0, 3.0, 2.0, 1.0])],
            Some(2),
        );
        assert_eq!((accuracy.inputs, accuracy.rows, accuracy.same_top1), (2, 4, 3));
        assert_eq!(accuracy.right, Some([2, 1]));
        assert!((accuracy.max_scaled - 1.1 / 3.0).abs() < 1e-6, "{accuracy:?}");
        assert!(accuracy.worst_cosine < 1.0);
    }
}
