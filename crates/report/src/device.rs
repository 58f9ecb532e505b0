//! How long devices computed by their own clocks.

use tare_core::run_lengths_ns;
use tare_core::stats::{median_estimate, rounds_estimate};
use tare_record::Record;

use crate::format;
use crate::text::rung;

pub(crate) const TITLE: &str = "Time on the device";
pub(crate) const CAPTION: &str = "Between the adapter's timestamps before and after all that a run asks for, in runs of their own after the samples, without upload and read-back. What a run takes beyond it is \
    spent by the program, the browser and the driver, or waiting for them. Browsers round timestamps: Chromium to 0.1 ms, unless it was started for developers of WebGPU.";
pub(crate) const HEADINGS: [&str; 7] = [
    "model",
    "engine",
    "where",
    "whole run",
    "on the device",
    "95 % interval",
    "share",
];

/// Rows under [`HEADINGS`], of cells whose device has a clock.
pub(crate) fn rows(records: &[Record]) -> Vec<[String; 7]> {
    let cells = records.iter().flat_map(|record| &record.cells);
    cells
        .filter_map(|cell| {
            let runs: Vec<f64> = cell.device_runs_ns.iter().map(|&ns| ns as f64).collect();
            let device = median_estimate(&runs)?;
            let whole = rounds_estimate(&run_lengths_ns(cell))?;
            Some([
                cell.model.name.clone(),
                cell.engine.name.to_string(),
                rung(cell),
                format::duration(whole.value),
                format::duration(device.value),
                format::durations(&device),
                format!("{:.0} %", device.value / whole.value * 100.0),
            ])
        })
        .collect()
}
