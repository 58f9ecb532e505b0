//! `tare bench`, `tare ladder` and `tare profile`: measure in several environments that take turns, and write the
//! report.

use std::path::PathBuf;

use anyhow::{Context, Result};
use tare_record::{EngineName, EnvironmentKind, Plan};
use tare_report::printable;

use super::args::{DriverArgs, PROFILED_RUNS, PlanArgs, PrintArgs, ServeArgs, SlowerArgs, cores};
use crate::bench::environment::environments;
use crate::bench::folder::RunFolder;
use crate::bench::recorder::print_report;
use crate::bench::{Output, Run};
use crate::command_line::{command_line, dated_path};
use crate::engines::has_gpu;
use crate::executor::Fresh;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,
    /// Where to measure: native, node, browser (the first one found), chromium, chrome, firefox, or
    /// the path of a browser [default: native,browser, with node for `tare ladder`, and native alone
    /// for `tare profile`]
    #[arg(long = "in", value_name = "ENVIRONMENTS", value_delimiter = ',')]
    environments: Vec<String>,
    /// Browsers of the WebDrivers given with --webdriver, by their names there, with a version if it
    /// matters: chrome,firefox:128
    #[arg(long, value_name = "BROWSERS", value_delimiter = ',', requires = "webdriver")]
    browsers: Vec<String>,
    /// Measure N sessions of the WebDrivers at once, apart from the other environments
    #[arg(long, value_name = "N", requires = "browsers")]
    parallel: Option<usize>,
    /// Print a link and a QR code for a browser that a person opens, for example on a phone; with a
    /// number for several
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1", default_value_t = 0, hide_default_value = true)]
    invite: usize,
    /// Measure all steps between native and browser: threads, narrower vectors, relaxed SIMD, WGSL
    #[arg(long)]
    rungs: bool,
    /// What each round starts anew in a browser
    #[arg(long, value_enum, default_value_t)]
    fresh: Fresh,
    #[command(flatten)]
    driver: DriverArgs,
    #[command(flatten)]
    serve: ServeArgs,
    #[command(flatten)]
    print: PrintArgs,
    #[command(flatten)]
    slower: SlowerArgs,
    /// Folder for inputs and outputs of every engine as .npy files
    #[arg(long, value_name = "DIR")]
    save_tensors: Option<PathBuf>,
    /// Folder for records and report [default: a dated folder in this one]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Go on with the run in this folder, with the options that it was started with
    #[arg(long, value_name = "DIR", exclusive = true)]
    resume: Option<PathBuf>,
}

/// Which of the commands it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `tare bench`.
    Bench,
    /// `tare ladder`: all rungs, and Node.
    Ladder,
    /// `tare profile`: natively, with profiled runs.
    Profile,
}

impl Kind {
    /// The name of the command.
    fn name(self) -> &'static str {
        match self {
            Kind::Bench => "bench",
            Kind::Ladder => "ladder",
            Kind::Profile => "profile",
        }
    }

    /// The plan to measure unless one is named.
    fn plan(self) -> &'static str {
        match self {
            Kind::Bench => "quick",
            Kind::Ladder => "ladder",
            Kind::Profile => "profile",
        }
    }
}

/// Measures, or goes on with a run. `parse` reads the arguments of the command that started it.
pub(crate) fn run(kind: Kind, args: &Args, parse: fn(Vec<String>) -> Result<(Kind, Args)>) -> Result<bool> {
    let Some(path) = &args.resume else {
        return measure(kind, args, None);
    };
    let (folder, arguments) = RunFolder::resume(path)?;
    // The folder says what is run, and may come from elsewhere.
    eprintln!("going on with: tare {}", printable(&arguments.join(" ")));
    let (kind, args) = parse(arguments).with_context(|| format!("cannot go on with the run in {}", path.display()))?;
    measure(kind, &args, Some(folder))
}

fn measure(kind: Kind, args: &Args, resumed: Option<RunFolder>) -> Result<bool> {
    let rungs = args.rungs || kind == Kind::Ladder;
    let named: Vec<String> = match (args.environments.as_slice(), kind) {
        ([], Kind::Ladder) => ["native", "node", "browser"].map(String::from).into(),
        // The browsers are named.
        ([], Kind::Profile) => vec!["native".into()],
        ([], _) if !args.browsers.is_empty() || args.invite > 0 => vec!["native".into()],
        ([], _) => ["native", "browser"].map(String::from).into(),
        (named, _) => named.to_vec(),
    };
    let local = DriverArgs {
        webdriver: if args.browsers.is_empty() {
            args.driver.webdriver.clone()
        } else {
            vec![]
        },
        ..args.driver.clone()
    };
    let all = environments(&named, &local, &args.browsers, &args.driver, args.invite)?;
    let needs_page = named.iter().any(|name| name != "native") || all.iter().any(|one| one.has_page());
    // Looked for first, because it is often missing.
    let page = needs_page.then(|| args.serve.page.find()).transpose()?;
    let inputs = args.plan.inputs()?;
    let mut plan = args.plan.plan_or(kind.plan())?;
    if kind == Kind::Profile && plan.rules.profiled_runs == 0 {
        plan.rules.profiled_runs = PROFILED_RUNS;
    }
    choose_engines(&mut plan, args.driver.software_gpu, rungs);
    if rungs {
        add_rungs(&mut plan, args.plan.threads());
    }
    let folder = match resumed {
        Some(folder) => folder,
        None => {
            let path = args.output.clone().unwrap_or_else(|| dated_path(kind.name(), ""));
            RunFolder::create(&path, &command_line())?
        }
    };
    let run = Run {
        plan,
        inputs: &inputs,
        environments: all,
        output: Output::Folder(&folder),
        tensors: args.save_tensors.as_ref(),
        page,
        serve: args.serve.clone(),
        driver: args.driver.clone(),
        fresh: args.fresh,
        parallel: args.parallel,
        quiet: args.print.quiet,
    };
    let measured = run.measure().inspect_err(|_| folder.discard_if_unused())?;
    print_report(&measured.records, args.print.json);
    folder.report(&measured.records, &command_line())?;
    eprintln!("records and report: {}", folder.path.display());
    let nothing_slower = args.slower.check(&measured.records)?;
    Ok(measured.all && nothing_slower)
}

/// Chooses engines for models without any: those that all environments can run.
fn choose_engines(plan: &mut Plan, software_gpu: bool, rungs: bool) {
    if plan.cells.iter().all(|cell| !cell.engines.is_empty()) && !rungs {
        return;
    }
    let has_hardware = !software_gpu && has_gpu();
    for cell in &mut plan.cells {
        if cell.engines.is_empty() {
            let usable = |engine: &EngineName| !engine.is_on_gpu() || has_hardware || software_gpu;
            cell.engines = EngineName::all_in(EnvironmentKind::Native).filter(usable).collect();
        }
        // A software adapter takes WGSL natively anyway.
        cell.wgsl |= rungs && has_hardware;
    }
}

/// Adds all rungs that this machine supports.
fn add_rungs(plan: &mut Plan, threads: Option<usize>) {
    let threads = threads.unwrap_or_else(cores);
    let limits = tare_tract::vector_limits();
    plan.interop = true;
    for cell in &mut plan.cells {
        cell.relaxed_simd = true;
        // A plan that lists several thread counts has chosen its rungs.
        if cell.threads.len() < 2 {
            cell.threads = if threads > 1 { vec![threads, 1] } else { vec![1] };
        }
        if cell.vector_limits.is_empty() {
            cell.vector_limits = limits.iter().map(|limit| limit.name.to_owned()).collect();
        }
    }
}
