//! Converts samples to durations of single runs.

use tare_record::{Cell, StageInfo, StageRound};

/// Duration of one run in nanoseconds, for each sample of each round. Rounds without samples are
/// left out.
pub fn run_durations_ns(cell: &Cell) -> Vec<Vec<f64>> {
    let runs = f64::from(cell.runs_per_sample.max(1));
    let mut remaining = cell.samples_ns.iter().map(|&ns| ns as f64 / runs);
    let mut rounds: Vec<Vec<f64>> = cell
        .rounds
        .iter()
        .map(|round| remaining.by_ref().take(round.samples).collect())
        .collect();
    // A record of a single round does not list its rounds.
    rounds.push(remaining.collect());
    rounds.retain(|round| !round.is_empty());
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
