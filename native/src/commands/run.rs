//! `tare run`, `tare node` and `tare browser`: measure in one environment.

use std::path::PathBuf;

use anyhow::Result;

use super::args::{BrowserArgs, DriverArgs, PageArgs, PlanArgs, PrintArgs, ServeArgs};
use crate::bench::environment::{Environment, Named};
use crate::bench::recorder::print_record;
use crate::bench::{Output, Run};
use crate::browser;
use crate::command_line::dated_path;
use crate::executor::Fresh;
use crate::record_file::refuse_record;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    print: PrintArgs,
    /// Folder for inputs and outputs of every engine as .npy files
    #[arg(long, value_name = "DIR")]
    save_tensors: Option<PathBuf>,
    /// File for the record [default: a dated file in this folder]
    #[arg(short, long, value_name = "FILE.json")]
    output: Option<PathBuf>,
    /// Replace the record in that file, which cannot be measured again
    #[arg(long)]
    force: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct NodeCommand {
    #[command(flatten)]
    run: Args,
    #[command(flatten)]
    page: PageArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BrowserCommand {
    #[command(flatten)]
    run: Args,
    #[command(flatten)]
    browser: BrowserArgs,
    /// What each round starts anew
    #[arg(long, value_enum, default_value_t)]
    fresh: Fresh,
}

/// Measures natively.
pub(crate) fn natively(args: &Args) -> Result<bool> {
    args.measure("native", Environment::Native, Setting::default())
}

/// Measures in Node.
pub(crate) fn in_node(args: &NodeCommand) -> Result<bool> {
    let setting = Setting {
        serve: ServeArgs {
            page: args.page.clone(),
            ..ServeArgs::default()
        },
        ..Setting::default()
    };
    args.run.measure("node", Environment::Node, setting)
}

/// Measures in a browser.
pub(crate) fn in_browser(args: &BrowserCommand) -> Result<bool> {
    let browser = &args.browser;
    let wanted = browser::wanted(browser.browser.as_deref(), &browser.driver)?;
    let setting = Setting {
        serve: browser.serve.clone(),
        driver: browser.driver.clone(),
        fresh: args.fresh,
    };
    args.run.measure("browser", Environment::Browser(wanted), setting)
}

/// What only some environments need.
#[derive(Default)]
struct Setting {
    serve: ServeArgs,
    driver: DriverArgs,
    fresh: Fresh,
}

impl Args {
    /// Measures the plan of the options, writes the record and prints it.
    fn measure(&self, name: &str, environment: Environment, setting: Setting) -> Result<bool> {
        let path = self.output.clone().unwrap_or_else(|| dated_path(name, ".json"));
        if !self.force {
            refuse_record(&path, "write to another file with -o, or replace it with --force")?;
        }
        let page = match environment {
            Environment::Native => None,
            _ => Some(setting.serve.page.find()?),
        };
        let run = Run {
            plan: self.plan.plan_or("quick")?,
            inputs: &self.plan.inputs()?,
            environments: vec![Named::new(name, environment)],
            output: Output::File(&path),
            tensors: self.save_tensors.as_ref(),
            page,
            serve: setting.serve,
            driver: setting.driver,
            fresh: setting.fresh,
            parallel: None,
            quiet: self.print.quiet,
        };
        let measured = run.measure()?;
        for record in &measured.records {
            print_record(record, &path, self.print.json);
        }
        Ok(measured.all)
    }
}
