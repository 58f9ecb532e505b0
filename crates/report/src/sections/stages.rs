use tare_core::stage_durations_ns;
use tare_core::stats::rounds_estimate;
use tare_record::{Cell, Record, StageInfo};

use crate::section::{Section, Table, Value};
use tare_findings::labels;

/// Parts of a run, and the work that follows it on the CPU.
pub(super) fn section<'a>(records: &[Record]) -> Option<Section<'a>> {
    let mut table = Table::new(
        "Parts of a run of several networks, and what an application does with the outputs afterwards. The same Rust code does that work everywhere.",
        &[
            ("model", "model"),
            ("engine", "engine"),
            ("configuration", "where"),
            ("stage", "stage"),
            ("part_of_run", "part of the run"),
            ("median", "median"),
            ("median_interval", "95 % interval"),
            ("results", "results"),
        ],
    );
    for cell in records.iter().flat_map(|record| &record.cells) {
        let inside = cell.stages.iter().map(|stage| row(cell, stage, "yes"));
        let after = cell
            .post_processing
            .iter()
            .map(|stage| row(cell, stage, "no, after it"));
        inside.chain(after).flatten().for_each(|row| table.push(row));
    }
    Some(Section::reason("stages", "Stages", vec![table.block()?]))
}

fn row(cell: &Cell, stage: &StageInfo, part_of_run: &str) -> Option<Vec<Value>> {
    let estimate = rounds_estimate(&stage_durations_ns(stage))?;
    let [median, interval] = Value::durations(Some(&estimate));
    Some(vec![
        Value::Text(labels::workload(cell)),
        Value::text(cell.engine.name.as_str()),
        Value::Text(labels::configuration(cell)),
        Value::text(&stage.name),
        Value::text(part_of_run),
        median,
        interval,
        Value::Count(stage.results as u64),
    ])
}
