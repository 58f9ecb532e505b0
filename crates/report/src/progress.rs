//! How far a run is, for people who wait for it.

use tare_core::stats::rounds_estimate;
use tare_core::{PlanProgress, run_durations_ns};
use tare_record::{Cell, CellRequest, Progress, Status};

use crate::{format, labels};

/// What is being measured, in one line.
pub fn progress_line(plan: Option<PlanProgress>, request: &CellRequest, progress: &Progress, cell: &Cell) -> String {
    let place = plan.map_or_else(String::new, |plan| {
        format!(
            "Round {} of {}, cell {} of {}: ",
            plan.round, plan.rounds, plan.cell, plan.cells
        )
    });
    format!(
        "{place}{} on {} ({}), {}, {} samples",
        request.model.display_name(),
        request.engine,
        labels::configuration(cell),
        progress.phase,
        progress.samples
    )
}

/// What came of a cell, in one line.
pub fn ended_line(cell: &Cell) -> String {
    let subject = format!("{} ({})", labels::work(cell), labels::configuration(cell));
    match &cell.status {
        Status::Measured => {
            let median = rounds_estimate(&run_durations_ns(cell));
            format!(
                "{subject}: {} a run, {} samples in {} round{}",
                median.map_or_else(String::new, |median| format::duration(median.value)),
                cell.samples_ns.len(),
                cell.rounds.len(),
                if cell.rounds.len() == 1 { "" } else { "s" }
            )
        }
        Status::Failed(failure) => format!("{subject}: failed: {}", failure.message),
        Status::TimedOut(failure) => format!("{subject}: timed out: {}", failure.message),
        Status::Cancelled => format!("{subject}: canceled"),
    }
}
