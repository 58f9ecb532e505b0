//! Work on the host that follows the network in an application, timed apart from it.

use tare_record::{CellRequest, Failure, FailureKind, HostStageFacts, HostStageRound};

use crate::measure::QUANTISATION;
use crate::{Clock, NamedTensor};

/// What an application does with the outputs, such as decoding boxes.
#[derive(Debug, Clone, Copy)]
pub struct HostStage {
    /// What it is, in a word or two.
    pub name: &'static str,
    /// Does it, and returns how many results there were.
    pub run: fn(&[NamedTensor]) -> usize,
}

/// Most runs of a sample: a stage so short is no cost to speak of.
const MOST_RUNS: u32 = 1_000;

/// Its share of the sampling time of a round.
const SHARE_OF_TIME: u64 = 10;

/// Times the stage on the outputs of a run: at least as many samples as the rules ask for, and a tenth of their time.
pub(crate) fn sampled(
    stage: HostStage,
    outputs: &[NamedTensor],
    request: &CellRequest,
    clock: &dyn Clock,
) -> Result<HostStageFacts, Failure> {
    let timed = |runs: u32| -> Result<(u64, usize), Failure> {
        let start_ns = clock.now_ns();
        let results = (0..runs).fold(0, |_, _| std::hint::black_box((stage.run)(outputs)));
        let end_ns = clock.now_ns();
        let took_ns = end_ns.checked_sub(start_ns).ok_or_else(|| Failure {
            kind: FailureKind::Clock,
            message: format!(
                "the clock {} went back by {} ns",
                request.clock.source,
                start_ns - end_ns
            ),
            hint: None,
        })?;
        Ok((took_ns, results))
    };
    let rules = &request.rules;
    // The first finds memory and caches cold.
    timed(1)?;
    let (run_ns, results) = timed(1)?;
    let needed = (request.clock.granularity_ns * QUANTISATION).div_ceil(run_ns.max(1));
    let runs = u32::try_from(needed).unwrap_or(MOST_RUNS).clamp(1, MOST_RUNS);
    let mut round = HostStageRound {
        runs_per_sample: runs,
        samples_ns: vec![],
    };
    let mut total_ns = 0;
    while round.samples_ns.len() < rules.max_samples
        && (round.samples_ns.len() < rules.min_samples || total_ns < rules.min_time_ms * 1_000_000 / SHARE_OF_TIME)
    {
        let (sample_ns, _) = timed(runs)?;
        round.samples_ns.push(sample_ns);
        total_ns += sample_ns.max(1);
    }
    Ok(HostStageFacts {
        name: stage.name.into(),
        results,
        rounds: vec![round],
    })
}

/// Length of one run in nanoseconds, for each sample of each round.
pub fn host_stage_lengths_ns(facts: &HostStageFacts) -> Vec<Vec<f64>> {
    let of_one = |round: &HostStageRound| {
        let runs = f64::from(round.runs_per_sample.max(1));
        round.samples_ns.iter().map(|&ns| ns as f64 / runs).collect()
    };
    facts.rounds.iter().map(of_one).collect()
}
