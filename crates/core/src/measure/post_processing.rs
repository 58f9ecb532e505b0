//! Work on the host that follows a network in an application.

use tare_record::{CellRequest, Failure, StageInfo, StageRound};

use super::clock::{MIN_STEPS_PER_SAMPLE, elapsed_ns};
use crate::{Clock, NamedTensor};

/// What an application does with the outputs, such as decoding boxes.
#[derive(Debug, Clone, Copy)]
pub struct PostProcessing {
    /// What it is, in a word or two.
    pub name: &'static str,
    /// Does it, and returns how many results there were.
    pub run: fn(&[NamedTensor]) -> usize,
}

/// Most runs of a sample. Work that needs more costs next to nothing.
const MOST_RUNS: u32 = 1_000;

/// Its share of the sampling time of a round.
const SHARE_OF_TIME: u64 = 10;

/// Times the work on the outputs of a run: at least as many samples as the rules ask for, and a tenth of their time.
pub(super) fn sample(
    work: PostProcessing,
    outputs: &[NamedTensor],
    request: &CellRequest,
    clock: &dyn Clock,
) -> Result<StageInfo, Failure> {
    let timed = |runs: u32| -> Result<(u64, usize), Failure> {
        let start_ns = clock.now_ns();
        let results = (0..runs).fold(0, |_, _| std::hint::black_box((work.run)(outputs)));
        let end_ns = clock.now_ns();
        let took_ns = elapsed_ns(start_ns, end_ns, &request.clock)?;
        Ok((took_ns, results))
    };
    let rules = &request.rules;
    // The first finds memory and caches cold.
    timed(1)?;
    let (run_ns, results) = timed(1)?;
    let needed = (request.clock.granularity_ns * MIN_STEPS_PER_SAMPLE).div_ceil(run_ns.max(1));
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
    Ok(StageInfo {
        name: work.name.into(),
        results,
        rounds: vec![round],
    })
}
