//! Profiles as a trace that Perfetto and Chrome open: the "Trace Event Format" of the Chromium project.

use serde_json::{Value, json};
use tare_findings::labels;
use tare_record::{Cell, Record};

/// A trace of one run of every profiled cell, each a process of its own. A node takes its mean duration, and starts when
/// the one before it has ended. `None` if no cell was profiled.
pub fn trace(records: &[Record]) -> Option<String> {
    let cells = records.iter().flat_map(|record| &record.cells);
    let profiled = cells.filter(|cell| cell.profile.is_some());
    let events: Vec<Value> = profiled
        .zip(1..)
        .flat_map(|(cell, process)| events(cell, process))
        .collect();
    let trace = json!({ "traceEvents": events, "displayTimeUnit": "ns" });
    (!events.is_empty()).then(|| trace.to_string())
}

fn events(cell: &Cell, process: usize) -> Vec<Value> {
    let name = format!("{} ({})", labels::work(cell), labels::configuration(cell));
    let mut events = vec![json!({ "ph": "M", "name": "process_name", "pid": process, "args": { "name": name } })];
    let mut start_ns = 0;
    for node in cell.profile.iter().flat_map(|profile| &profile.nodes) {
        let duration_ns = node.rounds_ns.iter().sum::<u64>() / node.rounds_ns.len().max(1) as u64;
        events.push(json!({
            "ph": "X",
            "name": node.name,
            "cat": node.operator,
            "pid": process,
            "tid": 1,
            "ts": start_ns as f64 / 1e3,
            "dur": duration_ns as f64 / 1e3,
            "args": {
                "operator": node.operator,
                "multiply_accumulates": node.multiply_accumulates,
                "bytes": node.bytes,
            },
        }));
        start_ns += duration_ns;
    }
    events
}
