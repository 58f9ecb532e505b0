//! Which cells did the same work in the same place, whatever the versions were.

use std::hash::Hash;

use tare_record::{Cell, Machine, Record};

/// What two cells have in common that did the same work on the same kind of machine, in any version of engine, browser and tare.
pub fn same_work<'a>(record: &'a Record, cell: &'a Cell) -> impl Hash + Eq + use<'a> {
    (
        same_request_of_any_model(record, cell),
        &cell.configuration.vector_level,
        cell.adapter.as_ref().map(|adapter| &adapter.name),
        &cell.model.sha256,
    )
}

/// The same for what was asked for: cells that failed early know no more.
pub fn same_request<'a>(record: &'a Record, cell: &'a Cell) -> impl Hash + Eq + use<'a> {
    (same_request_of_any_model(record, cell), &cell.model.name)
}

fn same_request_of_any_model<'a>(record: &'a Record, cell: &'a Cell) -> impl Hash + Eq + use<'a> {
    let configuration = &cell.configuration;
    (
        same_place(record, cell),
        cell.engine.name,
        (
            configuration.threads,
            &configuration.vector_limit,
            configuration.wgsl_asked,
        ),
        (&cell.options, cell.load),
    )
}

/// The machine, and the environment and browser on it.
pub fn same_place<'a>(record: &'a Record, cell: &'a Cell) -> impl Hash + Eq + use<'a> {
    (
        machine(&record.machine),
        cell.configuration.environment,
        browser_family(cell),
    )
}

/// What tells machines apart, as far as a browser shows it.
pub fn machine(machine: &Machine) -> (&str, usize, Option<&str>) {
    let cpu = machine.native.as_ref().map(|native| native.cpu.as_str());
    (&machine.os, machine.logical_cores, cpu)
}

/// The name of a browser without its version. Empty outside of browsers.
fn browser_family(cell: &Cell) -> &str {
    let browser = cell.configuration.browser.as_deref().unwrap_or_default();
    browser.rsplit_once(' ').map_or(browser, |(name, _)| name)
}

/// Whether the inputs have the same bytes.
pub fn have_same_inputs(a: &Cell, b: &Cell) -> bool {
    let hashes = |cell: &Cell| cell.inputs.iter().map(|input| input.sha256.clone()).collect::<Vec<_>>();
    hashes(a) == hashes(b)
}
