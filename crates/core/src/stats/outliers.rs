use super::median;

/// Values with a larger modified z-score are outliers (Iglewicz and Hoaglin, "How to Detect and
/// Handle Outliers", 1993).
const LIMIT: f64 = 3.5;

/// Modified z-score of each value: `0.6745 (x - median) / MAD`, where MAD is the median of the
/// absolute deviations. If MAD is 0 because more than half of the values are equal, the score is
/// `(x - median) / (1.2533 mean absolute deviation)`.
///
/// Returns zeros for equal values, and nothing if there is no median.
pub fn modified_z_scores(values: &[f64]) -> Vec<f64> {
    let Some(middle) = median(values) else {
        return vec![];
    };
    let deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let mad = median(&deviations).unwrap_or(0.0) / 0.6745;
    let mean = deviations.iter().sum::<f64>() / deviations.len() as f64 * 1.253_314;
    let scale = if mad > 0.0 { mad } else { mean };
    let score = |value: &f64| if scale > 0.0 { (value - middle) / scale } else { 0.0 };
    values.iter().map(score).collect()
}

/// Number of outliers. They are reported, but kept.
pub fn outlier_count(values: &[f64]) -> usize {
    modified_z_scores(values)
        .iter()
        .filter(|score| score.abs() > LIMIT)
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::noise::normal;
    use super::*;

    #[test]
    fn scores_match_the_definition() {
        // The median is 3, and the absolute deviations 2 1 0 1 97 have the median 1.
        let scores = modified_z_scores(&[1.0, 2.0, 3.0, 4.0, 100.0]);
        for (score, expected) in scores.iter().zip([-1.349, -0.6745, 0.0, 0.6745, 65.4265]) {
            assert!((score - expected).abs() < 1e-9, "{scores:?}");
        }
        assert_eq!(outlier_count(&[1.0, 2.0, 3.0, 4.0, 100.0]), 1);
    }

    #[test]
    fn spikes_are_counted_and_noise_is_not() {
        let mut values = normal(1, 500);
        assert!(outlier_count(&values) <= 3);
        for position in [50, 200, 350, 400] {
            values[position] += 20.0;
        }
        assert!((4..=7).contains(&outlier_count(&values)));
    }

    #[test]
    fn the_only_different_value_is_an_outlier() {
        assert_eq!(outlier_count(&[]), 0);
        assert_eq!(outlier_count(&[2.0; 9]), 0);
        let mut values = [2.0; 20];
        values[7] = 3.0;
        assert_eq!(outlier_count(&values), 1);
    }

    proptest! {
        #[test]
        fn scores_are_finite(values in proptest::collection::vec(-1e100f64..1e100, 0..40)) {
            prop_assert!(modified_z_scores(&values).iter().all(|score| score.is_finite()));
        }
    }
}
