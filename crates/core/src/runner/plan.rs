//! Reads and checks plans, and holds the built-in plans.

use std::ops::RangeInclusive;

use tare_record::{CellPlan, ENGINES, EngineName, Plan, Question, Rules};

pub use super::built_in_plans::{BUILT_IN, names, text};
pub use super::plan_axes::{PlanAxes, replace_axes};
pub use super::plan_error::PlanError;
use super::plan_file::PlanFile;
pub use super::plan_file::PlanSetting;
pub use super::plan_filter::filter;

/// Reads a plan from TOML.
///
/// # Errors
///
/// If the text is not TOML, a key is unknown or missing, a value is not valid, or the lists have too many
/// combinations.
pub fn parse(text: &str, setting: PlanSetting) -> Result<Plan, PlanError> {
    let file: PlanFile =
        toml::from_str(text).map_err(|error| PlanError::Toml(error.to_string().trim_end().to_owned()))?;
    let name = file.name().to_owned();
    let plan = file
        .expand(setting)
        .map_err(|message| PlanError::Value { plan: name, message })?;
    check(&plan)?;
    Ok(plan)
}

/// Returns a built-in plan.
///
/// # Errors
///
/// If there is no plan with this name.
pub fn built_in(name: &str, setting: PlanSetting) -> Result<Plan, PlanError> {
    parse(text(name)?, setting)
}

/// Checks the values of a plan.
///
/// # Errors
///
/// If the plan measures nothing, or a value is unknown or out of range.
pub fn check(plan: &Plan) -> Result<(), PlanError> {
    let fail = |message: String| {
        Err(PlanError::Value {
            plan: plan.name.clone(),
            message,
        })
    };
    if plan.cells.is_empty() {
        return fail("expected at least one [[cell]], found nothing to measure".into());
    }
    for cell in &plan.cells {
        let place = format!("[[cell]] ({})", cell.model);
        if cell.threads.is_empty() || cell.threads.iter().any(|count| !(1..=MAX_THREADS).contains(count)) {
            return fail(format!(
                "{place}: threads must list numbers from 1 to {MAX_THREADS}, found {:?}",
                cell.threads
            ));
        }
        let known: Vec<&str> = ENGINES.iter().flat_map(|spec| spec.vector_limits).copied().collect();
        if let Some(limit) = cell.vector_limits.iter().find(|limit| !known.contains(&limit.as_str())) {
            return fail(format!(
                "{place}: unknown vector_limits {limit:?}: expected {}",
                known.join(", ")
            ));
        }
        let bad = |share: &f64| !share.is_finite() || *share < 0.0;
        if let Some((dtype, share)) = cell.tolerance.iter().find(|(_, share)| bad(share)) {
            return fail(format!(
                "{place}: tolerance must be a share of at least 0, found {dtype} = {share}"
            ));
        }
    }
    if plan.budgets_ms.contains(&0) {
        return fail("budgets_ms must list numbers of at least 1, found 0".into());
    }
    let rules = &plan.rules;
    if rules.min_samples == 0 || rules.max_samples < rules.min_samples {
        return fail(format!(
            "rules: expected 1 <= min_samples <= max_samples, found {} and {}",
            rules.min_samples, rules.max_samples
        ));
    }
    for (name, found, limits) in limits(rules) {
        if !limits.contains(&found) {
            let (start, end) = (limits.start(), limits.end());
            return fail(format!(
                "rules: {name} must be a number from {start} to {end}, found {found}"
            ));
        }
    }
    Ok(())
}

/// Most CPU threads of a cell.
pub(super) const MAX_THREADS: usize = 4096;

/// The numbers of the rules, and what they may be. Sums and products of them in nanoseconds fit 64 bits.
fn limits(rules: &Rules) -> [(&'static str, u64, RangeInclusive<u64>); 10] {
    const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
    const WEEK_S: u64 = 7 * 24 * 60 * 60;
    // Less is not enough to start Node; more is not for sale.
    const MIN_MIB: u64 = 64;
    const MAX_MIB: u64 = 1 << 30;
    [
        ("rounds", rules.rounds as u64, 1..=10_000),
        ("min_time_ms", rules.min_time_ms, 0..=DAY_MS),
        ("max_time_ms", rules.max_time_ms, 0..=DAY_MS),
        ("max_samples", rules.max_samples as u64, 1..=100_000_000),
        ("min_warmup_runs", rules.min_warmup_runs as u64, 0..=1_000_000),
        ("min_warmup_ms", rules.min_warmup_ms, 0..=DAY_MS),
        ("profiled_runs", rules.profiled_runs.into(), 0..=100_000),
        ("cell_limit_s", rules.cell_limit_s, 1..=WEEK_S),
        ("rounds_limit_s", rules.rounds_limit_s.unwrap_or(1), 1..=WEEK_S),
        (
            "memory_limit_mib",
            rules.memory_limit_mib.unwrap_or(MIN_MIB),
            MIN_MIB..=MAX_MIB,
        ),
    ]
}

/// On a machine with a GPU: a plan that compares it with the CPU measures on it too.
pub fn add_gpu(plan: &mut Plan) {
    if !plan.asks(Question::Speedup) {
        return;
    }
    for cell in &mut plan.cells {
        if !cell.engines.is_empty() && !cell.engines.iter().any(|engine| engine.is_on_gpu()) {
            let added = |engine: &EngineName| engine.is_on_gpu() && !engine.spec().on_request;
            cell.engines.extend(EngineName::all().filter(added));
        }
    }
}

/// Model, sizes and load of an entry, for people.
pub fn describe(cell: &CellPlan) -> String {
    let options = &cell.options;
    let sizes = [
        options.batch.map(|batch| format!("batch {batch}")),
        options.steps.map(|steps| format!("{steps} steps")),
        options.chunk.map(|chunk| format!("chunks of {chunk}")),
        options.precision.map(|precision| precision.to_string()),
        cell.load.map(|load| load.to_string()),
    ];
    let parts: Vec<String> = std::iter::once(cell.model.clone())
        .chain(sizes.into_iter().flatten())
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests;
