//! Stages of a run, which are timed separately for models of several networks.

use tare_record::{StageInfo, StageRound};

use super::workload::LoadedWorkload;

/// The stages of a loaded workload, without samples.
pub(super) fn stages(loaded: &LoadedWorkload<'_>) -> Vec<StageInfo> {
    let stages = loaded.stages().iter();
    stages
        .map(|(name, steps)| StageInfo {
            name: name.clone(),
            results: *steps,
            rounds: vec![StageRound {
                runs_per_sample: 1,
                samples_ns: vec![],
            }],
        })
        .collect()
}

/// Adds the duration of each stage in a sample of `runs` runs.
pub(super) fn add_sample(stages: &mut [StageInfo], runs: u32, durations_ns: &[u64]) {
    for (stage, &duration_ns) in stages.iter_mut().zip(durations_ns) {
        if let Some(round) = stage.rounds.last_mut() {
            round.runs_per_sample = runs;
            round.samples_ns.push(duration_ns);
        }
    }
}
