//! The page: selection, progress and results. It never runs inference.

mod browser_info;
mod choices;
mod executor;
mod experiments;
mod first_visit;
mod foreground;
mod form;
mod interop;
mod kept;
mod observer;
mod offer;
mod opened;
mod query;
mod remote_model;
mod responsiveness;
mod results;
mod runner_link;
mod runner_socket;
mod runner_view;
mod selection;
mod share;
mod state;
mod view;
mod worker_message;

use std::collections::BTreeMap;

use tare_core::{Clock, Lane, References, calibrate, run_plan};
use tare_record::{EngineName, EnvironmentKind, Machine, Plan, Record};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;

use crate::clock::PerformanceClock;
use executor::WorkerExecutor;
use foreground::Foreground;
use observer::PageObserver;
use opened::Opened;
use query::Query;
use results::show;
use state::page;

#[wasm_bindgen(module = "/scripts/isolation.js")]
extern "C" {
    /// Resolves to whether a service worker isolates this page.
    #[wasm_bindgen(js_name = isolateByServiceWorker, catch)]
    async fn isolate_by_service_worker() -> Result<JsValue, JsValue>;
}

/// Sets up the page, and starts what its URL asks for: work for a runner, or the self-test.
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        view::fail("This page has failed. Reload it. The browser's console says what happened.");
    }));
    spawn_local(async {
        let query = query::query();
        // The server of a run sends the headers, unless a user wants to see what is missing without them.
        if query.as_ref().is_ok_and(|query| query.runner.is_none()) {
            let is_isolated = isolate_by_service_worker()
                .await
                .is_ok_and(|isolated| isolated.is_truthy());
            page(|page| page.isolated_by_service_worker = is_isolated);
        }
        let no_webgpu = crate::webgpu::unusable().await;
        let fallback = match &no_webgpu {
            Some(reason) => Some(reason.clone()),
            None => crate::webgpu::slow().await,
        };
        page(|page| {
            page.no_webgpu = no_webgpu;
            page.fallback.clone_from(&fallback);
        });
        form::set_up(fallback.as_deref());
        first_visit::set_up();
        share::set_up();
        // Others do not wait for the list.
        let names_experiment = query
            .as_ref()
            .is_ok_and(|query| query.choice.fields.contains_key("plan"));
        if names_experiment {
            experiments::offer().await;
        }
        let chosen = query.as_ref().map_or(Ok(()), |query| selection::choose(&query.choice));
        view::set_state("ready");
        page(|page| page.ready_ns = Some(PerformanceClock.now_ns()));
        view::dispatch("tare-ready");
        match query {
            Ok(Query {
                runner: Some(token), ..
            }) => runner_link::join(token).await,
            Ok(Query {
                selftest: Some(pairs), ..
            }) => selftest(pairs),
            Ok(query) => {
                if !names_experiment {
                    experiments::offer().await;
                }
                offer::offer().await;
                share::show_linked().await;
                match chosen {
                    Err(message) => view::note(&message),
                    Ok(()) if query.run && query::is_from_here() => run_selection(),
                    Ok(()) if query.run => view::note("Press Run to measure what the link asks for."),
                    Ok(()) => {}
                }
            }
            Err(message) => view::fail(&message),
        }
    });
}

/// Called by the Run button.
fn run_selection() {
    match selection::chosen_plan() {
        Ok(plan) => spawn_local(measure(plan, None)),
        Err(message) => view::note(&message),
    }
}

/// Called by the button that a visitor presses first.
fn measure_first() {
    spawn_local(measure(first_visit::plan(), None));
}

/// Goes on with a run of an earlier visit. Returns `false` after telling the user if that cannot be.
fn go_on(record: Record) -> bool {
    if record.build != browser_info::build_info() {
        view::note("Another version of tare began this run, so this one cannot go on with it. Show it instead.");
        return false;
    }
    let is_here = |model: &str| tare_models::is_built_in(model) || page(|page| page.models.contains_key(model));
    let missing = record
        .plan
        .cells
        .iter()
        .map(|cell| &cell.model)
        .find(|model| !is_here(model));
    if let Some(model) = missing {
        view::note(&format!(
            "Open {model} first, then press Resume: the browser keeps results, not models."
        ));
        return false;
    }
    spawn_local(measure(record.plan.clone(), Some(record)));
    true
}

/// Carries out a plan, or what is left of it in the record of an earlier visit.
async fn measure(plan: Plan, begun: Option<Record>) {
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
    let foreground = Foreground::new();
    let clock = match calibrate(&PerformanceClock) {
        Ok(clock) => clock,
        Err(error) => {
            page(|page| page.executor = None);
            return view::fail(&error.to_string());
        }
    };
    let record = match begun {
        Some(record) => record,
        None => {
            let machine = machine().await;
            let (build, created) = (browser_info::build_info(), browser_info::now());
            let mut record = Record::new(build, created, query::url(), machine, clock, plan);
            record.warnings = browser_info::warnings(&record.machine);
            record
        }
    };
    // A second run loses nothing of the first.
    page(|page| {
        page.earlier
            .extend(page.record.take().filter(|earlier| earlier.created != record.created))
    });
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
    if foreground.was_hidden() {
        browser_info::note_hidden(&mut record);
    }
    page(|page| page.executor = None);
    kept::keep(&record);
    let was_canceled = !record.complete;
    first_visit::show_result(&record, foreground.longest_gap_ns());
    view::live("");
    show(record);
    view::set_state("done");
    if was_canceled {
        view::canceled();
    }
    view::dispatch("tare-done");
}

/// Describes this browser, with the time until its form was usable.
async fn machine() -> Machine {
    let mut machine = browser_info::machine().await;
    if let Some(browser) = &mut machine.browser {
        browser.page_ready_ns = page(|page| page.ready_ns);
        browser.isolated_by_service_worker = page(|page| page.isolated_by_service_worker);
    }
    machine
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
                let mut opened = Opened::default();
                if opened.take(&file, bytes) {
                    opened.say(format!("{file} is ready to run: {size}, {origin}."));
                }
                opened.show().await;
            }
            Err(failure) => view::note(&view::with_hint(&failure.message, &failure.hint.unwrap_or_default())),
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

/// The engines that the page offers, each with the reason why it cannot be used, if there is one.
fn engines() -> Vec<(EngineName, Option<String>)> {
    let no_webgpu = page(|page| page.no_webgpu.clone());
    EngineName::all()
        .filter(|engine| engine.spec().runs_in(EnvironmentKind::Browser))
        .map(|engine| (engine, no_webgpu.clone().filter(|_| engine.is_on_gpu())))
        .collect()
}
