use super::{median, modified_z_scores};

/// What a series does over its run (after Barrett et al., "Virtual Machine Warmup Blows Hot and Cold", 2017).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SteadyState {
    /// The same from beginning to end.
    Flat,
    /// Slower at first, then steady from that position on.
    WarmUp {
        /// Position of the first steady value.
        steady_from: usize,
    },
    /// Faster at some time than at the end.
    SlowDown,
    /// It still changes in its last quarter.
    NoSteadyState,
}

/// A penalty of 15 ln n for each change keeps noise from being taken for one (Barrett et al., section 4.2).
const PENALTY: f64 = 15.0;

/// The steady end must be at least this share of the series (Barrett et al.: 500 of 2,000).
const STEADY_SHARE: usize = 4;

/// Levels nearer than this share of the last one are the same to a user.
const SAME_LEVEL: f64 = 0.02;

/// Fewer values have no shape.
const SMALLEST: usize = 20;

/// Longer series are first cut to the medians of so many blocks: the search takes the square of their number.
const MOST_POINTS: usize = 1000;

/// Finds the changes of level in a series, and says what it does.
pub fn steady_state(values: &[f64]) -> SteadyState {
    let block = values.len().div_ceil(MOST_POINTS);
    if block > 1 && values.iter().all(|value| value.is_finite()) {
        let points: Vec<f64> = values.chunks(block).filter_map(median).collect();
        return match steady_state(&points) {
            SteadyState::WarmUp { steady_from } => SteadyState::WarmUp {
                steady_from: steady_from * block,
            },
            other => other,
        };
    }
    let Some(levels) = levels(values).filter(|_| values.len() >= SMALLEST) else {
        return SteadyState::Flat;
    };
    let (last_start, last_level) = levels[levels.len() - 1];
    let same = |level: f64| (level - last_level).abs() <= SAME_LEVEL * last_level.abs();
    // The first level of those at the end that are the same.
    let steady_from = levels
        .iter()
        .rev()
        .take_while(|(_, level)| same(*level))
        .last()
        .map_or(last_start, |level| level.0);
    if steady_from == 0 {
        SteadyState::Flat
    } else if (values.len() - steady_from) * STEADY_SHARE < values.len() {
        SteadyState::NoSteadyState
    } else if levels.iter().any(|(_, level)| *level < last_level && !same(*level)) {
        SteadyState::SlowDown
    } else {
        SteadyState::WarmUp { steady_from }
    }
}

/// Where each level begins, and its median. `None` for no values, or one that is not finite.
fn levels(values: &[f64]) -> Option<Vec<(usize, f64)>> {
    let mut starts = change_points(values)?;
    starts.insert(0, 0);
    let ends = starts.iter().skip(1).copied().chain([values.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| Some((start, median(&values[start..end])?)))
        .collect()
}

/// Positions where the mean changes: optimal partitioning by PELT (Killick, Fearnhead and Eckley 2012), with squared
/// errors in units of the noise. There is no well-kept crate for it that builds for wasm.
fn change_points(values: &[f64]) -> Option<Vec<usize>> {
    let middle = median(values)?;
    // Neighbours differ by noise alone, except at the few changes.
    let steps: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    let noise = (median(&steps)? / 0.6745 / std::f64::consts::SQRT_2).max(middle.abs() * 1e-3);
    if noise <= 0.0 {
        return Some(vec![]);
    }
    // A spike is no change of level: it counts as the deviation from which on values are outliers.
    let spread = modified_z_scores(values);
    let clipped: Vec<f64> = values
        .iter()
        .zip(&spread)
        .map(|(value, score)| {
            let deviation = (value - middle) / noise;
            if score.abs() > 3.5 {
                deviation.signum() * deviation.abs().min(3.5 * deviation.abs() / score.abs())
            } else {
                deviation
            }
        })
        .collect();

    let (mut sums, mut squares) = (vec![0.0], vec![0.0]);
    for value in &clipped {
        sums.push(sums[sums.len() - 1] + value);
        squares.push(squares[squares.len() - 1] + value * value);
    }
    let cost = |start: usize, end: usize| {
        let sum = sums[end] - sums[start];
        squares[end] - squares[start] - sum * sum / (end - start) as f64
    };
    let penalty = PENALTY * (values.len() as f64).ln();
    let mut best = vec![-penalty];
    let mut previous = vec![0];
    let mut candidates = vec![0];
    for end in 1..=clipped.len() {
        let totals: Vec<f64> = candidates
            .iter()
            .map(|&start: &usize| best[start] + cost(start, end) + penalty)
            .collect();
        let (start, least) = candidates
            .iter()
            .copied()
            .zip(totals.iter().copied())
            .min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let mut of_candidates = totals.iter();
        candidates.retain(|_| of_candidates.next().is_some_and(|total| total - penalty <= least));
        candidates.push(end);
        best.push(least);
        previous.push(start);
    }
    let mut changes = Vec::new();
    let mut end = clipped.len();
    while previous[end] > 0 {
        end = previous[end];
        changes.push(end);
    }
    changes.reverse();
    Some(changes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::noise::normal;
    use super::*;

    /// 200 values with a standard deviation of 1 around levels, each from a position on.
    fn series(seed: u64, levels: &[(usize, f64)]) -> Vec<f64> {
        let noise = normal(seed, 200);
        let level = |position: usize| levels.iter().rev().find(|(start, _)| *start <= position).unwrap().1;
        noise
            .iter()
            .enumerate()
            .map(|(position, noise)| level(position) + noise)
            .collect()
    }

    #[test]
    fn shapes_are_recognised() {
        for seed in 0..50 {
            for (levels, expected) in [
                (vec![(0, 100.0)], "flat"),
                (vec![(0, 130.0), (30, 100.0)], "warm-up"),
                (vec![(0, 150.0), (20, 120.0), (60, 100.0)], "warm-up"),
                (vec![(0, 100.0), (100, 120.0)], "slow-down"),
                (vec![(0, 120.0), (30, 100.0), (100, 110.0)], "slow-down"),
                (vec![(0, 100.0), (180, 120.0)], "no steady state"),
                (vec![(0, 120.0), (170, 100.0)], "no steady state"),
            ] {
                let found = match steady_state(&series(seed, &levels)) {
                    SteadyState::Flat => "flat",
                    SteadyState::WarmUp { steady_from } => {
                        let change = levels[levels.len() - 1].0;
                        assert!(steady_from.abs_diff(change) <= 3, "{levels:?}: {steady_from}");
                        "warm-up"
                    }
                    SteadyState::SlowDown => "slow-down",
                    SteadyState::NoSteadyState => "no steady state",
                };
                assert_eq!(found, expected, "{levels:?}, seed {seed}");
            }
        }
    }

    #[test]
    fn spikes_and_small_changes_are_flat() {
        for seed in 0..50 {
            let mut values = series(seed, &[(0, 100.0), (100, 101.0)]);
            for position in [10, 60, 61, 150] {
                values[position] *= 3.0;
            }
            assert_eq!(steady_state(&values), SteadyState::Flat, "seed {seed}");
        }
    }

    #[test]
    fn series_without_noise_have_shapes_too() {
        let mut values = vec![5.0; 100];
        assert_eq!(steady_state(&values), SteadyState::Flat);
        values[..20].fill(9.0);
        assert_eq!(steady_state(&values), SteadyState::WarmUp { steady_from: 20 });
        assert_eq!(steady_state(&[]), SteadyState::Flat);
        assert_eq!(steady_state(&[1.0, 9.0]), SteadyState::Flat);
        assert_eq!(steady_state(&[f64::NAN; 30]), SteadyState::Flat);
        assert_eq!(steady_state(&[0.0; 30]), SteadyState::Flat);
    }

    proptest! {
        #[test]
        fn no_series_makes_it_panic(values in proptest::collection::vec(any::<f64>(), 0..60)) {
            steady_state(&values);
        }
    }

    #[test]
    fn long_series_are_seen_in_blocks() {
        let series = |level: fn(usize) -> f64| -> Vec<f64> {
            let noise = super::super::noise::normal(3, 10_000);
            noise
                .iter()
                .enumerate()
                .map(|(position, noise)| level(position) + noise)
                .collect()
        };
        assert_eq!(steady_state(&series(|_| 100.0)), SteadyState::Flat);
        let SteadyState::WarmUp { steady_from } =
            steady_state(&series(|position| if position < 1500 { 120.0 } else { 100.0 }))
        else {
            panic!("a warm-up");
        };
        assert!((1450..1550).contains(&steady_from), "{steady_from}");
        let mut broken = series(|_| 100.0);
        broken[77] = f64::NAN;
        assert_eq!(
            steady_state(&broken),
            SteadyState::Flat,
            "what is no number has no shape"
        );
    }
}
