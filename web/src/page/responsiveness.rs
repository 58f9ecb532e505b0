//! How quickly this page reacts while a model runs: watched in JavaScript, because that is what a page reacts in.

use js_sys::Object;
use tare_core::{Attachments, Host, run_lengths_ns, stats::rounds_estimate};
use tare_record::{Cell, EngineName, EnvironmentKind, Record, Responsiveness, Situation, Status, Warning, WarningKind};
use wasm_bindgen::prelude::*;

use super::host::{WebHost, message};

/// Browsers and those who drive them take a page that does not answer for longer for a dead one.
const LONGEST_RUN_NS: f64 = 2e9;

#[wasm_bindgen(module = "/workers/responsiveness.js")]
extern "C" {
    /// Resolves to JSON of a list of what was seen in each situation.
    #[wasm_bindgen(catch)]
    async fn responsiveness(engine: &str, data: &Object) -> Result<JsValue, JsValue>;
}

/// What was seen in one situation.
#[derive(serde::Deserialize)]
struct Seen {
    situation: Situation,
    runs: u64,
    frames_ns: Vec<u64>,
    delays_ns: Vec<u64>,
}

/// Watches the page while what took longest on one thread, but not too long, runs again, and adds what was seen; a failure becomes a warning.
pub(super) async fn add(record: &mut Record, host: &mut WebHost) {
    let cells = record.cells.iter().filter(|cell| is_measured(cell));
    let lengths = cells.filter_map(|cell| Some((cell, rounds_estimate(&run_lengths_ns(cell))?.value)));
    let (bearable, endless): (Vec<_>, Vec<_>) = lengths.partition(|(_, run_ns)| *run_ns <= LONGEST_RUN_NS);
    // The slowest disturbs the page most.
    let Some((cell, _)) = bearable.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b)) else {
        if !endless.is_empty() {
            record.warnings.push(not_measured(
                "every run takes longer than 2 s, and the page would not react for so long",
            ));
        }
        return;
    };
    let (model, engine) = (cell.model.name.clone(), cell.engine.name);
    match watched(record, host, &model, engine).await {
        Ok(seen) => {
            record.responsiveness = seen
                .into_iter()
                .map(|seen| Responsiveness {
                    situation: seen.situation,
                    model: model.clone(),
                    engine,
                    runs: seen.runs,
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
        message: format!("whether the page reacts while a model runs was not measured: {why}"),
    }
}

fn is_measured(cell: &Cell) -> bool {
    cell.status == Status::Measured && cell.rung.threads == 1
}

async fn watched(record: &Record, host: &mut WebHost, model: &str, engine: EngineName) -> Result<Vec<Seen>, String> {
    let named = |name: &str| name.rsplit(['/', '\\']).next() == Some(model);
    let entry = record.plan.cells.iter().find(|entry| named(&entry.model));
    let entry = entry.ok_or("the plan does not name it")?;
    let (source, bytes) = host.model(&entry.model).await.map_err(|failure| failure.message)?;
    let mut request = tare_core::cell_request(record, entry, engine, EnvironmentKind::Browser);
    request.model = source;
    let attachments = Attachments {
        model: bytes,
        ..Attachments::default()
    };
    let (data, _) = message(&request, &attachments).map_err(|error| crate::exception(&error))?;
    let told = responsiveness(engine.as_str(), &data).await;
    let told = told.map_err(|error| crate::exception(&error))?;
    serde_json::from_str(&told.as_string().unwrap_or_default()).map_err(|error| error.to_string())
}
