use std::path::PathBuf;

use anyhow::Result;
use tare_record::Record;

use crate::measuring::Measuring;
use crate::selection::{Selection, record_path};
use crate::sink::tell;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Write inputs and outputs of every engine as .npy files into this folder
    #[arg(long, value_name = "DIR")]
    save_tensors: Option<PathBuf>,
    /// Where to write the record; by default a dated file in this folder
    #[arg(short, long, value_name = "FILE.json")]
    output: Option<PathBuf>,
}

impl Args {
    /// Measures as the options say, keeps the record, and tells what came of it.
    pub(super) fn measure(&self, environment: &str, how: impl FnOnce(Measuring<'_>) -> Result<Record>) -> Result<bool> {
        let path = record_path(self.output.as_ref(), environment);
        let record = how(Measuring {
            plan: self.selection.plan_or("quick")?,
            inputs: &self.selection.inputs()?,
            path: &path,
            tensors: self.save_tensors.as_ref(),
        })?;
        tell(&record, &path);
        Ok(record.all_measured())
    }
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    args.measure("native", |measuring| measuring.natively(None))
}
