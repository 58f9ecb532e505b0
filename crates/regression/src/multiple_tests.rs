//! Many tests at once.

/// Adjusts probabilities so that, of those at most `q`, a share of at most `q` is expected to be false. If there is no difference at all,
/// the probability that any is at most `q` is `q` (Benjamini and Hochberg, "Controlling the False Discovery Rate", 1995).
pub(crate) fn adjusted(p_values: &[f64]) -> Vec<f64> {
    let count = p_values.len() as f64;
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[b].total_cmp(&p_values[a]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least: f64 = 1.0;
    // From the largest, whose rank is the count.
    for (index, &place) in order.iter().enumerate() {
        let rank = count - index as f64;
        least = least.min(p_values[place] * count / rank);
        adjusted[place] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against `scipy.stats.false_discovery_control([0.01, 0.04, 0.03, 0.005, 0.5])`.
    #[test]
    fn probabilities_are_adjusted_as_scipy_does() {
        let found = adjusted(&[0.01, 0.04, 0.03, 0.005, 0.5]);
        for (found, expected) in found.iter().zip([0.025, 0.05, 0.05, 0.025, 0.5]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert_eq!(adjusted(&[]), Vec::<f64>::new());
        assert_eq!(adjusted(&[0.2]), [0.2]);
    }
}
