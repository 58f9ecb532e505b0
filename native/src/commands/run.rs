use std::path::PathBuf;

use anyhow::Result;
use tare_record::Record;

use super::args::PlanArgs;
use crate::record_path::record_path;
use crate::record_writer::print_record;
use crate::run::Run;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,
    /// Folder for inputs and outputs of every engine as .npy files
    #[arg(long, value_name = "DIR")]
    save_tensors: Option<PathBuf>,
    /// File for the record [default: a dated file in this folder]
    #[arg(short, long, value_name = "FILE.json")]
    output: Option<PathBuf>,
}

impl Args {
    /// Measures the plan of the options, writes the record and prints it.
    pub(super) fn measure(&self, environment: &str, how: impl FnOnce(Run<'_>) -> Result<Record>) -> Result<bool> {
        let path = record_path(self.output.as_ref(), environment);
        let record = how(Run {
            plan: self.plan.plan_or("quick")?,
            inputs: &self.plan.inputs()?,
            path: &path,
            tensors: self.save_tensors.as_ref(),
        })?;
        print_record(&record, &path);
        Ok(record.all_measured())
    }
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    args.measure("native", |run| run.natively(None))
}
