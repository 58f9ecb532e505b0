/// Quantile `p` in 0..=1 of values in ascending order, by linear interpolation between order
/// statistics (type 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996).
/// Returns `None` if there are no values.
pub fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = p.clamp(0.0, 1.0) * last as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0..=last")]
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    let share = position - below as f64;
    Some(if share == 0.0 {
        sorted[below]
    } else {
        sorted[below] + (sorted[above] - sorted[below]) * share
    })
}

/// Median of values in any order. For an even count, the mean of the two middle values. Returns
/// `None` if there are no values or one is not finite.
pub fn median(values: &[f64]) -> Option<f64> {
    if values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    if values.is_empty() {
        return None;
    }
    // Selection is much faster than sorting, and integers are compared faster than floats.
    let mut partitioned: Vec<i64> = values.iter().map(|&value| ordered(value)).collect();
    let (below, &mut upper, _) = partitioned.select_nth_unstable(values.len() / 2);
    let upper = from_ordered(upper);
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = from_ordered(below.iter().copied().max()?);
    Some(lower + (upper - lower) * 0.5)
}

/// An integer for each value, in the order of `f64::total_cmp`.
fn ordered(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

fn from_ordered(key: i64) -> f64 {
    f64::from_bits((key ^ ((key >> 63).cast_unsigned() >> 1).cast_signed()).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_match_those_of_r() {
        // R 4: quantile(c(1, 2, 4, 8, 16), p, type = 7).
        let sorted = [1.0, 2.0, 4.0, 8.0, 16.0];
        for (p, expected) in [
            (0.0, 1.0),
            (0.1, 1.4),
            (0.25, 2.0),
            (0.5, 4.0),
            (0.9, 12.8),
            (0.95, 14.4),
            (1.0, 16.0),
        ] {
            let found = quantile(&sorted, p).unwrap();
            assert!((found - expected).abs() < 1e-12, "{p}: {found} instead of {expected}");
        }
    }

    #[test]
    fn few_values_have_a_median() {
        for (values, expected) in [
            (vec![], None),
            (vec![3.0], Some(3.0)),
            (vec![4.0, 1.0], Some(2.5)),
            (vec![3.0, 1.0, 2.0], Some(2.0)),
            (vec![1.0, 2.0, 3.0, 4.0], Some(2.5)),
            (vec![5.0, 5.0, 5.0], Some(5.0)),
        ] {
            assert_eq!(median(&values), expected, "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn a_median_is_the_middle_quantile(values in proptest::collection::vec(-1e9..1e9f64, 0..50)) {
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            prop_assert_eq!(median(&values), quantile(&sorted, 0.5));
        }

        #[test]
        fn quantiles_lie_within_the_values(mut values in proptest::collection::vec(-1e300f64..1e300, 1..40), p in 0.0f64..=1.0) {
            values.sort_unstable_by(f64::total_cmp);
            let found = quantile(&values, p).unwrap();
            prop_assert!(values[0] <= found && found <= values[values.len() - 1]);
        }
    }
}
