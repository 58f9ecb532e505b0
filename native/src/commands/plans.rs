//! `tare plans`: the built-in plans, and how long they take here.

use std::collections::BTreeMap;

use anyhow::Result;
use tare_core::plan::{self, PlanSetting};
use tare_core::{RATE_TRIALS, calibration_ns};
use tare_models::multiply_accumulates;
use tare_record::{Arrivals, CellPlan, DeviceKind, Plan};
use tare_report::duration;

use super::args::cores;
use crate::machine::SystemClock;

/// A multiply-accumulate on one thread, in nanoseconds, natively and in a browser, on a machine whose fixed work takes
/// [`FIXED_WORK_NS`]: means over resnet50, minilm and efficientdet-d0 on tract and burn-flex.
const MAC_NS: [f64; 2] = [0.06, 0.12];

/// The fixed work of a calibration on the machine that [`MAC_NS`] was measured on.
const FIXED_WORK_NS: f64 = 15e6;

/// Share of the threads that networks make use of.
const THREADS_USED: f64 = 0.7;

/// Process or worker, model and reference of a round, in nanoseconds, natively and in a browser.
const ROUND_NS: [f64; 2] = [0.7e9, 3.0e9];

/// Prints the plans.
pub(crate) fn list() -> Result<bool> {
    let speed = FIXED_WORK_NS / calibration_ns(&SystemClock) as f64;
    let mut macs = BTreeMap::new();
    println!(
        "{:<9} {:>5}  {:>9}  {:>9}  description",
        "name", "cells", "native", "browser"
    );
    for &(name, _) in plan::BUILT_IN {
        let setting = PlanSetting {
            cores: cores(),
            quick: false,
        };
        let whole = plan::built_in(name, setting)?;
        let [native, browser] = [0, 1].map(|place| about(estimate_ns(&whole, place, speed, &mut macs)));
        println!(
            "{name:<9} {:>5}  {native:>9}  {browser:>9}  {}",
            whole.cells.len(),
            whole.description
        );
        if let Ok(quick) = plan::built_in(name, PlanSetting { quick: true, ..setting }) {
            let [native, browser] = [0, 1].map(|place| about(estimate_ns(&quick, place, speed, &mut macs)));
            println!(
                "{:<9} {:>5}  {native:>9}  {browser:>9}  the same in short",
                "  --quick",
                quick.cells.len()
            );
        }
    }
    println!(
        "\nTimes are estimates for CPU engines on this machine. A GPU that has not met a network first tunes for minutes.\n\
         `tare plans show NAME` prints a plan, and `tare bench --plan NAME` measures it."
    );
    Ok(true)
}

/// Prints a plan as TOML.
pub(crate) fn show(name: &str) -> Result<bool> {
    print!("{}", plan::text(name)?);
    Ok(true)
}

fn about(ns: f64) -> String {
    match ns {
        ns if ns < 60e9 => format!("{:.0} s", (ns / 1e9).ceil()),
        ns if ns < 3600e9 => format!("{:.0} min", (ns / 60e9).ceil()),
        ns => duration(ns),
    }
}

/// How long a plan takes on the CPU, in nanoseconds. `place` is 0 natively and 1 in a browser.
fn estimate_ns(plan: &Plan, place: usize, speed: f64, macs: &mut BTreeMap<String, u64>) -> f64 {
    let rules = &plan.rules;
    let rounds = rules.rounds as f64;
    let mut total_ns = 0.0;
    for cell in &plan.cells {
        let engines = match cell.engines.as_slice() {
            [] => 2,
            named => named
                .iter()
                .filter(|name| name.spec().device == DeviceKind::Cpu)
                .count(),
        };
        let macs = macs_of(cell, macs);
        for &threads in &cell.threads {
            let run_ns = macs * MAC_NS[place] / speed / (1.0 + (threads as f64 - 1.0) * THREADS_USED);
            let warm_up_ns = (rules.min_warmup_runs.max(1) as f64 * run_ns).max(rules.min_warmup_ms as f64 * 1e6);
            // Clients that are left have to be answered.
            let waiting = match cell.load.map(|load| load.arrivals) {
                Some(Arrivals::Clients(clients)) => clients as f64 * rounds,
                _ => 0.0,
            };
            // A rate is searched in several trials.
            let trials = match cell.load.map(|load| load.arrivals) {
                Some(Arrivals::Goal(_)) => RATE_TRIALS as f64,
                _ => 1.0,
            };
            let sampling_ns =
                ((rules.min_samples as f64 + waiting) * run_ns).max(rules.min_time_ms as f64 * 1e6) * trials;
            total_ns += engines as f64 * (rounds * (ROUND_NS[place] + run_ns + warm_up_ns) + sampling_ns);
        }
    }
    total_ns
}

/// Multiply-accumulates of a run.
fn macs_of(cell: &CellPlan, known: &mut BTreeMap<String, u64>) -> f64 {
    let parts = cell
        .model
        .split('+')
        .flat_map(|name| match tare_models::find_pipeline(name) {
            Some(pipeline) => pipeline.networks.to_vec(),
            None => vec![name],
        });
    let of_networks: u64 = parts
        .map(|name| *known.entry(name.to_owned()).or_insert_with(|| counted(name)))
        .sum();
    // Ten sampling steps and eight chunks are the default of shapegen.
    let repeated = if tare_models::find_pipeline(&cell.model).is_some() {
        9.0
    } else {
        1.0
    };
    of_networks as f64 * repeated * cell.options.batch.unwrap_or(1) as f64
}

/// Counted in the generated file; 0 for other models.
fn counted(name: &str) -> u64 {
    let bytes = tare_models::find(name).map(|entry| entry.onnx(&BTreeMap::new()));
    bytes
        .and_then(|bytes| multiply_accumulates(&bytes).ok().flatten())
        .unwrap_or(0)
}
