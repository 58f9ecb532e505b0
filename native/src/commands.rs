//! The commands that need no browser.

use anyhow::{Result, bail};
use tare_core::NamedTensor;
use tare_record::{CellPlan, Failure};

use crate::cell::model_bytes;
use crate::host::find_model;
use crate::selection::Selection;

pub(crate) mod diverge;
pub(crate) mod doctor;
pub(crate) mod ladder;
pub(crate) mod models;
pub(crate) mod node;
pub(crate) mod profile;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod selftest;

/// A failure with its hint, as the error of a command.
fn explained(failure: impl Into<Failure>) -> anyhow::Error {
    let failure = failure.into();
    match failure.hint {
        Some(hint) => anyhow::anyhow!("{}\nhint: {hint}", failure.message),
        None => anyhow::anyhow!(failure.message),
    }
}

/// The one model of a command that takes one.
struct OneModel {
    cell: CellPlan,
    name: String,
    bytes: Vec<u8>,
    inputs: Vec<NamedTensor>,
    seed: u64,
}

impl OneModel {
    fn of(selection: &Selection) -> Result<Self> {
        let mut plan = selection.plan_or("quick")?;
        let cell = match plan.cells.as_mut_slice() {
            [cell] => cell.clone(),
            cells => bail!("found {} models\nhint: name one with --model", cells.len()),
        };
        let model = find_model(&cell.model).map_err(explained)?;
        Ok(Self {
            bytes: model_bytes(&model, &cell.shapes).map_err(explained)?,
            name: model.display_name().to_owned(),
            inputs: selection.inputs()?,
            seed: plan.seed,
            cell,
        })
    }
}
