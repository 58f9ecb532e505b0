//! `tare diverge`: the first operator whose result differs from the reference's.

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

/// Prints every value with its distance from tract's, and the first that differs. `Ok(false)` if one does.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let model = OneModel::of(&args.plan)?;
    let cell = &model.cell;
    let name = match cell.engines.as_slice() {
        [] => EngineName::BurnFlex,
        [name] => *name,
        several => bail!("found {} engines\nhint: name one with --engine", several.len()),
    };
    let threads = cell.threads.first().copied().unwrap_or(1);
    let (exposed, values) = tare_models::with_intermediate_outputs(&model.bytes)?;
    let workload = tare_models::prepare(&model.name, exposed, &cell.shapes, &model.inputs, model.seed)?;
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
                "\nno value of {} on {name} differs from tract's by more than is allowed",
                cell.model
            );
            Ok(true)
        }
        Some((value, compared)) => {
            let why = compared.drift.as_ref().err().map_or("", |failure| &failure.message);
            println!(
                "\nthe first value that differs is {:?}, made by {} (node {:?}): {why}",
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
