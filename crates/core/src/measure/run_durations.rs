//! Converts samples to durations of single runs.

use tare_record::{Cell, StageInfo, StageRound};

use crate::stats::{SteadyState, steady_state};

/// Duration of one run in nanoseconds, for each sample of each round. Rounds without samples are
/// left out.
pub fn run_durations_ns(cell: &Cell) -> Vec<Vec<f64>> {
    numbered_run_durations_ns(cell)
        .into_iter()
        .map(|(_, round)| round)
        .collect()
}

/// Like [`run_durations_ns`], with the number of each round in its run. It is 0 in records of
/// earlier builds.
pub fn numbered_run_durations_ns(cell: &Cell) -> Vec<(usize, Vec<f64>)> {
    let runs = f64::from(cell.runs_per_sample.max(1));
    let mut remaining = cell.samples_ns.iter().map(|&ns| ns as f64 / runs);
    let mut rounds: Vec<(usize, Vec<f64>)> = cell
        .rounds
        .iter()
        .map(|round| (round.number, remaining.by_ref().take(round.samples).collect()))
        .collect();
    // A record of a single round does not list its rounds.
    rounds.push((0, remaining.collect()));
    rounds.retain(|(_, round)| !round.is_empty());
    rounds
}

/// Duration of one run of a stage in nanoseconds, for each sample of each round.
pub fn stage_durations_ns(stage: &StageInfo) -> Vec<Vec<f64>> {
    let of_round = |round: &StageRound| {
        let runs = f64::from(round.runs_per_sample.max(1));
        round.samples_ns.iter().map(|&ns| ns as f64 / runs).collect()
    };
    stage.rounds.iter().map(of_round).collect()
}

/// A round without the runs that still warmed up.
#[derive(Debug, Clone, PartialEq)]
pub struct SteadyRound {
    /// Number of the round in its run; 0 in records of earlier builds.
    pub number: usize,
    /// What the durations did while the round was measured.
    pub state: SteadyState,
    /// Samples that were left out because they still warmed up.
    pub left_out: usize,
    /// Duration of one run in nanoseconds, for each other sample.
    pub runs_ns: Vec<f64>,
}

/// The rounds of a cell without the samples that still warmed up. Under load every request counts: the first ones wait
/// the least.
pub fn steady_rounds(cell: &Cell) -> Vec<SteadyRound> {
    numbered_run_durations_ns(cell)
        .into_iter()
        .map(|(number, mut runs_ns)| {
            let state = match cell.load.requests {
                None => steady_state(&runs_ns),
                Some(_) => SteadyState::Flat,
            };
            let left_out = match state {
                SteadyState::WarmUp { steady_from } => steady_from,
                _ => 0,
            };
            runs_ns.drain(..left_out);
            SteadyRound {
                number,
                state,
                left_out,
                runs_ns,
            }
        })
        .collect()
}
