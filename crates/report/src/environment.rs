//! The machines, and the programs that measured on them.

use maud::{Markup, html};
use tare_record::{Machine, Record};

use crate::format;
use crate::power::power_lines;

/// What made a record, and on what.
pub(crate) fn environment(number: usize, record: &Record) -> Markup {
    let tool = &record.tool;
    html! {
        h2 { "Record " (number) ": " (record.machine.kind.to_string()) }
        @if !record.complete { p class="failed" { "This record is of a run that did not come to its end." } }
        div class="scroll" { table { tbody {
            tr { th scope="row" { "made" } td { (record.created) } }
            tr { th scope="row" { "command" } td { code { (record.command) } } }
            tr { th scope="row" { "plan" } td { (record.plan.name) } }
            tr { th scope="row" { "tare" } td {
                (tool.version) ", " (tool.git_revision.as_deref().unwrap_or("unknown revision")) ", " (tool.build_profile) " build for " (tool.target)
                @if !tool.target_features.is_empty() { ", compiled with " (tool.target_features.join(", ")) "; engines look for wider vectors when they start" }
            } }
            (machine(&record.machine))
            @if let Some(chain) = chain(record) { tr { th scope="row" { "its speed" } td { (chain) } } }
            tr { th scope="row" { "clock" } td {
                (record.clock.source) ", steps of " (format::duration(record.clock.granularity_ns as f64)) ", " (format::duration(record.clock.read_cost_ns as f64)) " a reading"
            } }
            @for adapter in record.cells.iter().filter_map(|cell| cell.adapter.as_ref()).take(1) {
                tr { th scope="row" { "graphics adapter" } td { (adapter.name) ", " (adapter.graphics_api) ", " (adapter.driver) } }
                tr { th scope="row" { "its features" } td { (adapter.features.join(", ")) } }
                tr { th scope="row" { "its limits" } td { (adapter.limits.iter().map(|(name, limit)| format!("{name} {limit}")).collect::<Vec<_>>().join(", ")) } }
            }
        } } }
    }
}

/// How long the fixed chain of integer operations took around the cells.
fn chain(record: &Record) -> Option<String> {
    let rounds = record.cells.iter().flat_map(|cell| &cell.rounds);
    let speeds = rounds.filter_map(|round| round.speed);
    let mut lengths: Vec<u64> = speeds.flat_map(|speed| [speed.before_ns, speed.after_ns]).collect();
    lengths.sort_unstable();
    let length = |place: usize| lengths.get(place).map(|&ns| format::duration(ns as f64));
    Some(format!(
        "a fixed chain of integer operations, timed before and after every cell, took {}, at least {} and at most {}",
        length(lengths.len() / 2)?,
        length(0)?,
        length(lengths.len() - 1)?
    ))
}

fn machine(machine: &Machine) -> Markup {
    html! {
        tr { th scope="row" { "system" } td { (machine.os) ", " (machine.logical_cores) " logical cores" } }
        @if let Some(native) = &machine.native {
            tr { th scope="row" { "processor" } td { (native.cpu) ", " (native.cpu_features.join(", ")) } }
            tr { th scope="row" { "memory" } td { (format::bytes(native.memory_bytes)) ", " (format::bytes(native.memory_available_bytes)) " free at the start" } }
            tr { th scope="row" { "power" } td { (power_lines(&native.power).join(", ")) } }
            @if let Some(load) = native.load_average { tr { th scope="row" { "load at the start" } td { (format!("{load:.2}")) } } }
        }
        @if let Some(node) = &machine.node {
            tr { th scope="row" { "Node" } td { (node.version) ", V8 " (node.v8) } }
        }
        @if let Some(browser) = &machine.browser {
            tr { th scope="row" { "browser" } td { (browser.user_agent) } }
            tr { th scope="row" { "cross-origin isolated" } td { (if browser.cross_origin_isolated { "yes" } else { "no" }) } }
            tr { th scope="row" { "WebGPU" } td { (if browser.webgpu { "yes" } else { "no" }) } }
            @if let Some(ready) = browser.page_ready_ns {
                tr { th scope="row" { "the page could be used" } td { (format::duration(ready as f64)) " after it was asked for" } }
            }
            @if let Some(peak) = browser.processes_peak_bytes {
                tr { th scope="row" { "memory of all its processes" } td { (format::bytes(peak)) " at its peak, without files and code" } }
            }
        }
    }
}
