//! `tare ladder`: every rung between native and a browser, and the report that takes the gap between them apart.

use std::path::PathBuf;

use anyhow::{Context, Result};
use tare_record::{EngineName, EnvironmentKind, Plan, Record};

use crate::browser::InBrowser;
use crate::measuring::Measuring;
use crate::node::{ENGINES, Node};
use crate::selection::{Selection, command_line, record_path};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    browser: InBrowser,
    /// Folder for the records and the report; by default a dated one in this folder
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    let vulkan_driver = args.browser.software_vulkan();
    let plan = plan(&args.selection, vulkan_driver.is_some())?;
    let inputs = args.selection.inputs()?;
    // Asked for before an hour of measuring, not after it.
    let page = args.browser.page_folder()?;
    let folder = match &args.output {
        Some(folder) => folder.clone(),
        None => record_path(None, "ladder").with_extension(""),
    };
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let on_cpu = on_cpu(&plan);
    let node = if on_cpu.cells.is_empty() {
        None
    } else {
        Node::find(&page)
            .inspect_err(|error| eprintln!("the rung of Node is skipped: {error:#}"))
            .ok()
    };

    let [native, in_node, in_browser] = ["native", "node", "browser"].map(|name| folder.join(format!("{name}.json")));
    let measuring = |plan: &Plan, path| Measuring {
        plan: plan.clone(),
        inputs: &inputs,
        path,
        tensors: None,
    };
    eprintln!("measuring natively");
    let mut records = vec![measuring(&plan, &native).natively(vulkan_driver)?];
    if let Some(node) = node
        && records.iter().all(|record| record.complete)
    {
        eprintln!("measuring in Node");
        keep(&mut records, "Node", measuring(&on_cpu, &in_node).in_node(node));
    }
    if records.iter().all(|record| record.complete) {
        eprintln!("measuring in a browser");
        let measured = args.browser.measure(plan.clone(), &inputs, &in_browser);
        keep(&mut records, "the browser", measured);
    }

    let report = folder.join("report.html");
    std::fs::write(&report, tare_report::html(&records, &command_line()))
        .with_context(|| format!("cannot write {}", report.display()))?;
    print!("{}", tare_report::terminal(&records));
    eprintln!("records and report: {}", folder.display());
    let browser = records
        .iter()
        .any(|record| record.machine.kind == EnvironmentKind::Browser);
    Ok(browser && records.iter().all(Record::all_measured))
}

/// A rung that cannot be measured is no reason to lose the others.
fn keep(records: &mut Vec<Record>, place: &str, measured: Result<Record>) {
    match measured {
        Ok(record) => records.push(record),
        Err(error) => eprintln!("the rung of {place} is missing: {error:#}"),
    }
}

/// What was chosen, on all rungs that this machine has.
fn plan(selection: &Selection, software_gpu: bool) -> Result<Plan> {
    let mut plan = selection.plan_or("ladder")?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let most = selection.threads().unwrap_or(cores);
    let limits = tare_tract::vector_limits();
    let adapters = pollster::block_on(tare_burn::adapters());
    let has_hardware = !software_gpu && adapters.iter().any(|adapter| !adapter.software);
    plan.boundary = true;
    for cell in &mut plan.cells {
        if cell.engines.is_empty() {
            cell.engines = vec![EngineName::Tract, EngineName::BurnFlex];
            cell.engines
                .extend((has_hardware || software_gpu).then_some(EngineName::BurnWgpu));
        }
        cell.relaxed_simd = true;
        // On the CPU kernels are in WGSL natively too.
        cell.wgsl |= has_hardware;
        // A plan that lists several has chosen its rungs.
        if cell.threads.len() < 2 {
            cell.threads = if most > 1 { vec![most, 1] } else { vec![1] };
        }
        if cell.vector_limits.is_empty() {
            cell.vector_limits = limits.iter().map(|limit| limit.name.to_owned()).collect();
        }
    }
    Ok(plan)
}

/// What of a plan Node can measure.
fn on_cpu(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    plan.cells
        .retain(|cell| cell.engines.iter().any(|engine| ENGINES.contains(engine)));
    plan
}
