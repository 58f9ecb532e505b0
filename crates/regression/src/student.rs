//! A difference of logarithms, judged by Student's distribution.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// An estimated logarithm of a ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LogRatio {
    /// Natural logarithm.
    pub(crate) value: f64,
    /// Standard error of the value.
    pub(crate) error: f64,
    /// Degrees of freedom of the error.
    pub(crate) freedom: f64,
}

/// Mean of values with its squared error. At least two values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mean {
    pub(crate) value: f64,
    /// Variance of single values.
    pub(crate) variance: f64,
    pub(crate) count: f64,
}

impl Mean {
    /// `None` for fewer than two values, which show no variance.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        if values.len() < 2 {
            return None;
        }
        let count = values.len() as f64;
        let value = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|other| (other - value).powi(2)).sum();
        Some(Self {
            value,
            variance: squares / (count - 1.0),
            count,
        })
    }

    /// Difference of two means whose values scatter alike (Student, "The Probable Error of a Mean", 1908).
    pub(crate) fn minus(&self, other: &Self) -> LogRatio {
        let freedom = self.count + other.count - 2.0;
        let variance = ((self.count - 1.0) * self.variance + (other.count - 1.0) * other.variance) / freedom;
        LogRatio {
            value: self.value - other.value,
            error: (variance * (1.0 / self.count + 1.0 / other.count)).sqrt(),
            freedom,
        }
    }

    /// Difference of a new value and a mean of values like it: the new one scatters as they do, and by another variance, `more`.
    pub(crate) fn to_new(self, new: f64, more: f64) -> LogRatio {
        LogRatio {
            value: new - self.value,
            error: (self.variance * (1.0 + 1.0 / self.count) + more).sqrt(),
            freedom: self.count - 1.0,
        }
    }
}

impl LogRatio {
    /// Probability of a value that is at least as far beyond `tolerance`, in either direction, if there is no difference beyond it.
    pub(crate) fn p_value(&self, tolerance: f64) -> f64 {
        let beyond = self.value.abs() - tolerance;
        if self.error <= 0.0 {
            // Nothing is known of how such values scatter.
            return 1.0;
        }
        (2.0 * self.above(beyond / self.error)).min(1.0)
    }

    /// Both ends of an interval that holds the true value with this probability.
    pub(crate) fn interval(&self, probability: f64) -> [f64; 2] {
        let half = self.quantile(f64::midpoint(probability, 1.0)) * self.error;
        [self.value - half, self.value + half]
    }

    /// The smallest true difference that a test at `level` finds with probability `power`, in either direction, as far as this error is the true
    /// one. A noncentral distribution is taken as a shifted one.
    pub(crate) fn detectable(&self, level: f64, power: f64, tolerance: f64) -> f64 {
        tolerance + (self.quantile(1.0 - level / 2.0) + self.quantile(power)) * self.error
    }

    /// Probability above a value.
    fn above(&self, value: f64) -> f64 {
        match StudentsT::new(0.0, 1.0, self.freedom) {
            Ok(student) => student.sf(value),
            Err(_) => Normal::standard().sf(value),
        }
    }

    fn quantile(&self, probability: f64) -> f64 {
        match StudentsT::new(0.0, 1.0, self.freedom) {
            Ok(student) => student.inverse_cdf(probability),
            Err(_) => Normal::standard().inverse_cdf(probability),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() < 1e-3 * expected.abs().max(1.0),
            "{found}, not {expected}"
        );
    }

    /// Quantiles against `scipy.stats.t.ppf`.
    #[test]
    fn a_tolerance_makes_small_differences_none() {
        let ratio = LogRatio {
            value: 0.04,
            error: 0.01,
            freedom: 20.0,
        };
        assert!(ratio.p_value(0.0) < 0.001 && ratio.p_value(0.03) > 0.3 && ratio.p_value(0.05) == 1.0);
        let [low, high] = ratio.interval(0.95);
        near(low, 0.04 - 2.085_963 * 0.01);
        near(high, 0.04 + 2.085_963 * 0.01);
        near(
            ratio.detectable(0.05, 0.95, 0.02),
            0.02 + (2.085_963 + 1.724_718) * 0.01,
        );
    }

    /// Against `scipy.stats.ttest_ind([5, 6, 7, 9], [1, 2, 4])`.
    #[test]
    fn two_means_differ_as_student_says() {
        let [a, b] = [&[5.0, 6.0, 7.0, 9.0][..], &[1.0, 2.0, 4.0]].map(|values| Mean::of(values).unwrap());
        let difference = a.minus(&b);
        near(difference.value / difference.error, 3.530197);
        near(difference.p_value(0.0), 0.016736);
    }

    #[test]
    fn values_that_do_not_scatter_are_defined() {
        let [same, other] = [&[1.0; 3][..], &[2.0; 3]].map(|values| Mean::of(values).unwrap());
        assert!(same.minus(&same).p_value(0.0) == 1.0 && other.minus(&same).p_value(0.0) == 1.0);
        assert!(same.to_new(1.0, 0.0).p_value(0.0) == 1.0);
        assert!(Mean::of(&[1.0]).is_none());
    }
}
