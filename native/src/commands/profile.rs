//! `tare profile`: shows the duration of a run by node of the graph.

use anyhow::{Result, bail};
use tare_burn::{Burn, NodeTime};
use tare_record::EngineName;

use super::OneModel;
use super::args::PlanArgs;
use crate::machine::SystemClock;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,
    /// Number of runs to average over
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

/// Prints the nodes by their duration, longest first.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let model = OneModel::of(&args.plan)?;
    let cell = &model.cell;
    let threads = cell.threads.first().copied().unwrap_or(1);
    let engine = match cell.engines.as_slice() {
        [] | [EngineName::BurnFlex] => Burn::flex(threads),
        [EngineName::BurnWgpu] => Burn::wgpu(),
        _ => bail!(
            "only a single burn engine can be profiled\nhint: choose it with --engine burn-flex or --engine burn-wgpu"
        ),
    };
    let workload = tare_models::prepare(&model.name, model.bytes, &cell.shapes, &model.inputs, model.seed)?;
    let profiled = engine.profile(workload.bytes.clone(), &workload.inputs, args.runs, &SystemClock);
    let mut nodes = pollster::block_on(profiled)?;
    let total_ns: u64 = nodes.iter().map(|node| node.duration_ns).sum();
    nodes.sort_by_key(|node| std::cmp::Reverse(node.duration_ns));
    println!(
        "{:>10}  {:>6}  {:>5}  {:<20}  node",
        "time", "share", "steps", "operator"
    );
    for node in nodes.iter().filter(|node| node.steps > 0) {
        println!("{}", line(node, total_ns));
    }
    let count = nodes.iter().filter(|node| node.steps > 0).count();
    println!(
        "\n{} in {count} nodes, waiting for the device after each step",
        tare_report::duration(total_ns as f64)
    );
    Ok(true)
}

fn line(node: &NodeTime, total_ns: u64) -> String {
    format!(
        "{:>10}  {:>5.1}%  {:>5}  {:<20}  {}",
        tare_report::duration(node.duration_ns as f64),
        node.duration_ns as f64 * 100.0 / total_ns.max(1) as f64,
        node.steps,
        node.operator,
        node.node
    )
}
