//! When a history last changed its level.

use crate::student::Mean;

/// The probability of finding a change where there is none. Each place where it could be counts as a test of its own. It is small, because
/// a false change leaves out runs by chance, and the others then seem to scatter too little.
const LEVEL: f64 = 0.001;

/// Values on each side of a change: fewer would say little of how much they scatter.
pub(crate) const LEAST: usize = 4;

/// The index since which the values keep their level: 0 if they always did. A change splits the values where the means before and after differ
/// the most, in units of their error; the part after it is searched again. That is binary segmentation (Scott and Knott, "A Cluster Analysis
/// Method for Grouping Means in the Analysis of Variance", 1974) with Student's test.
pub(crate) fn last_change(values: &[f64]) -> usize {
    let mut start = 0;
    while let Some(at) = change(&values[start..]) {
        start += at;
    }
    start
}

fn change(values: &[f64]) -> Option<usize> {
    let places = LEAST..(values.len() + 1).checked_sub(LEAST)?;
    let tests = places.len() as f64;
    let split = |at: usize| {
        let difference = Mean::of(&values[at..])?.minus(&Mean::of(&values[..at])?);
        Some((at, difference.p_value(0.0)))
    };
    let likeliest = places.filter_map(split).min_by(|a, b| a.1.total_cmp(&b.1));
    likeliest.filter(|(_, p)| p * tests < LEVEL).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::normal;

    #[test]
    fn a_step_is_found_where_it_is() {
        let mut values = normal(1, 20, 0.01);
        assert_eq!(last_change(&values), 0);
        values.extend(normal(2, 12, 0.01).iter().map(|value| value + 0.1));
        assert_eq!(last_change(&values), 20);
        values.extend(normal(3, 6, 0.01).iter().map(|value| value - 0.1));
        assert_eq!(last_change(&values), 32);
    }

    #[test]
    fn short_and_flat_histories_have_none() {
        for values in [&[][..], &[1.0], &[1.0, 9.0], &[1.0, 1.0, 9.0], &[3.0; 30]] {
            assert_eq!(last_change(values), 0, "{values:?}");
        }
    }

    #[test]
    fn noise_is_rarely_taken_for_a_change() {
        let found = (0..1_000)
            .filter(|&seed| last_change(&normal(seed, 12, 0.02)) > 0)
            .count();
        assert!(found <= 4, "{found} of 1000");
    }
}
