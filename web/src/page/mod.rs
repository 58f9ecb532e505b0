//! The page: selection, progress and results. It never runs inference.

mod browser_info;
mod executor;
mod interop;
mod query;
mod remote_model;
mod responsiveness;
mod runner_link;
mod runner_socket;
mod runner_view;
mod view;
mod worker_message;

use std::cell::RefCell;
use std::collections::BTreeMap;

use bytes::Bytes;
use tare_core::{Clock, Lane, NamedTensor, PlanObserver, PlanProgress, References, calibrate, run_plan};
use tare_record::{
    Cell, CellPlan, CellRequest, DeviceKind, EngineName, EnvironmentKind, Machine, Plan, Progress, Record,
};
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;

use crate::clock::PerformanceClock;
use executor::WorkerExecutor;

/// The state of the page.
#[derive(Default)]
struct Page {
    /// The last record that this page measured.
    record: Option<Record>,
    /// Records to compare with, which the user opened.
    others: Vec<Record>,
    /// Models that the user opened or fetched, by name.
    models: BTreeMap<String, Bytes>,
    /// The running executor, for canceling.
    executor: Option<WorkerExecutor>,
    /// Aborts the download of a model.
    fetching: Option<AbortController>,
    /// Time from the start of the navigation until the form was usable.
    ready_ns: Option<u64>,
    /// Why WebGPU cannot be used, or `None` if it can.
    no_webgpu: Option<String>,
    /// Why the default engine runs on the CPU, or `None` if it uses WebGPU.
    fallback: Option<String>,
}

thread_local! {
    static PAGE: RefCell<Page> = RefCell::default();
}

/// Calls `with` with the state of the page, which must not be borrowed across an await.
fn page<T>(with: impl FnOnce(&mut Page) -> T) -> T {
    PAGE.with_borrow_mut(with)
}

/// Sets up the page, and starts what its URL asks for: work for a runner, or the self-test.
pub fn start() {
    console_error_panic_hook::set_once();
    spawn_local(async {
        let no_webgpu = crate::webgpu::unusable().await;
        let fallback = match &no_webgpu {
            Some(reason) => Some(reason.clone()),
            None => crate::webgpu::slow().await,
        };
        page(|page| {
            page.no_webgpu = no_webgpu;
            page.fallback.clone_from(&fallback);
        });
        view::set_up(fallback.as_deref());
        view::set_state("ready");
        page(|page| page.ready_ns = Some(PerformanceClock.now_ns()));
        view::dispatch("tare-ready");
        match query::query() {
            Ok(query) => match (query.runner, query.selftest) {
                (Some(token), _) => runner_link::join(token).await,
                (None, Some(pairs)) => selftest(pairs),
                (None, None) => {}
            },
            Err(message) => view::fail(&message),
        }
    });
}

/// Called by the Run button.
fn run_selection() {
    let models = match view::chosen_models() {
        Ok(models) => models,
        Err(message) => return view::note(&message),
    };
    let cells: Vec<CellPlan> = models
        .into_iter()
        .map(|(model, shapes)| CellPlan {
            engines: view::chosen_engines(),
            shapes,
            threads: view::chosen_threads(),
            ..CellPlan::new(model)
        })
        .collect();
    if cells.is_empty() {
        view::note("Choose at least one model.");
        return;
    }
    let plan = Plan {
        rules: view::chosen_rules(),
        ..Plan::new("page", cells)
    };
    spawn_local(measure(plan));
}

async fn measure(plan: Plan) {
    // Set the executor at once, so that a second click does nothing.
    let executor = page(|page| {
        let idle = page.executor.is_none();
        idle.then(|| {
            let executor = WorkerExecutor::new(page.models.clone(), page.fallback.clone());
            page.executor.insert(executor).clone()
        })
    });
    let Some(executor) = executor else { return };
    view::set_state("running");
    let clock = match calibrate(&PerformanceClock) {
        Ok(clock) => clock,
        Err(error) => {
            page(|page| page.executor = None);
            return view::fail(&error.to_string());
        }
    };
    let machine = machine().await;
    let (build, created) = (browser_info::build_info(), browser_info::now());
    let mut record = Record::new(build, created, query::url(), machine, clock, plan);
    record.warnings = browser_info::warnings(&record.machine);
    let mut observer = PageObserver::default();
    let mut for_reference = executor.clone();
    let computed = References::compute(&record.plan, &record.clock, None, &mut for_reference, &mut observer);
    let references = computed.await;
    let mut lanes = [Lane {
        name: EnvironmentKind::Browser.to_string(),
        record,
        executor: Box::new(executor),
    }];
    run_plan(&mut lanes, &references, &PerformanceClock, &mut observer).await;
    let [Lane { mut record, .. }] = lanes;
    browser_info::note_visibility(&mut record);
    page(|page| page.executor = None);
    show(record);
    view::set_state("done");
    view::dispatch("tare-done");
}

/// Describes this browser, with the time until its form was usable.
async fn machine() -> Machine {
    let mut machine = browser_info::machine().await;
    if let Some(browser) = &mut machine.browser {
        browser.page_ready_ns = page(|page| page.ready_ns);
    }
    machine
}

#[derive(Default)]
struct PageObserver {
    plan: Option<PlanProgress>,
}

impl PlanObserver for PageObserver {
    fn record_updated(&mut self, _: &str, record: &Record) {
        // The complete record is shown at the end of the run.
        if !record.complete {
            show(record.clone());
        }
    }

    fn round_started(&mut self, progress: PlanProgress) {
        self.plan = Some(progress);
    }

    fn cell_progress(&mut self, _: &str, request: &CellRequest, progress: &Progress, cell: &Cell) {
        let text = tare_report::progress_line(self.plan, request, progress, cell);
        let percent = self.plan.map_or(0, |plan| plan.percent_of_plan(progress.percent));
        view::progress(percent, &text);
    }

    fn cell_ended(&mut self, _: &str, _: &Cell) {}

    fn note(&mut self, _: &str, text: &str) {
        view::progress(100, &format!("All cells are measured. Now {text}."));
    }

    fn tensors(&mut self, _: &str, _: &CellRequest, _: &[NamedTensor], _: &[NamedTensor]) {}
}

/// Shows a record, together with the records to compare it with.
fn show(record: Record) {
    let records = page(|page| {
        page.record = Some(record.clone());
        records(page)
    });
    view::publish(&record);
    view::report(&tare_report::fragment(&records));
}

fn records(page: &Page) -> Vec<Record> {
    page.others.iter().chain(&page.record).cloned().collect()
}

/// Takes a file that was dropped, chosen or fetched: an ONNX model, or a record to compare with.
/// Returns `false` after telling the user if it is neither.
fn take_file(name: String, bytes: Vec<u8>) -> bool {
    let is_record = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if is_record {
        match Record::from_json(&String::from_utf8_lossy(&bytes)) {
            Ok(record) => {
                view::note(&format!(
                    "{name}: a {} record with {} cells to compare with",
                    record.machine.kind,
                    record.cells.len()
                ));
                let records = page(|page| {
                    page.others.push(record);
                    records(page)
                });
                view::report(&tare_report::fragment(&records));
                return true;
            }
            Err(error) => view::note(&format!("{name}: {error}")),
        }
        return false;
    }
    match tare_models::signature(&bytes) {
        Ok(signature) => {
            // A model with the same name replaces the first.
            if page(|page| page.models.insert(name.clone(), bytes.into())).is_some() {
                view::remove_model(&name);
            }
            view::add_model(&name, &signature);
            true
        }
        Err(error) => {
            view::note(&format!("{name}: {error}. {}", error.hint()));
            false
        }
    }
}

/// Called by the Fetch button.
fn fetch_model(name: String) {
    // Every browser that can run the page has AbortController.
    let Ok(controller) = AbortController::new() else { return };
    let stop = controller.signal();
    page(|page| page.fetching = Some(controller));
    view::set_fetching(true);
    view::note(&format!("Fetching {name}."));
    spawn_local(async move {
        match remote_model::fetched(&name, &view::fetched, &stop).await {
            Ok((file, bytes, origin)) => {
                let size = tare_report::bytes(bytes.len() as u64);
                if take_file(file.clone(), bytes) {
                    view::note(&format!("{file} is ready to run: {size}, {origin}."));
                }
            }
            Err(failure) => view::note(&format!("{}. {}", failure.message, failure.hint.unwrap_or_default())),
        }
        page(|page| page.fetching = None);
        view::set_fetching(false);
    });
}

/// Called by the Cancel button.
fn cancel() {
    if let Some(fetching) = page(|page| page.fetching.take()) {
        fetching.abort();
    }
    if let Some(executor) = page(|page| page.executor.clone()) {
        executor.cancel();
    }
}

/// Pairs of a real cell that the button measures, which takes some seconds.
const BUTTON_PAIRS: u32 = 10;

/// Called by the button that checks this browser, and if the URL asks for it.
fn selftest(pairs: u32) {
    let executor = page(|page| {
        let idle = page.executor.is_none();
        idle.then(|| page.executor.insert(WorkerExecutor::new(BTreeMap::new(), None)).clone())
    });
    let Some(executor) = executor else { return };
    view::set_state("running");
    view::note("Checking statistics, clock and measurements in this browser. This takes some seconds.");
    spawn_local(async move {
        let outcome = executor.selftest(pairs).await;
        page(|page| page.executor = None);
        match outcome {
            Ok(checks) => {
                let failed = checks.iter().filter(|check| !check.passed).count();
                view::note(&format!("{} checks finished, {failed} failed.", checks.len()));
                view::report(&tare_report::selftest(&checks));
                view::publish_checks(&checks);
            }
            Err(message) => view::note(&format!("The checks did not finish: {message}.")),
        }
        // An earlier record can still be saved.
        let measured = page(|page| page.record.is_some());
        view::set_state(if measured { "done" } else { "ready" });
    });
}

/// The record and the report as files to save.
fn files() -> Option<(String, String)> {
    let records = page(|page| page.record.is_some().then(|| records(page)))?;
    let record = page(|page| page.record.as_ref().and_then(|record| record.to_json().ok()))?;
    Some((record, tare_report::html(&records, &query::url())))
}

/// The engines that the page offers, each with the reason why it cannot be used, if there is one.
fn engines() -> Vec<(EngineName, Option<String>)> {
    let no_webgpu = page(|page| page.no_webgpu.clone());
    EngineName::all_in(EnvironmentKind::Browser)
        .map(|engine| {
            let needs_webgpu = engine.spec().device == DeviceKind::Gpu;
            (engine, no_webgpu.clone().filter(|_| needs_webgpu))
        })
        .collect()
}
