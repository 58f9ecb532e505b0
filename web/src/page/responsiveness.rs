//! How fast this page responds while a model runs: watched in JavaScript, because that is what a page responds in.

use js_sys::Object;
use tare_core::{Attachments, Executor, run_durations_ns, stats::rounds_estimate};
use tare_record::{Cell, EngineName, EnvironmentKind, PageWatch, Record, Responsiveness, Status, Warning, WarningKind};
use wasm_bindgen::prelude::*;

use super::executor::{WorkerExecutor, to_worker};
use crate::message::from_js;

/// Browsers and their drivers take a page that does not respond for longer for a dead one.
const LONGEST_RUN_NS: f64 = 2e9;

#[wasm_bindgen(module = "/scripts/responsiveness.js")]
extern "C" {
    /// Resolves to a list of [`PageWatch`].
    #[wasm_bindgen(catch)]
    async fn responsiveness(module: &str, message: &Object) -> Result<JsValue, JsValue>;
}

/// Watches the page while the slowest single-threaded cell runs again, unless its runs take too long, and adds what was seen. A failure
/// becomes a warning.
pub(super) async fn add(record: &mut Record, executor: &mut WorkerExecutor) {
    let cells = record.cells.iter().filter(|cell| is_measured(cell));
    let durations = cells.filter_map(|cell| Some((cell, rounds_estimate(&run_durations_ns(cell))?.value)));
    let (bearable, too_long): (Vec<_>, Vec<_>) = durations.partition(|(_, run_ns)| *run_ns <= LONGEST_RUN_NS);
    // The slowest disturbs the page most.
    let Some((cell, _)) = bearable.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b)) else {
        if !too_long.is_empty() {
            record.warnings.push(not_measured(
                "every run takes longer than 2 s, in which the page would not respond",
            ));
        }
        return;
    };
    let (model, engine) = (cell.model.name.clone(), cell.engine.name);
    match watched(record, executor, &model, engine).await {
        Ok(seen) => {
            record.responsiveness = seen
                .into_iter()
                .map(|seen| Responsiveness {
                    situation: seen.situation,
                    model: model.clone(),
                    engine,
                    runs: u64::from(seen.runs),
                    frames_ns: seen.frames_ns,
                    delays_ns: seen.delays_ns,
                })
                .collect();
        }
        Err(error) => record.warnings.push(not_measured(&error)),
    }
}

fn not_measured(why: &str) -> Warning {
    Warning {
        kind: WarningKind::FewSamples,
        message: format!("responsiveness was not measured: {why}"),
    }
}

fn is_measured(cell: &Cell) -> bool {
    cell.status == Status::Measured && cell.configuration.threads == 1
}

async fn watched(
    record: &Record,
    executor: &mut WorkerExecutor,
    model: &str,
    engine: EngineName,
) -> Result<Vec<PageWatch>, String> {
    let named = |name: &str| name.rsplit(['/', '\\']).next() == Some(model);
    let entry = record.plan.cells.iter().find(|entry| named(&entry.model));
    let entry = entry.ok_or("the plan does not name it")?;
    let (source, bytes) = executor.model(&entry.model).await.map_err(|failure| failure.message)?;
    let mut request = tare_core::cell_request(record, entry, engine, EnvironmentKind::Browser);
    request.model = source;
    let attachments = Attachments {
        model: bytes,
        ..Attachments::default()
    };
    let message = to_worker(&request, &attachments).map_err(|error| crate::exception(&error))?;
    let watched = responsiveness(engine.as_str(), &message.object).await;
    let watched = watched.map_err(|error| crate::exception(&error))?;
    from_js(watched).map_err(|error| error.to_string())
}
