use tare_record::Record;

use crate::machine_lines::{adapter_lines, machine_lines};
use crate::section::{Block, Section, Table, Value};
use tare_findings::{format, labels};

/// What made a record, and on what.
pub(super) fn section<'a>(number: usize, record: &Record) -> Section<'a> {
    let mut table = Table::new("", &[("property", "property"), ("value", "value")]);
    let mut push = |property: &str, value: String| table.push(vec![Value::text(property), Value::Text(value)]);
    push("made", record.created.clone());
    push("command", record.command.clone());
    if let Some(run) = &record.run {
        push("run", run.clone());
    }
    push("plan", record.plan.name.clone());
    push("tare", build(record));
    for (property, value) in machine_lines(&record.machine) {
        push(property, value);
    }
    if let Some(text) = calibration(record) {
        push("CPU speed", text);
    }
    let clock = &record.clock;
    push(
        "clock",
        format!(
            "{}, steps of {}, {} per reading",
            clock.source,
            format::duration(clock.granularity_ns as f64),
            format::duration(clock.read_cost_ns as f64)
        ),
    );
    if let Some(adapter) = record.cells.iter().find_map(|cell| cell.adapter.as_ref()) {
        for (property, value) in adapter_lines(adapter) {
            push(property, value);
        }
    }
    let mut blocks = Vec::new();
    if !record.complete {
        blocks.push(Block::Warning("This record is of a run that did not finish.".into()));
    }
    blocks.push(Block::Table(table));
    let title = format!("Record {number}: {}", labels::environment(&record.machine));
    Section::detail(format!("record-{number}"), title, blocks).in_group("Records")
}

fn build(record: &Record) -> String {
    let build = &record.build;
    let mut text = format!(
        "{}, {}, {} build for {}",
        build.version,
        build.git_revision.as_deref().unwrap_or("unknown revision"),
        build.build_profile,
        build.target
    );
    if !build.target_features.is_empty() {
        text += &format!(
            ", compiled with {} (engines detect wider vectors when they start)",
            build.target_features.join(", ")
        );
    }
    text
}

/// How long the fixed chain of integer operations took around the cells.
fn calibration(record: &Record) -> Option<String> {
    let rounds = record.cells.iter().flat_map(|cell| &cell.rounds);
    let calibrations = rounds.filter_map(|round| round.calibration);
    let mut durations: Vec<u64> = calibrations
        .flat_map(|calibration| [calibration.before_ns, calibration.after_ns])
        .collect();
    durations.sort_unstable();
    let duration = |place: usize| durations.get(place).map(|&ns| format::duration(ns as f64));
    Some(format!(
        "a fixed chain of integer operations before and after every cell took {} (from {} to {})",
        duration(durations.len() / 2)?,
        duration(0)?,
        duration(durations.len() - 1)?
    ))
}
