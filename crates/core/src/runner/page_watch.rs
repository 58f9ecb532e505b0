//! What is measured in a browser after all cells: interop, and how fast the page responds.

use tare_record::{Cell, CellRequest, EngineName, PageWatch, Record, Responsiveness, Status, Warning, WarningKind};

use super::lane::Lane;
use super::requests::cell_request;
use crate::stats::rounds_estimate;
use crate::{Attachments, PlanObserver, run_durations_ns};

/// Maximum duration of a run while the page is watched. Browsers and their drivers consider a page
/// dead if it does not respond for longer.
const MAX_RUN_NS: f64 = 2e9;

/// Measures the cost of interop and watches the page, and adds both to the record of the lane.
/// Failures become warnings.
pub(super) async fn measure(lane: &mut Lane<'_>, observer: &mut dyn PlanObserver) {
    if lane.record.interop.is_empty() {
        observer.note(
            &lane.name,
            "measuring interop between JavaScript, wasm, workers and WebGPU",
        );
        match lane.executor.measure_interop().await {
            Ok(costs) => lane.record.interop = costs,
            Err(error) => warn(
                &mut lane.record,
                format!("the cost of interop was not measured: {error}"),
            ),
        }
        // Kept now, because the browser may end the page while it is watched.
        observer.record_updated(&lane.name, &lane.record);
    }
    if lane.record.responsiveness.is_empty() && lane.executor.stopped().is_none() {
        observer.note(&lane.name, "watching whether the page responds while a model runs");
        match watch(lane).await {
            Ok(Some(watched)) => lane.record.responsiveness = watched,
            Ok(None) => {}
            Err(error) => warn(&mut lane.record, format!("responsiveness was not measured: {error}")),
        }
    }
}

fn warn(record: &mut Record, message: String) {
    record.warnings.push(Warning {
        kind: WarningKind::FewSamples,
        message,
    });
}

/// Watches the page while the slowest single-threaded cell whose runs are not too long runs again.
async fn watch(lane: &mut Lane<'_>) -> Result<Option<Vec<Responsiveness>>, String> {
    let Some((model, engine)) = slowest_usable(&lane.record)? else {
        return Ok(None);
    };
    let record = &lane.record;
    let named = |name: &str| name.rsplit(['/', '\\']).next() == Some(&model);
    let entry = record.plan.cells.iter().find(|entry| named(&entry.model));
    let entry = entry.ok_or("the plan does not name the model")?;
    let (source, bytes) = lane
        .executor
        .model(&entry.model)
        .await
        .map_err(|failure| failure.message)?;
    let request = CellRequest {
        model: source,
        ..cell_request(&record.plan, &record.clock, entry, engine, lane.executor.environment())
    };
    let attachments = Attachments {
        model: bytes,
        ..Attachments::default()
    };
    let watches = lane.executor.watch_page(&request, &attachments).await?;
    let of = |watch: PageWatch| Responsiveness {
        situation: watch.situation,
        model: model.clone(),
        engine,
        runs: u64::from(watch.runs),
        frames_ns: watch.frames_ns,
        delays_ns: watch.delays_ns,
    };
    Ok(Some(watches.into_iter().map(of).collect()))
}

/// Model and engine of the slowest cell that can run on the page's main thread, which disturbs the
/// page most. `None` if nothing was measured on one thread.
fn slowest_usable(record: &Record) -> Result<Option<(String, EngineName)>, String> {
    let is_measured = |cell: &&Cell| cell.status == Status::Measured && cell.configuration.threads == 1;
    let cells = record.cells.iter().filter(is_measured);
    let durations = cells.filter_map(|cell| Some((cell, rounds_estimate(&run_durations_ns(cell))?.value)));
    let (usable, too_long): (Vec<_>, Vec<_>) = durations.partition(|(_, run_ns)| *run_ns <= MAX_RUN_NS);
    match usable.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b)) {
        Some((cell, _)) => Ok(Some((cell.model.name.clone(), cell.engine.name))),
        None if too_long.is_empty() => Ok(None),
        None => Err("the runs of every cell take longer than 2 s, and the page would not respond for that long".into()),
    }
}
