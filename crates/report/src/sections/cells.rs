use tare_record::{Cell, Record, Status};

use crate::analysis::series::{KnownSeries, Series};
use crate::analysis::yardstick::Yardsticks;
use crate::section::{Note, Rank, Section, Table, Value};
use tare_findings::labels;

/// Names for programs, and headings.
const COLUMNS: [(&str, &str); 10] = [
    ("model", "model"),
    ("engine", "engine"),
    ("configuration", "where"),
    ("status", "status"),
    ("median", "median"),
    ("median_interval", "95 % interval"),
    ("p95", "p95"),
    ("p99", "p99"),
    ("samples", "samples"),
    ("rounds", "rounds"),
];

/// Every cell with its figures, or why it has none.
pub(super) fn section<'a, 'r>(
    records: &'r [Record],
    known: &KnownSeries<'r>,
    yardsticks: &Yardsticks<'_>,
    rank: Rank,
) -> Option<Section<'a>> {
    let mut columns = COLUMNS.to_vec();
    if !yardsticks.pairs.is_empty() {
        columns.push(("yardstick_ratio", "vs. fastest yardstick"));
    }
    let mut table = Table::new(
        "Time of one run, including reading the output back. The interval is that of the median over rounds. Percentiles are those of samples, and \
         shown if at least five samples lie beyond them. The record keeps every sample.",
        &columns,
    );
    for record in records {
        for cell in &record.cells {
            let series = known.of(cell, &record.clock);
            let mut values = values(cell, &series);
            if !yardsticks.pairs.is_empty() {
                values.push(Value::or_missing(yardsticks.ratio_of(cell), |ratio| {
                    Value::Ratio(ratio.value)
                }));
            }
            table.push_with_notes(values, notes(cell, &series));
        }
    }
    let section = Section::reason("cells", "All cells", vec![table.block()?]);
    Some(Section { rank, ..section })
}

fn values(cell: &Cell, series: &Series) -> Vec<Value> {
    let [median, interval] = Value::durations(series.median().as_ref());
    let percentile = |p| Value::or_missing(series.percentile(p), Value::Duration);
    vec![
        Value::Text(labels::workload(cell)),
        Value::text(cell.engine.name.as_str()),
        Value::Text(labels::configuration(cell)),
        Value::text(status(&cell.status)),
        median,
        interval,
        percentile(0.95),
        percentile(0.99),
        Value::Count(cell.samples_ns.len() as u64),
        Value::Count(cell.rounds.len().max(1) as u64),
    ]
}

fn status(status: &Status) -> &'static str {
    match status {
        Status::Measured => "measured",
        Status::Failed(_) => "failed",
        Status::TimedOut(_) => "timed out",
        Status::Cancelled => "canceled",
    }
}

/// Why a cell has no figures, and what to know beside those it has.
fn notes(cell: &Cell, series: &Series) -> Vec<Note> {
    let failure = match &cell.status {
        Status::Failed(failure) | Status::TimedOut(failure) => Some(Note::Failure(failure.to_string())),
        Status::Measured | Status::Cancelled => None,
    };
    let warnings = [&cell.warnings[..], series.warnings()].concat();
    let warnings = warnings.into_iter().map(|warning| Note::Warning(warning.message));
    failure.into_iter().chain(warnings).collect()
}
