//! Converts samples to durations of single runs.

use tare_record::{Cell, StageInfo, StageRound};

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
