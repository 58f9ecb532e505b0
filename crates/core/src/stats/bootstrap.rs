use super::{effective_count, median, quantile};
use crate::Random;

/// Pairs of medians drawn for a ratio. With this many, the ends of a 95 % interval vary between
/// seeds by about 1 % of the interval's width.
pub(super) const DRAWS: usize = 2000;

/// Smallest number of values whose extremes cover the median with 95 % probability: 1 - 2 * 0.5^6 =
/// 96.9 %.
const MIN_COUNT: usize = 6;

/// An estimated value with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
}

impl Estimate {
    /// Half the width of the interval as a share of the value.
    pub fn relative_half_width(&self) -> f64 {
        (self.high - self.low) / 2.0 / self.value
    }

    /// The smallest relative difference from this value that four of five repetitions would find:
    /// (1.960 + 0.842) standard errors, where the interval is 2 * 1.960 standard errors wide (Cohen
    /// 1988, section 2.4).
    pub fn detectable_effect(&self) -> f64 {
        self.relative_half_width() * (1.960 + 0.842) / 1.960
    }
}

/// How many values in addition to `count` make an effect of size `target` detectable, if `count`
/// values make one of size `effect` detectable: errors shrink with the square root of the count.
pub fn more_needed(count: usize, effect: f64, target: f64) -> usize {
    let needed = count as f64 * ((effect / target).powi(2) - 1.0).max(0.0);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative; saturates"
    )]
    let needed = needed.ceil() as usize;
    needed
}

/// Median of `values` with a 95 % interval by the percentile bootstrap (Efron 1979).
///
/// Resamples are as large as the number of independent values ([`effective_count`]), so that
/// correlated values do not narrow the interval. BCa is not used because its acceleration is
/// estimated by the jackknife, which is inconsistent for the median (Efron, "The Jackknife, the
/// Bootstrap and Other Resampling Plans", 1982, section 3.4).
///
/// Returns `None` if there are no values or one is not finite. For fewer than six values no
/// interval of this level exists, and the interval is their whole range.
pub fn median_estimate(values: &[f64]) -> Option<Estimate> {
    let value = median(values)?;
    let resampled = ResampledMedian::new(values);
    let (low, high) = if values.len() < MIN_COUNT {
        resampled.range()
    } else {
        (resampled.quantile(0.025), resampled.quantile(0.975))
    };
    Some(Estimate { value, low, high })
}

/// Median of `numerator` divided by the median of `denominator`, with a 95 % interval by resampling
/// both.
///
/// Returns `None` if a median does not exist or the smallest value of the denominator is not
/// positive.
pub fn ratio_estimate(numerator: &[f64], denominator: &[f64], seed: u64) -> Option<Estimate> {
    let value = median(numerator)? / median(denominator)?;
    let (above, below) = (ResampledMedian::new(numerator), ResampledMedian::new(denominator));
    if below.range().0 <= 0.0 {
        return None;
    }
    let mut random = Random::new(seed, "ratio");
    let mut draws: Vec<f64> = (0..DRAWS)
        .map(|_| above.draw(&mut random) / below.draw(&mut random))
        .collect();
    draws.sort_unstable_by(f64::total_cmp);
    // Both quantiles exist, because there are draws.
    let end = |p| quantile(&draws, p).unwrap_or(f64::NAN);
    let mut estimate = Estimate {
        value,
        low: end(0.025),
        high: end(0.975),
    };
    if numerator.len() < MIN_COUNT || denominator.len() < MIN_COUNT {
        estimate.low = above.range().0 / below.range().1;
        estimate.high = above.range().1 / below.range().0;
    }
    Some(estimate)
}

/// The exact bootstrap distribution of a median. The median of a resample is one of the values.
/// Which one follows from the distribution of the middle one of `m` uniform numbers, which is
/// Beta(k, k) with `m = 2k - 1`. No resamples are drawn, so ten thousand values take only as long
/// as ten resamples would.
pub(super) struct ResampledMedian {
    sorted: Vec<f64>,
    /// Probability that the median of a resample is at most the value with the same index in
    /// `sorted`.
    cumulative: Vec<f64>,
}

impl ResampledMedian {
    /// Computes the distribution for at least one value.
    pub(super) fn new(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let k = (effective_count(values) / 2.0).round().max(1.0);
        // The density of Beta(k, k), relative to the density at its middle:
        // `(4 p (1 - p))^(k - 1)`, or `(1 - u)^(k - 1)`.
        let density = |p: f64| {
            let u = (2.0 * p - 1.0).powi(2);
            // The density is at most exp(-(k - 1) u), which vanishes for most of a long series.
            if (k - 1.0) * u > 60.0 {
                return 0.0;
            }
            ((k - 1.0) * (1.0 - u).max(f64::MIN_POSITIVE).ln()).exp()
        };
        let width = 1.0 / sorted.len() as f64;
        // Simpson's rule, with steps smaller than the width of the density, which is about
        // `0.35 / sqrt(k)`.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small and positive"
        )]
        let parts = 2 * (width * k.sqrt() * 8.0).ceil().max(4.0) as usize;
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = (0..sorted.len())
            .map(|position| {
                let at = |part: usize| density((position as f64 + part as f64 / parts as f64) * width);
                let inner: f64 = (1..parts)
                    .map(|part| at(part) * if part % 2 == 1 { 4.0 } else { 2.0 })
                    .sum();
                sum += at(0) + inner + at(parts);
                sum
            })
            .collect();
        for share in &mut cumulative {
            *share /= sum;
        }
        Self { sorted, cumulative }
    }

    fn quantile(&self, p: f64) -> f64 {
        let position = self.cumulative.partition_point(|&share| share < p);
        self.sorted[position.min(self.sorted.len() - 1)]
    }

    pub(super) fn draw(&self, random: &mut Random) -> f64 {
        self.quantile(random.below(1 << 53) as f64 / (1u64 << 53) as f64)
    }

    fn range(&self) -> (f64, f64) {
        (self.sorted[0], self.sorted[self.sorted.len() - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::super::noise::{BIMODAL_MEDIAN, autoregressive, bimodal, exponential, normal};
    use super::*;

    /// Checks that about 95 % of 2,000 intervals cover the true median.
    #[track_caller]
    fn covers(truth: f64, series: impl Fn(u64) -> Vec<f64>) {
        let covered = (0..2000)
            .filter(|&seed| {
                let estimate = median_estimate(&series(seed)).unwrap();
                estimate.low <= truth && truth <= estimate.high
            })
            .count();
        assert!((1860..=1940).contains(&covered), "{covered} of 2000");
    }

    #[test]
    fn intervals_cover_the_true_median() {
        covers(0.0, |seed| normal(seed, 100));
        covers(std::f64::consts::LN_2, |seed| exponential(seed, 100));
        covers(BIMODAL_MEDIAN, |seed| bimodal(seed, 100));
        covers(0.0, |seed| autoregressive(seed, 300, 0.5));
    }

    #[test]
    fn one_in_twenty_pairs_of_equal_series_differs() {
        let found = (0..1000)
            .filter(|&seed| {
                let [a, b] = [2 * seed, 2 * seed + 1].map(|seed| {
                    exponential(seed, 60)
                        .iter()
                        .map(|value| value + 10.0)
                        .collect::<Vec<_>>()
                });
                let estimate = ratio_estimate(&a, &b, seed).unwrap();
                estimate.low > 1.0 || estimate.high < 1.0
            })
            .count();
        assert!((25..=75).contains(&found), "{found} of 1000");
    }

    #[test]
    fn a_detectable_slowdown_is_found() {
        let (mut tried, mut found) = (0, 0);
        for seed in 0..400 {
            let [a, b] = [2 * seed, 2 * seed + 1].map(|seed| {
                normal(seed, 100)
                    .iter()
                    .map(|value| 100.0 + 8.0 * value)
                    .collect::<Vec<_>>()
            });
            let slower: Vec<f64> = b.iter().map(|value| value * 1.05).collect();
            if ratio_estimate(&b, &a, seed).unwrap().detectable_effect() <= 0.05 {
                tried += 1;
                found += usize::from(ratio_estimate(&slower, &a, seed).unwrap().low > 1.0);
            }
        }
        assert!(tried > 100 && found * 5 >= tried * 4, "{found} of {tried}");
    }

    #[test]
    fn the_interval_of_few_values_is_their_range() {
        let estimate = |value, low, high| Some(Estimate { value, low, high });
        assert_eq!(median_estimate(&[]), None);
        assert_eq!(median_estimate(&[3.0]), estimate(3.0, 3.0, 3.0));
        assert_eq!(median_estimate(&[1.0, 9.0]), estimate(5.0, 1.0, 9.0));
        assert_eq!(median_estimate(&[7.0; 40]), estimate(7.0, 7.0, 7.0));
        for broken in [f64::NAN, f64::INFINITY] {
            assert_eq!(median_estimate(&[1.0, broken]), None);
            assert_eq!(ratio_estimate(&[1.0], &[broken], 0), None);
        }
        assert_eq!(ratio_estimate(&[1.0], &[], 0), None);
        assert_eq!(ratio_estimate(&[1.0], &[0.0], 0), None);
        assert_eq!(ratio_estimate(&[6.0], &[2.0], 0), estimate(3.0, 3.0, 3.0));
    }

    #[test]
    fn the_exact_distribution_matches_resampling() {
        let values = exponential(3, 41);
        let mut random = Random::new(1, "resample");
        let mut medians: Vec<f64> = (0..20_000)
            .map(|_| {
                let mut draw = || values[usize::try_from(random.below(41)).unwrap()];
                let resample: Vec<f64> = (0..41).map(|_| draw()).collect();
                median(&resample).unwrap()
            })
            .collect();
        medians.sort_unstable_by(f64::total_cmp);
        let exact = ResampledMedian::new(&values);
        // The precision of the simulation is about one position of 41.
        let position = |value: f64| exact.sorted.partition_point(|&known| known < value);
        for p in [0.025, 0.25, 0.5, 0.75, 0.975] {
            let (found, expected) = (position(exact.quantile(p)), position(quantile(&medians, p).unwrap()));
            assert!(found.abs_diff(expected) <= 1, "{p}: {found} instead of {expected}");
        }
    }

    #[test]
    fn more_values_show_smaller_effects() {
        assert_eq!(more_needed(100, 0.04, 0.02), 300);
        assert_eq!(more_needed(100, 0.02, 0.04), 0);
    }
}
