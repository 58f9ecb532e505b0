//! How far a run is, for people who wait for it.

use tare_core::stats::rounds_estimate;
use tare_core::{PlanProgress, run_durations_ns};
use tare_record::{Cell, CellRequest, Progress, RequestKind, Status};

use tare_findings::{format, labels};

/// What is being measured, in one line.
pub fn progress_line(plan: Option<PlanProgress>, request: &CellRequest, progress: &Progress, cell: &Cell) -> String {
    if request.kind == RequestKind::Reference {
        return format!(
            "Reference of {}: {} on the CPU",
            request.model.display_name(),
            request.engine
        );
    }
    let place = plan.map_or_else(String::new, |plan| {
        let rest = plan
            .remaining_ns
            .map_or_else(String::new, |ns| format!(", {} left", time_left(ns)));
        format!(
            "Round {} of {}, cell {} of {}{rest}: ",
            plan.round, plan.rounds, plan.cell, plan.cells
        )
    });
    format!(
        "{place}{} on {} ({}), {}, {}",
        request.model.display_name(),
        request.engine,
        labels::configuration(cell),
        progress.phase,
        counted(progress.samples, "sample")
    )
}

/// A number of things.
fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// A time to wait in nanoseconds, rounded as people would.
pub fn time_left(ns: u64) -> String {
    match ns.div_ceil(1_000_000_000) {
        seconds @ 0..=90 => format!("about {seconds} s"),
        seconds => format!("about {} min", seconds.div_ceil(60)),
    }
}

/// What came of a cell, in one line.
pub fn ended_line(cell: &Cell) -> String {
    let subject = format!("{} ({})", labels::work(cell), labels::configuration(cell));
    match &cell.status {
        Status::Measured => {
            let median = rounds_estimate(&run_durations_ns(cell));
            format!(
                "{subject}: {} a run, {} in {}",
                median.map_or_else(String::new, |median| format::duration(median.value)),
                counted(cell.samples_ns.len(), "sample"),
                counted(cell.rounds.len().max(1), "round")
            )
        }
        Status::Failed(failure) => format!("{subject}: failed: {}", failure.message),
        Status::TimedOut(failure) => format!("{subject}: timed out: {}", failure.message),
        Status::Cancelled => format!("{subject}: canceled"),
    }
}
