//! What earlier runs measured of the same work.

use crate::change_point::{LEAST, last_change};
use crate::student::{LogRatio, Mean};

/// One run of a cell: natural logarithms of its rounds' medians, in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Run(pub(crate) Vec<f64>);

impl Run {
    /// The logarithm of the geometric mean of its rounds. `None` if it has none.
    pub(crate) fn level(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.iter().sum::<f64>() / self.0.len() as f64)
    }
}

/// A run next to the runs before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Compared {
    /// Of the run and the runs before it.
    pub(crate) ratio: LogRatio,
    /// Runs that it is compared with.
    pub(crate) runs: usize,
    /// Runs before a change that is known already.
    pub(crate) left_out: usize,
    /// Whether the difference from run to run is part of the error.
    pub(crate) knows_runs: bool,
}

/// Compares a run with those before it, the oldest first: with those since the last change of their level. `None` if too little is known
/// to say how much they scatter.
pub(crate) fn compared(earlier: &[Run], now: &Run) -> Option<Compared> {
    let earlier: Vec<&Run> = earlier.iter().filter(|run| !run.0.is_empty()).collect();
    let levels: Vec<f64> = earlier.iter().filter_map(|run| run.level()).collect();
    let left_out = last_change(&levels);
    let (runs, levels) = (&earlier[left_out..], &levels[left_out..]);
    // So many runs show what differs from run to run.
    let knows_runs = runs.len() >= LEAST;
    let ratio = if knows_runs {
        // A run of fewer rounds than usual says less.
        let share = |run: &Run| 1.0 / run.0.len() as f64;
        let usual = runs.iter().map(|run| share(run)).sum::<f64>() / runs.len() as f64;
        let more = within(runs) * (share(now) - usual).max(0.0);
        Mean::of(levels)?.to_new(now.level()?, more)
    } else {
        let rounds: Vec<f64> = runs.iter().flat_map(|run| &run.0).copied().collect();
        Mean::of(&now.0)?.minus(&Mean::of(&rounds)?)
    };
    if ratio.error <= 0.0 {
        // A coarse clock, or copies.
        return None;
    }
    Some(Compared {
        ratio,
        runs: runs.len(),
        left_out,
        knows_runs,
    })
}

/// Variance of a round within its run. 0 if no run has two rounds.
fn within(runs: &[&Run]) -> f64 {
    let means = runs.iter().filter_map(|run| Mean::of(&run.0));
    let (squares, freedom) = means.fold((0.0, 0.0), |(squares, freedom), mean| {
        let own = mean.count - 1.0;
        (squares + own * mean.variance, freedom + own)
    });
    if freedom > 0.0 { squares / freedom } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::normal;

    fn runs(levels: &[f64], rounds: usize) -> Vec<Run> {
        let run = |(seed, level): (usize, &f64)| {
            let noise = normal(seed as u64, rounds, 0.01);
            Run(noise.iter().map(|value| level + value).collect())
        };
        levels.iter().enumerate().map(run).collect()
    }

    #[test]
    fn few_runs_are_judged_by_their_rounds_and_many_by_themselves() {
        for (count, rounds, expected) in [
            (0, 5, None),
            (1, 1, None),
            (1, 5, Some(false)),
            (3, 5, Some(false)),
            (4, 5, Some(true)),
            (9, 1, Some(true)),
        ] {
            let all = runs(&vec![3.0; count + 1], rounds);
            let found = compared(&all[..count], &all[count]);
            assert_eq!(found.map(|compared| compared.knows_runs), expected, "{count} {rounds}");
            assert_eq!(found.map_or(count, |compared| compared.runs), count);
        }
    }

    #[test]
    fn runs_before_a_known_change_do_not_count() {
        let all = runs(&[[3.0; 8], [3.2; 8]].concat(), 5);
        let found = compared(&all[..15], &all[15]).unwrap();
        assert_eq!((found.left_out, found.runs), (8, 7));
        assert!(found.ratio.p_value(0.0) > 0.05, "{found:?}");
    }
}
