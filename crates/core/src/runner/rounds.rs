//! Joins the rounds of a cell, each measured by its own process or worker.

use tare_record::{Cell, Failure, MachineWatch, Memory, Round, Rules, Status, Verification, Warning, WarningKind};

use crate::measure::cell::profiling;
use crate::verify::compare::merge_max;

/// The rules of one round: its share of the total times and sample counts. Errors shrink with the
/// square root of the number of rounds, so a single round may be less precise by this factor.
pub(crate) fn rules_of_one(rules: &Rules) -> Rules {
    let rounds = rules.rounds.max(1);
    let share = |all: u64| all.div_ceil(rounds as u64);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small and positive"
    )]
    let precision_percent = (f64::from(rules.precision_percent) * (rounds as f64).sqrt()) as u32;
    Rules {
        min_time_ms: share(rules.min_time_ms),
        max_time_ms: share(rules.max_time_ms),
        min_samples: rules.min_samples.div_ceil(rounds),
        max_samples: rules.max_samples.div_ceil(rounds),
        precision_percent,
        ..rules.clone()
    }
}

/// Which round of a run it is, when it started, and what the machine did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RoundStart {
    /// Starting at 1.
    pub(crate) number: usize,
    /// Time from the start of the run.
    pub(crate) start_ns: u64,
    /// What the machine did while it was measured.
    pub(crate) machine: Option<MachineWatch>,
}

/// Makes a cell of its first round.
pub(crate) fn first(mut cell: Cell, start: RoundStart) -> Cell {
    cell.rounds = vec![round_of(&cell, start)];
    cell.browser = None;
    cell
}

/// Adds a later round to a cell.
pub(crate) fn join(cell: &mut Cell, later: Cell, start: RoundStart) {
    cell.rounds.push(round_of(&later, start));
    let number = start.number;
    cell.samples_ns.extend(later.samples_ns);
    cell.load_rounds.extend(later.load_rounds);
    cell.device_runs_ns.extend(later.device_runs_ns);
    cell.post_processing = match (cell.post_processing.take(), later.post_processing) {
        (Some(mut earlier), Some(later)) => {
            earlier.rounds.extend(later.rounds);
            Some(earlier)
        }
        (earlier, later) => earlier.or(later),
    };
    match cell.stages.as_mut_slice() {
        [] => cell.stages = later.stages,
        stages => {
            for (earlier, later) in stages.iter_mut().zip(later.stages) {
                earlier.rounds.extend(later.rounds);
            }
        }
    }
    cell.profile = profiling::join(cell.profile.take(), later.profile);
    cell.memory = Memory {
        resident_peak_bytes: cell.memory.resident_peak_bytes.max(later.memory.resident_peak_bytes),
        loaded_bytes: cell.memory.loaded_bytes.max(later.memory.loaded_bytes),
        wasm_linear_bytes: cell.memory.wasm_linear_bytes.max(later.memory.wasm_linear_bytes),
        browser_bytes: cell.memory.browser_bytes.max(later.memory.browser_bytes),
        device_bytes: cell.memory.device_bytes.max(later.memory.device_bytes),
    };
    if let Some((whole, last)) = cell.calibration.as_mut().zip(later.calibration) {
        whole.after_ns = last.after_ns;
    }
    cell.verification = match (cell.verification.take(), later.verification) {
        (Some(earlier), Some(later)) => Some(verified_in_both(earlier, later)),
        (earlier, later) => earlier.or(later),
    };
    for warning in later.warnings {
        if !cell.warnings.contains(&warning) {
            cell.warnings.push(warning);
        }
    }
    let in_round = |failure: Failure| Failure {
        message: format!("in round {number}: {}", failure.message),
        ..failure
    };
    cell.status = match later.status {
        Status::Failed(failure) => Status::Failed(in_round(failure)),
        Status::TimedOut(failure) => Status::TimedOut(in_round(failure)),
        other => other,
    };
}

fn round_of(cell: &Cell, start: RoundStart) -> Round {
    Round {
        number: start.number,
        start_ns: Some(start.start_ns),
        samples: cell.samples_ns.len(),
        phases: cell.phases.clone(),
        calibration: cell.calibration,
        machine: start.machine,
        browser: cell.browser,
    }
}

/// Merges the verification of a later round. Known digests change nothing: only different outputs
/// can be further from the reference.
fn verified_in_both(mut earlier: Verification, later: Verification) -> Verification {
    let mut differs = false;
    for digest in later.digests {
        match earlier.digests.iter_mut().find(|known| known.sha256 == digest.sha256) {
            Some(known) => known.runs += digest.runs,
            None => {
                differs = true;
                earlier.digests.push(digest);
            }
        }
    }
    if differs {
        let drifts: Vec<_> = earlier.outputs.into_iter().map(|output| output.drift).collect();
        earlier.outputs = later.outputs;
        for (output, drift) in earlier.outputs.iter_mut().zip(&drifts) {
            output.drift = merge_max(output.drift.clone(), drift);
        }
    }
    earlier
}

/// Time limit of all rounds of a cell, in seconds.
fn limit_s(rules: &Rules) -> u64 {
    rules.rounds_limit_s.unwrap_or(rules.cell_limit_s)
}

/// Whether another round of a cell is likely to end within the limit of all rounds, judging by its
/// longest round so far.
pub(crate) fn has_time_for_another(cell: &Cell, rules: &Rules) -> bool {
    let durations = cell
        .rounds
        .iter()
        .map(|round| round.phases.iter().map(|phase| phase.duration_ns).sum::<u64>());
    let (total, longest) = durations.fold((0, 0), |(total, longest), duration| {
        (total + duration, duration.max(longest))
    });
    cell.status == Status::Measured && total + longest <= limit_s(rules).saturating_mul(1_000_000_000)
}

/// Adds a warning that a round was lost with its browser.
pub(crate) fn note_lost(cell: &mut Cell, number: usize, failure: &Failure) {
    cell.warnings.push(Warning {
        kind: WarningKind::LostRound,
        message: format!("round {number} was lost: {}", failure.message),
    });
}

/// Adds a warning if a measured cell has fewer rounds than the plan asks for. `stopped` is why the
/// run ended early, if it did.
pub(crate) fn note_missing(cell: &mut Cell, rules: &Rules, stopped: Option<&str>) {
    let count = cell.rounds.len();
    if cell.status != Status::Measured || count >= rules.rounds {
        return;
    }
    let is_lost = |warning: &Warning| warning.kind == WarningKind::LostRound;
    let why = match stopped {
        Some(reason) => reason.to_owned(),
        None if cell.warnings.iter().any(is_lost) => "others were lost".into(),
        None => format!(
            "another round would have exceeded the limit of {} s for all rounds",
            limit_s(rules)
        ),
    };
    let meaning = if count == 1 {
        "; its interval does not include the differences between processes"
    } else {
        ""
    };
    cell.warnings.push(Warning {
        kind: WarningKind::FewRounds,
        message: format!("{count} of {} rounds, because {why}{meaning}", rules.rounds),
    });
}

#[cfg(test)]
mod tests;
