//! Measures how fast this page responds while a model runs. The measurement is in JavaScript, like
//! the handlers of a page.

use js_sys::Object;
use tare_core::{Attachments, Executor, run_durations_ns, stats::rounds_estimate};
use tare_record::{Cell, EngineName, EnvironmentKind, PageWatch, Record, Responsiveness, Status, Warning, WarningKind};
use wasm_bindgen::prelude::*;

use super::executor::{WorkerExecutor, to_worker};
use crate::message::from_js;

/// Maximum duration of a run. Browsers and their drivers consider a page dead if it does not
/// respond for longer.
const MAX_RUN_NS: f64 = 2e9;

#[wasm_bindgen(module = "/scripts/responsiveness.js")]
extern "C" {
    /// Resolves to a list of [`PageWatch`].
    #[wasm_bindgen(catch)]
    async fn responsiveness(module: &str, message: &Object) -> Result<JsValue, JsValue>;
}

/// Watches the page while the slowest single-threaded cell whose runs are not too long runs again,
/// and adds what was observed to the record. A failure becomes a warning.
pub(super) async fn add(record: &mut Record, executor: &mut WorkerExecutor) {
    let cells = record.cells.iter().filter(|cell| is_measured(cell));
    let durations = cells.filter_map(|cell| Some((cell, rounds_estimate(&run_durations_ns(cell))?.value)));
    let (usable, too_long): (Vec<_>, Vec<_>) = durations.partition(|(_, run_ns)| *run_ns <= MAX_RUN_NS);
    // The slowest cell disturbs the page most.
    let Some((cell, _)) = usable.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b)) else {
        if !too_long.is_empty() {
            record.warnings.push(not_measured(
                "the runs of every cell take longer than 2 s, and the page would not respond for that long",
            ));
        }
        return;
    };
    let (model, engine) = (cell.model.name.clone(), cell.engine.name);
    match watch(record, executor, &model, engine).await {
        Ok(watches) => {
            record.responsiveness = watches
                .into_iter()
                .map(|watch| Responsiveness {
                    situation: watch.situation,
                    model: model.clone(),
                    engine,
                    runs: u64::from(watch.runs),
                    frames_ns: watch.frames_ns,
                    delays_ns: watch.delays_ns,
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

async fn watch(
    record: &Record,
    executor: &mut WorkerExecutor,
    model: &str,
    engine: EngineName,
) -> Result<Vec<PageWatch>, String> {
    let named = |name: &str| name.rsplit(['/', '\\']).next() == Some(model);
    let entry = record.plan.cells.iter().find(|entry| named(&entry.model));
    let entry = entry.ok_or("the plan does not name the model")?;
    let (source, bytes) = executor.model(&entry.model).await.map_err(|failure| failure.message)?;
    let mut request = tare_core::cell_request(record, entry, engine, EnvironmentKind::Browser);
    request.model = source;
    let attachments = Attachments {
        model: bytes,
        ..Attachments::default()
    };
    let message = to_worker(&request, &attachments).map_err(|error| crate::exception(&error))?;
    let watches = responsiveness(engine.as_str(), &message.object).await;
    let watches = watches.map_err(|error| crate::exception(&error))?;
    from_js(watches).map_err(|error| error.to_string())
}
