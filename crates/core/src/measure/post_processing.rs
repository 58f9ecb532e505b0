//! Work on the CPU that follows a network in an application.

use tare_record::{CellRequest, Failure, StageInfo, StageRound};

use super::clock::{MIN_STEPS_PER_SAMPLE, elapsed_ns};
use crate::{Clock, NamedTensor};

/// What an application does with the outputs, such as decoding boxes.
#[derive(Debug, Clone, Copy)]
pub struct PostProcessing {
    /// Its name, in a word or two.
    pub name: &'static str,
    /// Processes the outputs and returns the number of results.
    pub run: fn(&[NamedTensor]) -> usize,
}

/// Maximum runs per sample. Work so short that it needs more costs almost nothing.
const MAX_RUNS_PER_SAMPLE: u32 = 1_000;

/// Post-processing is sampled for the sampling time of a round divided by this number.
const TIME_DIVISOR: u64 = 10;

/// Times the work on the outputs of a run, with at least the minimum sample count of the rules and
/// a tenth of their minimum time.
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
    // Not used: memory and caches are cold.
    timed(1)?;
    let (run_ns, results) = timed(1)?;
    let needed = (request.clock.granularity_ns * MIN_STEPS_PER_SAMPLE).div_ceil(run_ns.max(1));
    let runs = u32::try_from(needed)
        .unwrap_or(MAX_RUNS_PER_SAMPLE)
        .clamp(1, MAX_RUNS_PER_SAMPLE);
    let mut round = StageRound {
        runs_per_sample: runs,
        samples_ns: vec![],
    };
    let mut total_ns = 0;
    while round.samples_ns.len() < rules.max_samples
        && (round.samples_ns.len() < rules.min_samples || total_ns < rules.min_time_ms * 1_000_000 / TIME_DIVISOR)
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
