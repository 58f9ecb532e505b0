//! What became of the requests of a load, in numbers.

use std::collections::BTreeMap;

use tare_core::stats::{Estimate, median, rounds_estimate};
use tare_record::{Cell, LoadRound};

/// The requests of a cell under load.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadParts {
    /// Items that are answered per second.
    pub rate: Option<Estimate>,
    /// Median time for which a request waits because others are being answered, in nanoseconds.
    pub queue_ns: f64,
    /// Median time for which it waits for others to join its run.
    pub batching_ns: f64,
    /// Median time of its run.
    pub compute_ns: f64,
    /// Median of the rest, if a server answers.
    pub transport_ns: Option<f64>,
    /// Share of the runs that answer a number of requests, by that number.
    pub runs: BTreeMap<usize, f64>,
    /// Requests that were handed over late although nothing was being answered.
    pub late: u64,
    /// Requests that were dropped because too many were waiting.
    pub dropped: u64,
    /// Requests that still waited when the time was over.
    pub unanswered: u64,
}

impl LoadParts {
    /// `None` if the cell was not measured under load.
    pub fn of(cell: &Cell) -> Option<Self> {
        let rounds = &cell.load_rounds;
        let total = |of: fn(&LoadRound) -> u64| rounds.iter().map(of).sum();
        Some(Self {
            rate: rounds_estimate(&rates(cell)),
            queue_ns: part_ns(cell, |round| &round.queue_ns)?,
            batching_ns: part_ns(cell, |round| &round.batching_ns)?,
            compute_ns: part_ns(cell, |round| &round.compute_ns)?,
            transport_ns: part_ns(cell, |round| &round.transport_ns),
            runs: shares(rounds.iter().flat_map(|round| round.run_requests.iter().copied())),
            late: total(|round| round.late),
            dropped: total(|round| round.dropped),
            unanswered: total(|round| round.unanswered),
        })
    }
}

/// Items per second, by round.
pub(crate) fn rates(cell: &Cell) -> Vec<Vec<f64>> {
    let items = cell.load.batch as f64;
    let of = |round: &LoadRound| round.queue_ns.len() as f64 * items * 1e9 / round.duration_ns.max(1) as f64;
    let answered = cell.load_rounds.iter().filter(|round| !round.queue_ns.is_empty());
    answered.map(|round| vec![of(round)]).collect()
}

/// Median over all requests of one part of their time, in nanoseconds.
pub(crate) fn part_ns(cell: &Cell, part: fn(&LoadRound) -> &Vec<u64>) -> Option<f64> {
    let all = cell.load_rounds.iter().flat_map(part);
    median(&all.map(|&ns| ns as f64).collect::<Vec<_>>())
}

fn shares(values: impl Iterator<Item = usize>) -> BTreeMap<usize, f64> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    let all: usize = counts.values().sum();
    let share = |(value, count)| (value, count as f64 / all as f64);
    counts.into_iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_by_their_requests() {
        let expected: BTreeMap<usize, f64> = [(1, 0.25), (8, 0.75)].into();
        assert_eq!(shares([8, 1, 8, 8].into_iter()), expected);
        assert!(shares(std::iter::empty()).is_empty());
    }
}
