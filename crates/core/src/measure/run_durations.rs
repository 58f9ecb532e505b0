//! Converts samples to durations of single runs.

use tare_record::{Arrivals, Cell, StageInfo, StageRound};

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

/// The rounds of a cell without the samples that still warmed up, and without rounds of which nothing else is left.
///
/// Clients that begin together wait for each other, the first the least: their first requests are left out. All others count, because requests do not
/// warm up.
pub fn steady_rounds(cell: &Cell) -> Vec<SteadyRound> {
    let clients = match cell.load.requests.map(|load| load.arrivals) {
        Some(Arrivals::Clients(clients)) if clients > 1 => clients,
        _ => 0,
    };
    let rounds = numbered_run_durations_ns(cell)
        .into_iter()
        .map(|(number, mut runs_ns)| {
            let state = match cell.load.requests {
                None => steady_state(&runs_ns),
                Some(_) => SteadyState::Flat,
            };
            let left_out = match state {
                SteadyState::WarmUp { steady_from } => steady_from,
                _ => clients.min(runs_ns.len()),
            };
            runs_ns.drain(..left_out);
            SteadyRound {
                number,
                state,
                left_out,
                runs_ns,
            }
        });
    rounds.filter(|round| !round.runs_ns.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use tare_record::{
        CellRequest, ClockInfo, EngineName, EnvironmentKind, Failure, FailureKind, Load, ModelSource, Round,
    };

    use super::*;
    use crate::failed_cell;

    #[test]
    fn the_first_requests_of_clients_are_left_out() {
        let rounds = |clients: usize, samples: [&[u64]; 2]| {
            let request = CellRequest::new(
                EngineName::Tract,
                EnvironmentKind::Native,
                ModelSource::BuiltIn { name: "tiny".into() },
                ClockInfo {
                    source: "simulated".into(),
                    granularity_ns: 1,
                    read_cost_ns: 1,
                },
            );
            let mut cell = failed_cell(&request, Failure::new(FailureKind::Died, "it died"));
            cell.load.requests = Some(Load::new(Arrivals::Clients(clients)));
            cell.samples_ns = samples.concat();
            let round = |samples: &[u64]| Round {
                number: 1,
                start_ns: None,
                samples: samples.len(),
                phases: vec![],
                calibration: None,
                machine: None,
                browser: None,
            };
            cell.rounds = samples.iter().map(|samples| round(samples)).collect();
            let steady = steady_rounds(&cell).into_iter();
            steady.map(|round| round.runs_ns).collect::<Vec<_>>()
        };
        let waves = [&[1, 2, 3, 3, 3][..], &[1, 2]];
        assert_eq!(rounds(1, waves), [vec![1.0, 2.0, 3.0, 3.0, 3.0], vec![1.0, 2.0]]);
        // A round that ended before anybody had a second answer says nothing.
        assert_eq!(rounds(3, waves), [[3.0, 3.0]]);
        assert!(rounds(8, waves).is_empty());
    }
}
