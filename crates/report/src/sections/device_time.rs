use tare_core::run_durations_ns;
use tare_core::stats::{median_estimate, rounds_estimate};
use tare_record::{Cell, Record};

use crate::section::{Section, Table, Value};
use tare_findings::labels;

/// How long devices computed, by their own clocks.
pub(super) fn section<'a>(records: &[Record]) -> Option<Section<'a>> {
    let mut table = Table::new(
        "Time between the adapter's timestamps before and after the work of a run, without upload and read-back, in extra runs after the samples. \
         The rest of a run is spent in the program, the browser and the driver, or waiting for them. Browsers round timestamps: Chromium to 0.1 ms, \
         unless it was started with WebGPU's developer features.",
        &[
            ("model", "model"),
            ("engine", "engine"),
            ("configuration", "where"),
            ("run", "whole run"),
            ("device", "on the device"),
            ("device_interval", "95 % interval"),
            ("share", "share"),
        ],
    );
    let cells = records.iter().flat_map(|record| &record.cells);
    cells.filter_map(row).for_each(|row| table.push(row));
    Some(Section::reason(
        "device-time",
        "Time on the device",
        vec![table.block()?],
    ))
}

fn row(cell: &Cell) -> Option<Vec<Value>> {
    let runs: Vec<f64> = cell.device_runs_ns.iter().map(|&ns| ns as f64).collect();
    let device = median_estimate(&runs)?;
    let run = rounds_estimate(&run_durations_ns(cell))?;
    let [median, interval] = Value::durations(Some(&device));
    Some(vec![
        Value::Text(labels::workload(cell)),
        Value::text(cell.engine.name.as_str()),
        Value::Text(labels::configuration(cell)),
        Value::Duration(run.value),
        median,
        interval,
        Value::Share(device.value / run.value),
    ])
}
