use super::{effective_count, median};

/// Maximum number of points. All pairs of points are compared.
const MAX_POINTS: usize = 200;

/// Quantile of the standard normal distribution for a two-sided test at 1 %.
const SIGNIFICANT: f64 = 2.576;

/// Relative change from the beginning to the end of a series, if the change is significant: for
/// example 0.05 for values that grow by 5 % because the machine heats up.
///
/// Uses the slope of Theil (1950) and Sen (1968) and the test of Mann (1945) and Kendall (1975).
/// The variance of the test is increased if values are correlated (Hamed and Rao 1998). Long series
/// are first reduced to the medians of at most 200 blocks.
///
/// Returns `None` if there is no trend, there are fewer than ten values, or the median is not
/// positive.
pub fn trend(values: &[f64]) -> Option<f64> {
    let middle = median(values).filter(|&middle| middle > 0.0 && values.len() >= 10)?;
    let block = values.len().div_ceil(MAX_POINTS);
    let points: Vec<f64> = match block {
        1 => values.to_vec(),
        _ => values.chunks(block).filter_map(median).collect(),
    };
    let count = points.len() as f64;
    let mut concordance = 0.0;
    for (position, &earlier) in points.iter().enumerate() {
        for &later in &points[position + 1..] {
            concordance += f64::from(i8::from(later > earlier) - i8::from(later < earlier));
        }
    }
    let least_deviation = (count * (count - 1.0) * (2.0 * count + 5.0) / 18.0).sqrt();
    // Correlation only makes the deviation larger, and most series have no trend: they need no slopes.
    if concordance.abs() <= SIGNIFICANT * least_deviation {
        return None;
    }
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (position, &earlier) in points.iter().enumerate() {
        for (distance, &later) in points[position + 1..].iter().enumerate() {
            slopes.push((later - earlier) / (distance + 1) as f64);
        }
    }
    let slope = median(&slopes)?;
    // The correlation is computed after removing the trend.
    let detrended: Vec<f64> = points
        .iter()
        .enumerate()
        .map(|(position, value)| value - slope * position as f64)
        .collect();
    let inflation = count / effective_count(&detrended);
    let deviation = least_deviation * inflation.sqrt();
    let change = slope * (count - 1.0) / middle;
    (concordance.abs() > SIGNIFICANT * deviation && change.is_finite()).then_some(change)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::noise::{autoregressive, normal};
    use super::*;

    #[test]
    fn drift_is_found() {
        for seed in 0..50 {
            for count in [40usize, 1000] {
                let values: Vec<f64> = normal(seed, count)
                    .iter()
                    .enumerate()
                    .map(|(position, noise)| 100.0 + noise + 10.0 * position as f64 / count as f64)
                    .collect();
                let found = trend(&values).unwrap();
                assert!((0.06..0.13).contains(&found), "{found}");
            }
        }
    }

    #[test]
    fn noise_has_no_trend() {
        let found = |series: &dyn Fn(u64) -> Vec<f64>| {
            (0..500)
                .filter(|&seed| trend(&series(seed).iter().map(|value| value + 100.0).collect::<Vec<_>>()).is_some())
                .count()
        };
        let (independent, correlated) = (
            found(&|seed| normal(seed, 150)),
            found(&|seed| autoregressive(seed, 150, 0.5)),
        );
        assert!(
            independent <= 15 && correlated <= 40,
            "{independent} and {correlated} of 500"
        );
    }

    #[test]
    fn degenerate_series_have_no_trend() {
        for values in [vec![], vec![1.0; 5], vec![1.0; 50], vec![0.0; 50], vec![f64::NAN; 50]] {
            assert_eq!(trend(&values), None, "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn no_series_makes_it_panic(values in proptest::collection::vec(any::<f64>(), 0..60)) {
            trend(&values);
        }
    }
}
