use std::path::PathBuf;

use anyhow::Result;

use super::args::{BrowserArgs, PlanArgs};
use crate::browser;
use crate::record_path::record_path;
use crate::record_writer::print_record;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    browser: BrowserArgs,
    /// File for the record [default: a dated file in this folder]
    #[arg(short, long, value_name = "FILE.json")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    let plan = args.plan.plan_or("quick")?;
    let path = record_path(args.output.as_ref(), "browser");
    let record = browser::measure(&args.browser, plan, &args.plan.inputs()?, &path)?;
    print_record(&record, &path);
    Ok(record.all_measured())
}
