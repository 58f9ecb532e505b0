use super::median;

/// Maximum lag. A series that is correlated over more values has no steady state.
const MAX_LAG: usize = 1000;

/// How many successive values carry as much information about the median as one independent value.
/// At least 1.
///
/// This is the integrated autocorrelation time of the signs around the median, because the variance
/// of a median depends on these signs. It is summed by Geyer's initial monotone positive sequence
/// ("Practical Markov Chain Monte Carlo", 1992, section 3.3).
pub fn autocorrelation_time(values: &[f64]) -> f64 {
    let Some(middle) = median(values) else {
        return 1.0;
    };
    let signs: Vec<f64> = values
        .iter()
        .map(|&value| f64::from(i8::from(value > middle) - i8::from(value < middle)))
        .collect();
    let count = signs.len() as f64;
    let mean = signs.iter().sum::<f64>() / count;
    let centered: Vec<f64> = signs.iter().map(|sign| sign - mean).collect();
    let covariance = |lag: usize| centered.iter().zip(&centered[lag..]).map(|(a, b)| a * b).sum::<f64>();
    let variance = covariance(0);
    if variance <= 0.0 {
        return 1.0;
    }
    let (mut sum, mut least) = (0.0, f64::INFINITY);
    for lag in (0..centered.len().saturating_sub(1).min(MAX_LAG)).step_by(2) {
        let pair = (covariance(lag) + covariance(lag + 1)) / variance;
        if pair <= 0.0 {
            break;
        }
        least = least.min(pair);
        sum += least;
    }
    (2.0 * sum - 1.0).max(1.0)
}

/// How many independent values would determine the median as precisely as this series. At least 1
/// for a nonempty series.
pub fn effective_count(values: &[f64]) -> f64 {
    (values.len() as f64 / autocorrelation_time(values)).max(values.len().min(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::super::noise::{autoregressive, normal};
    use super::*;

    #[test]
    fn independent_values_count_fully() {
        let times: f64 = (0..50)
            .map(|seed| autocorrelation_time(&normal(seed, 400)))
            .sum::<f64>()
            / 50.0;
        assert!((1.0..1.2).contains(&times), "{times}");
    }

    #[test]
    fn correlated_values_count_less() {
        // The signs of a Gaussian AR(1) series correlate by 2/pi asin(phi^k). For phi = 0.5 the
        // time is 2.36.
        let times: f64 = (0..50)
            .map(|seed| autocorrelation_time(&autoregressive(seed, 2000, 0.5)))
            .sum::<f64>()
            / 50.0;
        assert!((2.1..2.7).contains(&times), "{times}");
    }

    #[test]
    fn degenerate_series_have_an_autocorrelation_time() {
        for values in [vec![], vec![1.0], vec![1.0, 2.0], vec![5.0; 40]] {
            assert_eq!(autocorrelation_time(&values), 1.0, "{values:?}");
        }
        assert_eq!(effective_count(&[]), 0.0);
        assert_eq!(effective_count(&[1.0]), 1.0);
    }
}
