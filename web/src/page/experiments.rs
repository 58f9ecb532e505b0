//! The experiments that the page offers: the built-in plans.

use tare_core::OfferedPlan;
use tare_core::plan::{self, PlanSetting};
use tare_record::{EnvironmentKind, Plan, Transport};
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlElement};

use super::state::page;
use super::view::{create, element, note, value};
use super::{browser_info, first_visit};

/// Adds the plans to the form. Without them the page offers all else.
pub(super) async fn offer() {
    let plans = browser_info::fetch("plans.json").await.and_then(|json| {
        let json = String::from_utf8_lossy(&json);
        serde_json::from_str::<Vec<OfferedPlan>>(&json).map_err(|error| format!("in plans.json: {error}"))
    });
    let plans = match plans {
        Ok(plans) => plans,
        Err(error) => return note(&format!("This page offers no experiments: {error}.")),
    };
    let select = element::<Element>("plan");
    for plan in &plans {
        let option = create("option");
        option.set_attribute("value", plan.name()).unwrap_throw();
        let is_possible = !plan.needs_gpu() || first_visit::has_gpu();
        let text = if is_possible {
            plan.name().to_owned()
        } else {
            option.set_attribute("disabled", "").unwrap_throw();
            format!("{} (needs a GPU)", plan.name())
        };
        option.set_text_content(Some(&text));
        select.append_child(&option).unwrap_throw();
    }
    page(|page| page.plans = plans);
}

/// Says what the chosen experiment is, in place of what it chooses by itself.
pub(super) fn show_chosen() {
    let offered = offered();
    let mut text = offered.as_ref().map_or("", |plan| plan.description()).to_owned();
    if let Ok(Some(plan)) = chosen() {
        text += &format!(
            " It takes {}, and longer where models are slow.",
            tare_report::time_left(least_ns(&plan))
        );
    }
    element::<Element>("plan-text").set_text_content(Some(&text));
    let has_quick_form = offered.as_ref().is_some_and(OfferedPlan::has_quick_form);
    for (id, is_shown) in [
        ("plan-text", offered.is_some()),
        ("length-of-plan", has_quick_form),
        ("own", offered.is_none()),
    ] {
        element::<HtmlElement>(id).set_hidden(!is_shown);
    }
}

/// Worker, model and reference of a round, in milliseconds: what `tare plans` assumes of a browser.
const ROUND_MS: u64 = 3000;

/// The time that all cells take at least, in nanoseconds.
fn least_ns(plan: &Plan) -> u64 {
    let rules = &plan.rules;
    let of_cell_ms = rules.min_time_ms + rules.rounds as u64 * (ROUND_MS + rules.min_warmup_ms);
    let cells = plan
        .cells
        .iter()
        .map(|cell| cell.engines.len().max(1) * cell.threads.len());
    cells.sum::<usize>() as u64 * of_cell_ms * 1_000_000
}

fn offered() -> Option<OfferedPlan> {
    let name = value("plan");
    page(|page| page.plans.iter().find(|plan| plan.name() == name).cloned())
}

/// The chosen experiment, as far as a page can carry it out alone. `None` if the user chose models.
///
/// # Errors
/// If it has nothing to measure here.
pub(super) fn chosen() -> Result<Option<Plan>, String> {
    let Some(offered) = offered() else { return Ok(None) };
    let setting = PlanSetting {
        cores: browser_info::usable_cores(),
        quick: value("length") == "short",
    };
    let mut plan = offered.on(setting);
    // Only a run of the program has a server that answers.
    let needs_server = |transport: Transport| transport.needs_server();
    plan.cells.retain(|cell| !cell.transport.is_some_and(needs_server));
    // Yardsticks run natively alone.
    for cell in &mut plan.cells {
        cell.engines
            .retain(|engine| engine.spec().runs_in(EnvironmentKind::Browser));
    }
    if plan.cells.is_empty() {
        return Err(format!(
            "A page alone cannot measure {}. The program can: tare bench --plan {}",
            plan.name,
            offered.name()
        ));
    }
    if first_visit::has_gpu() {
        plan::add_gpu(&mut plan);
    }
    Ok(Some(plan))
}
