use super::{median, quantile};
use crate::Random;

/// Resamples drawn: the ends of a 95 % interval then move by about 1 % of its width from seed to seed.
const RESAMPLES: usize = 2000;

/// A figure with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The figure itself.
    pub value: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
}

/// Median of `values` with a 95 % interval by the percentile bootstrap (Efron, 1979), seeded.
///
/// The percentile method and not BCa: BCa's acceleration is estimated by the jackknife, which is inconsistent for the
/// median (Efron, "The Jackknife, the Bootstrap and Other Resampling Plans", 1982, section 3.4).
///
/// `None` for no values. With fewer than six values no interval of this level exists; it is then all they span.
pub fn median_estimate(values: &[f64], seed: u64) -> Option<Estimate> {
    let value = median(values)?;
    let mut random = Random::new(seed, "median");
    let (low, high) = interval(|| resampled_median(values, &mut random));
    Some(widen(Estimate { value, low, high }, values))
}

/// Median of `numerator` as a multiple of the median of `denominator`, with a 95 % interval by resampling both.
///
/// `None` if one is empty or the denominator's median is not positive.
pub fn ratio_estimate(numerator: &[f64], denominator: &[f64], seed: u64) -> Option<Estimate> {
    let (above, below) = (median(numerator)?, median(denominator)?);
    if below <= 0.0 {
        return None;
    }
    let mut random = Random::new(seed, "ratio");
    let (low, high) =
        interval(|| resampled_median(numerator, &mut random) / resampled_median(denominator, &mut random));
    let mut estimate = Estimate {
        value: above / below,
        low,
        high,
    };
    if numerator.len() < SMALLEST || denominator.len() < SMALLEST {
        let ends = |values: &[f64]| {
            values
                .iter()
                .fold((f64::MAX, 0f64), |(a, b), &value| (a.min(value), b.max(value)))
        };
        let ((n_low, n_high), (d_low, d_high)) = (ends(numerator), ends(denominator));
        estimate.low = estimate.low.min(n_low / d_high);
        if d_low > 0.0 {
            estimate.high = estimate.high.max(n_high / d_low);
        }
    }
    Some(estimate)
}

/// Fewest values whose extremes cover the median with 95 %: 1 - 2 * 0.5^6 = 96.9 %.
const SMALLEST: usize = 6;

fn widen(estimate: Estimate, values: &[f64]) -> Estimate {
    if values.len() >= SMALLEST {
        return estimate;
    }
    let low = values.iter().copied().fold(estimate.low, f64::min);
    let high = values.iter().copied().fold(estimate.high, f64::max);
    Estimate { low, high, ..estimate }
}

fn resampled_median(values: &[f64], random: &mut Random) -> f64 {
    let mut resample: Vec<f64> = values
        .iter()
        .map(|_| {
            #[allow(clippy::cast_possible_truncation, reason = "below the length of a slice")]
            let position = random.below(values.len() as u64) as usize;
            values[position]
        })
        .collect();
    let middle = resample.len() / 2;
    let (lower, &mut upper_middle, _) = resample.select_nth_unstable_by(middle, f64::total_cmp);
    if values.len() % 2 == 1 {
        return upper_middle;
    }
    let lower_middle = lower.iter().copied().fold(f64::MIN, f64::max);
    f64::midpoint(lower_middle, upper_middle)
}

fn interval(mut draw: impl FnMut() -> f64) -> (f64, f64) {
    let mut draws: Vec<f64> = (0..RESAMPLES).map(|_| draw()).collect();
    draws.sort_unstable_by(f64::total_cmp);
    // There are RESAMPLES draws, so both quantiles exist.
    let end = |p| quantile(&draws, p).unwrap_or(f64::NAN);
    (end(0.025), end(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64, count: usize) -> Vec<f64> {
        let mut random = Random::new(seed, "noise");
        // Skewed, as latencies are: a floor and an exponential tail. The median of the tail is ln 2.
        (0..count)
            .map(|_| 10.0 - f64::from(random.symmetric_f32() / 2.0 + 0.5).max(1e-9).ln())
            .collect()
    }

    #[test]
    fn intervals_cover_the_true_median() {
        let truth = 10.0 + std::f64::consts::LN_2;
        let covered = (0..400)
            .filter(|&seed| {
                let estimate = median_estimate(&noise(seed, 31), seed).unwrap();
                estimate.low <= truth && truth <= estimate.high
            })
            .count();
        // 95 % of 400 is 380 with a standard deviation of 4.4; three of them.
        assert!((366..=395).contains(&covered), "{covered} of 400");
    }

    #[test]
    fn ratios_of_equal_noise_cover_one() {
        let covered = (0..200)
            .filter(|&seed| {
                let estimate = ratio_estimate(&noise(2 * seed, 31), &noise(2 * seed + 1, 31), seed).unwrap();
                estimate.low <= 1.0 && 1.0 <= estimate.high
            })
            .count();
        assert!((180..=199).contains(&covered), "{covered} of 200");
    }

    #[test]
    fn few_values_give_what_they_span() {
        assert_eq!(median_estimate(&[], 0), None);
        assert_eq!(
            median_estimate(&[3.0], 0),
            Some(Estimate {
                value: 3.0,
                low: 3.0,
                high: 3.0
            })
        );
        assert_eq!(
            median_estimate(&[1.0, 9.0], 0),
            Some(Estimate {
                value: 5.0,
                low: 1.0,
                high: 9.0
            })
        );
        assert_eq!(ratio_estimate(&[1.0], &[], 0), None);
        assert_eq!(ratio_estimate(&[1.0], &[0.0], 0), None);
        assert_eq!(
            ratio_estimate(&[6.0], &[2.0], 0),
            Some(Estimate {
                value: 3.0,
                low: 3.0,
                high: 3.0
            })
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let values = noise(1, 50);
        assert_eq!(median_estimate(&values, 7), median_estimate(&values, 7));
    }
}
