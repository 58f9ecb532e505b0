//! Parts of a run that are timed apart, and work on the host that follows it in an application.

use tare_record::{CellRequest, Failure, FailureKind, StageFacts, StageRound};

use crate::measure::QUANTISATION;
use crate::{Clock, LoadedWorkload, NamedTensor};

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
pub(crate) fn sampled_on_host(
    stage: HostStage,
    outputs: &[NamedTensor],
    request: &CellRequest,
    clock: &dyn Clock,
) -> Result<StageFacts, Failure> {
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
    let mut round = StageRound {
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
    Ok(StageFacts {
        name: stage.name.into(),
        results,
        rounds: vec![round],
    })
}

/// The stages of a loaded workload, before the first sample.
pub(crate) fn begun(loaded: &LoadedWorkload<'_>) -> Vec<StageFacts> {
    let stages = loaded.stages().iter();
    stages
        .map(|&(name, steps)| StageFacts {
            name: name.into(),
            results: steps,
            rounds: vec![StageRound {
                runs_per_sample: 1,
                samples_ns: vec![],
            }],
        })
        .collect()
}

/// Adds what each stage took in a sample of so many runs.
pub(crate) fn add_sample(stages: &mut [StageFacts], runs: u32, lengths_ns: &[u64]) {
    for (stage, &length_ns) in stages.iter_mut().zip(lengths_ns) {
        if let Some(round) = stage.rounds.last_mut() {
            round.runs_per_sample = runs;
            round.samples_ns.push(length_ns);
        }
    }
}

/// Length of one run in nanoseconds, for each sample of each round.
pub fn stage_lengths_ns(facts: &StageFacts) -> Vec<Vec<f64>> {
    let of_one = |round: &StageRound| {
        let runs = f64::from(round.runs_per_sample.max(1));
        round.samples_ns.iter().map(|&ns| ns as f64 / runs).collect()
    };
    facts.rounds.iter().map(of_one).collect()
}
