//! Chooses cells of a plan by their values.

use tare_record::{CellPlan, EngineName, Plan};

use super::plan_error::PlanError;

/// The values that an entry has for a key.
type Values = fn(&CellPlan) -> Vec<String>;

/// What cells are chosen by.
const KEYS: &[(&str, Values)] = &[
    ("model", |cell| vec![cell.model.clone()]),
    ("engine", |cell| cell.engines.iter().map(ToString::to_string).collect()),
    ("threads", |cell| cell.threads.iter().map(ToString::to_string).collect()),
    ("batch", |cell| number(cell.options.batch)),
    ("steps", |cell| number(cell.options.steps)),
    ("chunk", |cell| number(cell.options.chunk)),
    ("precision", |cell| {
        let own = cell.options.precision;
        vec![own.map_or_else(|| "f32".into(), |precision| precision.to_string())]
    }),
    ("transport", |cell| {
        vec![
            cell.transport
                .map_or_else(|| "none".into(), |transport| transport.to_string()),
        ]
    }),
    ("load", |cell| cell.load.iter().map(ToString::to_string).collect()),
];

fn number(value: Option<usize>) -> Vec<String> {
    value.iter().map(ToString::to_string).collect()
}

/// Keeps the cells that have one of the values of every filter. A filter is `KEY=VALUE` or `KEY=VALUE,VALUE`; loads
/// are found by a part of their description, as in `load=1 client|80 %`.
///
/// # Errors
///
/// If a key is unknown, or no cell has the value.
pub fn filter(plan: &mut Plan, filters: &[String]) -> Result<(), PlanError> {
    for filter in filters {
        let fail = |message: String| PlanError::Filter {
            filter: filter.clone(),
            message,
        };
        let known = || KEYS.iter().map(|(key, _)| *key).collect::<Vec<_>>().join(", ");
        let (key, wanted) = filter
            .split_once('=')
            .ok_or_else(|| fail(format!("expected KEY=VALUE, with a key of {}", known())))?;
        let (_, values) = KEYS
            .iter()
            .find(|(name, _)| *name == key)
            .ok_or_else(|| fail(format!("unknown key {key:?}: expected one of {}", known())))?;
        // Descriptions of loads contain commas.
        let separator = if key == "load" { '|' } else { ',' };
        let wanted: Vec<&str> = wanted.split(separator).map(str::trim).collect();
        let is_wanted = |value: &String| {
            wanted.iter().any(|wanted| {
                if key == "load" {
                    value.contains(wanted)
                } else {
                    value == wanted
                }
            })
        };
        let mut all: Vec<String> = plan.cells.iter().flat_map(values).collect();
        plan.cells.retain(|cell| values(cell).iter().any(is_wanted));
        for cell in &mut plan.cells {
            match key {
                "engine" => cell
                    .engines
                    .retain(|engine: &EngineName| is_wanted(&engine.to_string())),
                "threads" => cell.threads.retain(|threads| is_wanted(&threads.to_string())),
                _ => {}
            }
        }
        if plan.cells.is_empty() {
            all.dedup();
            let has = if all.is_empty() { "none".into() } else { all.join(", ") };
            return Err(fail(format!("no cell has {filter}: the plan has {has}")));
        }
    }
    Ok(())
}
