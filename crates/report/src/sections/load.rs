use tare_findings::{LoadParts, format, labels};
use tare_record::{Cell, Record};

use super::frontier;
use crate::analysis::series::KnownSeries;
use crate::rate::RateOf;
use crate::section::{Block, Note, Section, Table, Value};

/// What became of the requests of cells under load.
pub(super) fn section<'a, 'r>(records: &'r [Record], known: &KnownSeries<'r>) -> Option<Section<'a>> {
    let mut table = Table::new(
        "Requests that arrive while others are being answered. The time of a request consists of waiting for others to be answered, waiting for others to join its run, the run, and its transport if a server answers; each is a median over all requests, so they need not add up.",
        &[
            ("work", "model"),
            ("configuration", "where"),
            ("rate", "answered"),
            ("rate_interval", "95 % interval"),
            ("queue", "waiting"),
            ("batching", "joining"),
            ("compute", "run"),
            ("transport", "transport"),
            ("runs", "requests of a run"),
        ],
    );
    for cell in records.iter().flat_map(|record| &record.cells) {
        if let Some(parts) = LoadParts::of(cell) {
            table.push_with_notes(row(cell, &parts), lost(&parts).into_iter().collect());
        }
    }
    let charts = frontier::figures(records, known).into_iter().map(Block::Figure);
    let blocks = charts.chain([table.block()?]);
    Some(Section::detail("load", "Load", blocks.collect()))
}

fn row(cell: &Cell, parts: &LoadParts) -> Vec<Value> {
    let runs: Vec<String> = parts
        .runs
        .iter()
        .map(|(requests, share)| format!("{requests} in {}", format::percent(*share)))
        .collect();
    vec![
        Value::Text(labels::work(cell)),
        Value::Text(labels::configuration(cell)),
        Value::or_missing(parts.rate, |rate| Value::Rate(RateOf::Items, rate.value)),
        Value::or_missing(parts.rate, |rate| {
            Value::RateInterval(RateOf::Items, rate.low, rate.high)
        }),
        Value::Duration(parts.queue_ns),
        Value::Duration(parts.batching_ns),
        Value::Duration(parts.compute_ns),
        Value::or_missing(parts.transport_ns, Value::Duration),
        Value::Text(runs.join(", ")),
    ]
}

/// The requests that did not go as planned, if there are any.
fn lost(parts: &LoadParts) -> Option<Note> {
    let all = [
        (parts.late, "handed over late"),
        (parts.dropped, "dropped"),
        (parts.unanswered, "unanswered at the end"),
    ];
    let some = all.iter().filter(|(count, _)| *count > 0);
    let texts: Vec<String> = some.map(|(count, what)| format!("{count} {what}")).collect();
    (!texts.is_empty()).then(|| Note::Warning(format!("requests: {}", texts.join(", "))))
}
