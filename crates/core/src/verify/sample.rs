//! Output samples: some elements of an output, which show whether two environments computed the
//! same.
//!
//! Every output is compared with a reference, but the reference comes from the same environment. A
//! compiler bug there affects both. Hashes do not help, because environments round differently.

use tare_record::OutputSample;

const ELEMENTS: usize = 64;

/// Samples the elements of an output, given in row-major order.
pub(crate) fn output_sample(elements: &[f64]) -> OutputSample {
    let count = elements.len().min(ELEMENTS);
    OutputSample {
        largest: elements.iter().fold(0.0, |largest, value| value.abs().max(largest)),
        values: (0..count)
            .map(|number| elements[number * elements.len() / count])
            .collect(),
    }
}

/// Largest difference between two output samples, as a share of the largest magnitude. `None` if
/// they have different numbers of elements.
pub fn sample_distance(a: &OutputSample, b: &OutputSample) -> Option<f64> {
    if a.values.len() != b.values.len() {
        return None;
    }
    let largest = a.largest.max(b.largest);
    // Numbers too small for a normal f32 count as 0, as in verification.
    if largest < f64::from(f32::MIN_POSITIVE) {
        return Some(0.0);
    }
    let differences = a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs());
    Some(differences.fold(0.0, f64::max) / largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_evenly_spaced() {
        let elements: Vec<f64> = (0..1000).map(f64::from).collect();
        let OutputSample { largest, values } = output_sample(&elements);
        assert_eq!((largest, values.len()), (999.0, 64));
        assert_eq!((values[0], values[1], values[63]), (0.0, 15.0, 984.0));
        assert_eq!(output_sample(&[-2.0, 1.0]).values, [-2.0, 1.0]);
        assert!(output_sample(&[]).values.is_empty());
    }

    #[test]
    fn distances_are_shares_of_the_largest_element() {
        for (a, b, expected) in [
            (vec![1.0, -4.0], vec![1.0, -4.0], Some(0.0)),
            (vec![1.0, -4.0], vec![1.5, -4.0], Some(0.125)),
            (vec![0.0], vec![1e-40], Some(0.0)),
            (vec![1.0], vec![1.0, 1.0], None),
            (vec![], vec![], Some(0.0)),
        ] {
            assert_eq!(
                sample_distance(&output_sample(&a), &output_sample(&b)),
                expected,
                "{a:?} {b:?}"
            );
        }
    }
}
