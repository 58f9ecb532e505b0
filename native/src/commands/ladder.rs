//! `tare ladder`: measures every rung between native and a browser, and writes the report that
//! explains the gap.

use std::path::PathBuf;

use anyhow::{Context, Result};
use tare_record::{DeviceKind, EngineName, EnvironmentKind, Plan, Record};

use super::args::{BrowserArgs, PlanArgs};
use crate::browser;
use crate::executor::Node;
use crate::record_path::{command_line, record_path};
use crate::record_writer::print_report;
use crate::run::Run;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    browser: BrowserArgs,
    /// Folder for records and report [default: a dated folder in this one]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    let vulkan_driver = browser::software_vulkan(&args.browser.driver);
    let plan = plan(&args.plan, vulkan_driver.is_some())?;
    let inputs = args.plan.inputs()?;
    // Checked first, because the native measurement may take an hour.
    let page = args.browser.serve.page.find()?;
    let folder = match &args.output {
        Some(folder) => folder.clone(),
        None => record_path(None, "ladder").with_extension(""),
    };
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    let in_node_plan = runnable_in_node(&plan);
    let node = if in_node_plan.cells.is_empty() {
        None
    } else {
        Node::find(&page)
            .inspect_err(|error| eprintln!("skipping Node: {error:#}"))
            .ok()
    };

    let [native, in_node, in_browser] = ["native", "node", "browser"].map(|name| folder.join(format!("{name}.json")));
    let run = |plan: &Plan, path| Run {
        plan: plan.clone(),
        inputs: &inputs,
        path,
        tensors: None,
    };
    eprintln!("measuring natively");
    let mut records = vec![run(&plan, &native).natively(vulkan_driver)?];
    if let Some(node) = node
        && records.iter().all(|record| record.complete)
    {
        eprintln!("measuring in Node");
        keep(&mut records, "Node", run(&in_node_plan, &in_node).in_node(node));
    }
    if records.iter().all(|record| record.complete) {
        eprintln!("measuring in a browser");
        let measured = browser::measure(&args.browser, plan.clone(), &inputs, &in_browser);
        keep(&mut records, "the browser", measured);
    }

    let report = folder.join("report.html");
    std::fs::write(&report, tare_report::html(&records, &command_line()))
        .with_context(|| format!("cannot write {}", report.display()))?;
    print_report(&records);
    eprintln!("records and report: {}", folder.display());
    let has_browser = records
        .iter()
        .any(|record| record.machine.kind == EnvironmentKind::Browser);
    Ok(has_browser && records.iter().all(Record::all_measured))
}

/// Keeps the record of an environment. If the measurement failed, reports why, and the records of
/// the others remain.
fn keep(records: &mut Vec<Record>, place: &str, measured: Result<Record>) {
    match measured {
        Ok(record) => records.push(record),
        Err(error) => eprintln!("no record of {place}: {error:#}"),
    }
}

/// The plan of the options, with all rungs that this machine supports.
fn plan(args: &PlanArgs, software_gpu: bool) -> Result<Plan> {
    let mut plan = args.plan_or("ladder")?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = args.threads().unwrap_or(cores);
    let limits = tare_tract::vector_limits();
    let adapters = pollster::block_on(tare_burn::adapters());
    let has_hardware = !software_gpu && adapters.iter().any(|adapter| !adapter.software);
    plan.interop = true;
    for cell in &mut plan.cells {
        if cell.engines.is_empty() {
            let usable = |engine: &EngineName| engine.spec().device == DeviceKind::Cpu || has_hardware || software_gpu;
            cell.engines = EngineName::all().filter(usable).collect();
        }
        cell.relaxed_simd = true;
        // A software adapter takes WGSL natively anyway.
        cell.wgsl |= has_hardware;
        // A plan that lists several thread counts has chosen its rungs.
        if cell.threads.len() < 2 {
            cell.threads = if threads > 1 { vec![threads, 1] } else { vec![1] };
        }
        if cell.vector_limits.is_empty() {
            cell.vector_limits = limits.iter().map(|limit| limit.name.to_owned()).collect();
        }
    }
    Ok(plan)
}

/// The cells of a plan that Node can measure.
fn runnable_in_node(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let runs = |engine: &EngineName| engine.spec().runs_in(EnvironmentKind::Node);
    plan.cells.retain(|cell| cell.engines.iter().any(runs));
    plan
}
