use tare_findings::{LoadParts, format, labels};
use tare_record::{Cell, Record};

use crate::section::{Section, Table, Value};

/// What became of the requests of cells under load.
pub(super) fn section<'a>(records: &[Record]) -> Option<Section<'a>> {
    let mut table = Table::new(
        "Requests that arrive while others are being answered. The time of a request consists of waiting for others to be answered, waiting for others to join its run, the run, and its transport if a server answers; each is a median over all requests, so they need not add up.",
        &[
            ("model", "model"),
            ("engine", "engine"),
            ("configuration", "where"),
            ("rate", "items per second"),
            ("rate_interval", "95 % interval"),
            ("queue", "waiting"),
            ("batching", "joining"),
            ("compute", "run"),
            ("transport", "transport"),
            ("runs", "requests of a run"),
            ("late", "late"),
            ("dropped", "dropped"),
            ("unanswered", "unanswered"),
        ],
    );
    for cell in records.iter().flat_map(|record| &record.cells) {
        if let Some(parts) = LoadParts::of(cell) {
            table.push(row(cell, &parts));
        }
    }
    Some(Section::detail("load", "Load", vec![table.block()?]))
}

fn row(cell: &Cell, parts: &LoadParts) -> Vec<Value> {
    let rate = |of: f64| format::items_rate(of);
    let runs: Vec<String> = parts
        .runs
        .iter()
        .map(|(requests, share)| format!("{requests} in {}", format::percent(*share)))
        .collect();
    vec![
        Value::Text(labels::workload(cell)),
        Value::text(cell.engine.name.as_str()),
        Value::Text(labels::configuration(cell)),
        Value::or_missing(parts.rate, |estimate| Value::Text(rate(estimate.value))),
        Value::or_missing(parts.rate, |estimate| {
            Value::Text(format!("{} to {}", rate(estimate.low), rate(estimate.high)))
        }),
        Value::Duration(parts.queue_ns),
        Value::Duration(parts.batching_ns),
        Value::Duration(parts.compute_ns),
        Value::or_missing(parts.transport_ns, Value::Duration),
        Value::Text(runs.join(", ")),
        Value::Count(parts.late),
        Value::Count(parts.dropped),
        Value::Count(parts.unanswered),
    ]
}
