//! The commands of the command line.

use anyhow::{Result, bail};
use tare_core::NamedTensor;
use tare_record::CellPlan;

use crate::local_model::{find_model, model_bytes};
use args::PlanArgs;

pub(crate) mod args;
pub(crate) mod bench;
pub(crate) mod diverge;
pub(crate) mod doctor;
pub(crate) mod models;
pub(crate) mod plans;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod selftest;
pub(crate) mod serve_model;

/// The model of a command that takes a single one.
struct OneModel {
    cell: CellPlan,
    name: String,
    bytes: Vec<u8>,
    inputs: Vec<NamedTensor>,
    seed: u64,
}

impl OneModel {
    fn of(args: &PlanArgs) -> Result<Self> {
        let mut plan = args.plan_or("quick")?;
        let cell = match plan.cells.as_mut_slice() {
            [cell] => cell.clone(),
            cells => bail!(
                "expected one model, found {}\nhint: choose one with --model",
                cells.len()
            ),
        };
        let model = find_model(&cell.model)?;
        Ok(Self {
            bytes: model_bytes(&model, &cell.shapes)?,
            name: model.display_name().to_owned(),
            inputs: args.inputs()?,
            seed: plan.seed,
            cell,
        })
    }
}
