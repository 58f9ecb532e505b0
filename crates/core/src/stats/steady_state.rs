use super::{median, modified_z_scores};

/// How a series changes over its course (after Barrett et al., "Virtual Machine Warmup Blows Hot
/// and Cold", 2017).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SteadyState {
    /// The same from beginning to end.
    Flat,
    /// Slower at first, then steady.
    WarmUp {
        /// Index of the first steady value.
        steady_from: usize,
    },
    /// Slower at the end than at some earlier time.
    SlowDown,
    /// Still changing in the last quarter.
    NoSteadyState,
}

/// Each change costs a penalty of 15 ln n, so that noise does not count as a change (Barrett et
/// al., section 4.2).
const PENALTY: f64 = 15.0;

/// The steady end must be at least one part in this many of the series (Barrett et al.: 500 of
/// 2,000 values).
const STEADY_DIVISOR: usize = 4;

/// Levels that differ from the last one by less than this share of it count as the same: users
/// would not notice.
const SAME_LEVEL: f64 = 0.02;

/// Series with fewer values count as flat.
const MIN_COUNT: usize = 20;

/// Longer series are first reduced to the medians of at most this many blocks, so that the cost of the search has a limit.
const MAX_POINTS: usize = 1000;

/// Finds the changes of level in a series and classifies the series.
pub fn steady_state(values: &[f64]) -> SteadyState {
    let block = values.len().div_ceil(MAX_POINTS);
    if block > 1 && values.iter().all(|value| value.is_finite()) {
        let points: Vec<f64> = values.chunks(block).filter_map(median).collect();
        return match steady_state(&points) {
            SteadyState::WarmUp { steady_from } => SteadyState::WarmUp {
                steady_from: steady_from * block,
            },
            other => other,
        };
    }
    let Some(levels) = levels(values).filter(|_| values.len() >= MIN_COUNT) else {
        return SteadyState::Flat;
    };
    let (last_start, last_level) = levels[levels.len() - 1];
    let same = |level: f64| (level - last_level).abs() <= SAME_LEVEL * last_level.abs();
    // Where the equal levels at the end begin.
    let steady_from = levels
        .iter()
        .rev()
        .take_while(|(_, level)| same(*level))
        .last()
        .map_or(last_start, |level| level.0);
    if steady_from == 0 {
        SteadyState::Flat
    } else if (values.len() - steady_from) * STEADY_DIVISOR < values.len() {
        SteadyState::NoSteadyState
    } else if levels.iter().any(|(_, level)| *level < last_level && !same(*level)) {
        SteadyState::SlowDown
    } else {
        SteadyState::WarmUp { steady_from }
    }
}

/// The index where each level begins, and the median of the level. `None` if there are no values or
/// one is not finite.
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

/// Indices where the mean changes: optimal partitioning with squared errors in units of the noise.
fn change_points(values: &[f64]) -> Option<Vec<usize>> {
    let middle = median(values)?;
    // Neighbors differ only by noise, except at the few changes.
    let steps: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    let noise = (median(&steps)? / 0.6745 / std::f64::consts::SQRT_2).max(middle.abs() * 1e-3);
    if noise <= 0.0 {
        return Some(vec![]);
    }
    // A spike is not a change of level, so outliers are clipped to the smallest deviation of an
    // outlier.
    let scores = modified_z_scores(values);
    let clipped: Vec<f64> = values
        .iter()
        .zip(&scores)
        .map(|(value, score)| {
            let deviation = (value - middle) / noise;
            if score.abs() > 3.5 {
                deviation.signum() * deviation.abs().min(3.5 * deviation.abs() / score.abs())
            } else {
                deviation
            }
        })
        .collect();

    let previous = last_changes(&clipped, PENALTY * (values.len() as f64).ln());
    let mut changes = Vec::new();
    let mut end = clipped.len();
    while previous[end] > 0 {
        end = previous[end];
        changes.push(end);
    }
    changes.reverse();
    Some(changes)
}

/// Means for which it is best to begin the last level at an index.
struct Piece {
    start: usize,
    low: f64,
    high: f64,
    /// Number of values of the level, their mean, and the cost of all values with that mean.
    count: f64,
    mean: f64,
    lowest: f64,
}

impl Piece {
    fn new(start: usize, low: f64, high: f64) -> Self {
        Self {
            start,
            low,
            high,
            count: 0.0,
            mean: 0.0,
            lowest: 0.0,
        }
    }
}

/// For each count of first values, the index where their last level begins in the partition of least cost: squared errors, and a penalty for each level
/// after the first. By functional pruning (Maidstone, Hocking, Rigaill and Fearnhead, "On optimal multiple changepoint algorithms for large data",
/// 2017, which is fast without changes, too. No maintained crate does it.
fn last_changes(values: &[f64], penalty: f64) -> Vec<usize> {
    let (mut sums, mut squares) = (vec![0.0], vec![0.0]);
    for value in values {
        sums.push(sums[sums.len() - 1] + value);
        squares.push(squares[squares.len() - 1] + value * value);
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low >= high || !squares[values.len()].is_finite() {
        return vec![0; values.len() + 1];
    }
    let mut best = vec![-penalty];
    let mut previous = vec![0];
    let mut pieces = vec![Piece::new(0, low, high)];
    for end in 1..=values.len() {
        let (mut least, mut from) = (f64::INFINITY, 0);
        for piece in &mut pieces {
            // The cost of all values with the last level from `start` to `end`, by the mean of that level.
            let sum = sums[end] - sums[piece.start];
            piece.count = (end - piece.start) as f64;
            piece.mean = sum / piece.count;
            piece.lowest = best[piece.start] + penalty + squares[end] - squares[piece.start] - sum * piece.mean;
            let off = piece.mean.clamp(piece.low, piece.high) - piece.mean;
            let total = piece.lowest + piece.count * off * off;
            if total < least {
                (least, from) = (total, piece.start);
            }
        }
        // Another level may begin here, for all means with which those that began earlier cost more than that.
        let mut narrowed: Vec<Piece> = Vec::with_capacity(pieces.len() + 2);
        let mut add = |start: usize, low: f64, high: f64| match narrowed.last_mut() {
            Some(last) if last.start == start => last.high = high,
            _ if low < high => narrowed.push(Piece::new(start, low, high)),
            _ => {}
        };
        for piece in &pieces {
            let reach = ((least + penalty - piece.lowest).max(0.0) / piece.count).sqrt();
            let low = (piece.mean - reach).clamp(piece.low, piece.high);
            let high = (piece.mean + reach).clamp(piece.low, piece.high);
            add(end, piece.low, low);
            add(piece.start, low, high);
            add(end, high, piece.high);
        }
        pieces = narrowed;
        best.push(least);
        previous.push(from);
    }
    previous
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::noise::normal;
    use super::*;

    /// 200 values with a standard deviation of 1. Each level is given with the index where it
    /// begins.
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
    fn shapes_are_recognized() {
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

    /// The same by trying every index.
    fn last_changes_by_trying(values: &[f64], penalty: f64) -> Vec<usize> {
        let cost = |level: &[f64]| {
            let mean = level.iter().sum::<f64>() / level.len() as f64;
            level.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
        };
        let (mut best, mut previous) = (vec![-penalty], vec![0]);
        for end in 1..=values.len() {
            let of = |start: usize| best[start] + penalty + cost(&values[start..end]);
            let start = (0..end).min_by(|&a, &b| of(a).total_cmp(&of(b))).unwrap();
            previous.push(start);
            best.push(of(start));
        }
        previous
    }

    #[test]
    fn pruning_loses_no_change() {
        for seed in 0..50 {
            for levels in [
                vec![(0, 0.0)],
                vec![(0, 3.0), (30, 0.0)],
                vec![(0, 0.0), (50, 2.0), (60, -1.0), (150, 1.5)],
            ] {
                let values = series(seed, &levels);
                for penalty in [0.5, 5.0, 80.0] {
                    assert_eq!(
                        last_changes(&values, penalty),
                        last_changes_by_trying(&values, penalty),
                        "{levels:?}, seed {seed}, penalty {penalty}"
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_series_makes_it_panic(values in proptest::collection::vec(any::<f64>(), 0..60)) {
            steady_state(&values);
            last_changes(&values, 1.0);
        }
    }

    #[test]
    fn long_series_are_reduced_to_blocks() {
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
        assert_eq!(steady_state(&broken), SteadyState::Flat, "a series with NaN is flat");
    }
}
