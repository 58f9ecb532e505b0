//! Estimates from several rounds, each measured by its own process or worker.

use super::{Estimate, median, median_estimate, ratio_estimate};

/// Quantile 0.975 of the standard normal distribution.
const NORMAL: f64 = 1.959_964;

/// Median duration of a run over several rounds, with a 95 % interval.
///
/// Two processes that run the same code differ by more than their samples show, because memory and
/// threads are placed differently. Therefore the interval comes from the rounds and not from the
/// samples (Kalibera and Jones, "Rigorous Benchmarking in Reasonable Time", 2013, section 6). The
/// value is the geometric mean of the rounds' medians. The interval is Student's over the
/// logarithms of these medians, which includes the variation within rounds. For a single round this
/// is [`median_estimate`], which does not include the differences between processes.
///
/// Returns `None` if there are no samples, or one is not positive and finite.
pub fn rounds_estimate(rounds: &[Vec<f64>]) -> Option<Estimate> {
    if let [only] = rounds {
        return median_estimate(only);
    }
    Spread::of(rounds)?.estimate()
}

/// Ratio of the median durations of a run of `numerator` and of `denominator`, with a 95 %
/// interval. The interval is Welch's ("The Generalization of Student's Problem", 1947) over the
/// logarithms of the rounds' medians. If both sides have a single round, this is
/// [`ratio_estimate`].
///
/// Returns `None` if there are no samples, or one is not positive and finite.
pub fn rounds_ratio(numerator: &[Vec<f64>], denominator: &[Vec<f64>], seed: u64) -> Option<Estimate> {
    if let ([above], [below]) = (numerator, denominator) {
        return ratio_estimate(above, below, seed);
    }
    let (above, below) = (Spread::of(numerator)?, Spread::of(denominator)?);
    let share = |spread: &Spread| spread.variance.powi(2) / spread.freedom;
    let variance = above.variance + below.variance;
    let shares = share(&above) + share(&below);
    Spread {
        location: above.location - below.location,
        variance,
        freedom: if shares > 0.0 {
            variance.powi(2) / shares
        } else {
            above.freedom.min(below.freedom)
        },
    }
    .estimate()
}

/// Logarithm of an estimated value, and its uncertainty.
pub(super) struct Spread {
    location: f64,
    /// Variance of the location, not of the samples.
    variance: f64,
    /// Degrees of freedom of the variance.
    freedom: f64,
}

impl Spread {
    fn of(rounds: &[Vec<f64>]) -> Option<Self> {
        let positive = |value: &f64| *value > 0.0 && value.is_finite();
        if rounds.is_empty() || !rounds.iter().flatten().all(positive) {
            return None;
        }
        let logarithms: Option<Vec<f64>> = rounds.iter().map(|round| Some(median(round)?.ln())).collect();
        let logarithms = logarithms?;
        if let [only] = rounds {
            let location = logarithms[0];
            let within = median_estimate(only)?;
            return Some(Self {
                location,
                variance: ((within.high / within.low).ln() / (2.0 * NORMAL)).powi(2),
                freedom: f64::INFINITY,
            });
        }
        Some(Self::of_values(&logarithms))
    }

    /// The mean of at least two values.
    pub(super) fn of_values(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let location = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - location).powi(2)).sum();
        Self {
            location,
            variance: squares / (count - 1.0) / count,
            freedom: count - 1.0,
        }
    }

    pub(super) fn estimate(&self) -> Option<Estimate> {
        let half = student(self.freedom) * self.variance.sqrt();
        let estimate = Estimate {
            value: self.location.exp(),
            low: (self.location - half).exp(),
            high: (self.location + half).exp(),
        };
        estimate.value.is_finite().then_some(estimate)
    }
}

/// Quantile 0.975 of Student's distribution: exact for one and two degrees of freedom, otherwise by
/// expansion 26.7.5 of Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, with an
/// error of at most 0.2 %. Fractional degrees of freedom are rounded down, which widens the
/// interval.
fn student(freedom: f64) -> f64 {
    let freedom = freedom.floor().max(1.0);
    if freedom < 2.0 {
        return 12.706_205;
    }
    if freedom < 3.0 {
        return 4.302_653;
    }
    let power = |exponent: i32| NORMAL.powi(exponent);
    let terms = [
        (power(3) + power(1)) / 4.0,
        (5.0 * power(5) + 16.0 * power(3) + 3.0 * power(1)) / 96.0,
        (3.0 * power(7) + 19.0 * power(5) + 17.0 * power(3) - 15.0 * power(1)) / 384.0,
        (79.0 * power(9) + 776.0 * power(7) + 1482.0 * power(5) - 1920.0 * power(3) - 945.0 * power(1)) / 92_160.0,
    ];
    let inverse = 1.0 / freedom;
    terms.iter().rev().fold(0.0, |sum, term| (sum + term) * inverse) + NORMAL
}

#[cfg(test)]
mod tests {
    use super::super::noise::{exponential, normal};
    use super::*;

    #[test]
    fn students_quantiles_match_the_tables() {
        for (freedom, expected) in [
            (0.5, 12.706),
            (1.0, 12.706),
            (2.9, 4.303),
            (3.0, 3.182),
            (4.0, 2.776),
            (9.0, 2.262),
            (30.0, 2.042),
            (f64::INFINITY, 1.960),
        ] {
            let found = student(freedom);
            assert!(
                (found - expected).abs() < 0.005,
                "{freedom}: {found} instead of {expected}"
            );
        }
    }

    /// Rounds that differ from each other by a share of `between`, each with `samples` skewed
    /// samples.
    fn rounds(seed: u64, count: u64, samples: usize, between: f64) -> Vec<Vec<f64>> {
        let offsets = normal(seed + 1_000_000, usize::try_from(count).unwrap());
        (0..count)
            .zip(offsets)
            .map(|(round, offset)| {
                exponential(seed * 100 + round, samples)
                    .iter()
                    .map(|tail| (10.0 + tail) * (between * offset).exp())
                    .collect()
            })
            .collect()
    }

    /// The true median of every series of [`rounds`].
    const TRUTH: f64 = 10.0 + std::f64::consts::LN_2;

    #[test]
    fn intervals_include_the_differences_between_rounds() {
        for (count, between) in [(5, 0.03), (3, 0.03), (5, 0.0)] {
            let covered = (0..2000)
                .filter_map(|seed| rounds_estimate(&rounds(seed, count, 40, between)))
                .filter(|estimate| estimate.low <= TRUTH && TRUTH <= estimate.high)
                .count();
            assert!(
                (1860..=1940).contains(&covered),
                "{count} rounds, {between}: {covered} of 2000"
            );
        }
    }

    #[test]
    fn equal_cells_in_rounds_rarely_differ() {
        for between in [0.0, 0.01, 0.05] {
            let apart = (0..1000)
                .filter_map(|seed| {
                    let [a, b] = [2 * seed, 2 * seed + 1].map(|seed| rounds(seed, 5, 30, between));
                    rounds_ratio(&a, &b, seed)
                })
                .filter(|ratio| ratio.low > 1.0 || ratio.high < 1.0)
                .count();
            assert!(apart <= 65, "{between}: {apart} of 1000");
        }
    }

    #[test]
    fn one_round_is_not_enough() {
        let apart = (0..200)
            .filter_map(|seed| {
                let [a, b] = [2 * seed, 2 * seed + 1].map(|seed| rounds(seed, 1, 200, 0.03));
                rounds_ratio(&a, &b, seed)
            })
            .filter(|ratio| ratio.low > 1.0 || ratio.high < 1.0)
            .count();
        assert!(apart > 50, "{apart} of 200");
    }

    #[test]
    fn degenerate_rounds_are_defined() {
        let flat = vec![vec![7.0; 5]; 3];
        let exactly = |value: f64, found: Option<Estimate>| {
            let found = found.unwrap();
            let near = |end: f64| (end - value).abs() < 1e-9;
            assert!(near(found.value) && near(found.low) && near(found.high), "{found:?}");
        };
        exactly(7.0, rounds_estimate(&flat));
        exactly(1.0, rounds_ratio(&flat, &flat, 0));
        exactly(1.0, rounds_ratio(&flat, &flat[..1], 0));
        for broken in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(rounds_estimate(&[vec![1.0], vec![broken]]), None);
        }
        assert_eq!(rounds_estimate(&[]), None);
        assert_eq!(rounds_estimate(&[vec![], vec![1.0]]), None);
        assert_eq!(rounds_ratio(&[], &flat, 0), None);
    }
}
