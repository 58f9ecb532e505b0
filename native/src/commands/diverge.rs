//! `tare diverge`: finds the first operator whose result differs from the reference.

use anyhow::{Result, bail};
use tare_core::{ComparedValue, diverge, tolerance_of};
use tare_models::NodeValue;
use tare_record::{EngineName, Variant};
use tare_tract::Tract;

use super::OneModel;
use super::args::PlanArgs;
use crate::engines::engine;
use crate::machine::SystemClock;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,
}

/// Prints the distance of every value from tract's, and the first value that differs. Returns
/// `Ok(false)` if one differs.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let model = OneModel::of(&args.plan)?;
    let cell = &model.cell;
    let name = match cell.engines.as_slice() {
        [] => EngineName::BurnFlex,
        [name] => *name,
        several => bail!(
            "expected one engine, found {}\nhint: choose one with --engine",
            several.len()
        ),
    };
    let threads = cell.threads.first().copied().unwrap_or(1);
    let (with_outputs, values) = tare_models::with_intermediate_outputs(&model.bytes)?;
    let workload = tare_models::prepare(&model.name, with_outputs, &cell.shapes, &model.inputs, model.seed)?;
    let tolerance = tolerance_of(&cell.model, &cell.tolerance);
    let engine = engine(name, &Variant::Default, threads);
    let compared = pollster::block_on(diverge(
        &workload,
        &*engine,
        &Tract::new(threads),
        &tolerance,
        &SystemClock,
    ))?;

    let rows = values.iter().filter_map(|value| {
        let compared = compared.iter().find(|compared| compared.name == value.name)?;
        Some((value, compared))
    });
    println!("{:>10}  {:>10}  {:<20}  value", "share", "relative", "operator");
    let mut first = None;
    for (value, compared) in rows {
        println!("{}", line(value, compared));
        if compared.drift.is_err() {
            first.get_or_insert((value, compared));
        }
    }
    match first {
        None => {
            println!(
                "\nall values of {} on {name} agree with tract's within the tolerance",
                cell.model
            );
            Ok(true)
        }
        Some((value, compared)) => {
            let why = compared.drift.as_ref().err().map_or("", |failure| &failure.message);
            println!(
                "\nthe first value that differs is {:?}, computed by {} (node {:?}): {why}",
                value.name, value.operator, value.node
            );
            Ok(false)
        }
    }
}

fn line(value: &NodeValue, compared: &ComparedValue) -> String {
    match &compared.drift {
        Ok(drift) => format!(
            "{:>10.2e}  {:>10.2e}  {:<20}  {}",
            drift.max_scaled, drift.max_relative, value.operator, value.name
        ),
        Err(_) => format!("{:>10}  {:>10}  {:<20}  {}", "differs", "", value.operator, value.name),
    }
}
