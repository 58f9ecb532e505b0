//! What the page says to a visitor: what was measured so far, what came out, and how to go on natively.

use tare_core::run_durations_ns;
use tare_core::stats::{Estimate, median};
use tare_findings::sorting::sort_by;
use tare_findings::{format, labels};
use tare_record::{Cell, PhaseName, Plan, Precision, Record, Status};

use crate::analysis::series::Series;
use crate::figure::SampleRow;
use crate::render::html::samples_so_far;

/// A page that is still for longer feels stuck (Nielsen 1993, chapter 5).
const STUCK_NS: f64 = 100e6;

/// The model that only copies its input.
const NOTHING: &str = "null";

/// Phases until the first result.
const UNTIL_FIRST: [PhaseName; 11] = [
    PhaseName::Spawn,
    PhaseName::Download,
    PhaseName::Compile,
    PhaseName::Instantiate,
    PhaseName::Threads,
    PhaseName::Model,
    PhaseName::Device,
    PhaseName::Parse,
    PhaseName::Optimize,
    PhaseName::Upload,
    PhaseName::FirstRun,
];

/// A picture of the samples that were taken so far, as HTML. Cells without samples are left out.
pub fn live(cells: &[Cell]) -> String {
    let with_samples = cells.iter().filter_map(|cell| Some((cell, so_far(cell)?)));
    let named: Vec<(String, &Cell, Estimate)> = with_samples
        .map(|(cell, median)| (format!("{}, {}", labels::workload(cell), device(cell)), cell, median))
        .collect();
    let rows: Vec<SampleRow<'_>> = named
        .iter()
        .map(|(label, cell, median)| SampleRow {
            label,
            cell,
            median: *median,
        })
        .collect();
    samples_so_far(&rows)
}

/// The median of what was measured so far. It has no interval yet.
fn so_far(cell: &Cell) -> Option<Estimate> {
    let value = median(&run_durations_ns(cell).concat())?;
    Some(crate::figure::exactly(value))
}

/// What a visitor's browser did, in a sentence: time of a run on each device, whether the page could still draw meanwhile, and the wait for the first result.
/// `longest_gap_ns` is the longest time between two frames of the page. `None` if nothing was measured.
pub fn in_words(record: &Record, longest_gap_ns: Option<f64>) -> Option<String> {
    let measured = record.cells.iter().filter(|cell| cell.status == Status::Measured);
    let median = |cell: &Cell| Series::new(cell, &record.clock).median();
    let mut timed: Vec<(&Cell, f64)> = measured.filter_map(|cell| Some((cell, median(cell)?.value))).collect();
    // What does nothing says nothing beside something.
    let is_network = |(cell, _): &(&Cell, f64)| cell.model.name != NOTHING;
    if timed.iter().any(is_network) {
        timed.retain(is_network);
    }
    sort_by(&mut timed, |a, b| a.1.total_cmp(&b.1));
    let (fastest, _) = timed.first()?;
    let model = &fastest.model.name;
    let times = timed.iter().filter(|(cell, _)| cell.model.name == *model);
    let times: Vec<String> = times
        .map(|(cell, ns)| {
            let device = device(cell);
            let is_same = |other: &&(&Cell, f64)| self::device(other.0) == device;
            let engine = match timed.iter().filter(is_same).count() {
                1 => String::new(),
                _ => format!(" ({})", cell.engine.name),
            };
            format!("{} on {device}{engine}", format::duration(*ns))
        })
        .collect();
    let browser = record
        .machine
        .browser
        .as_ref()
        .and_then(|browser| browser.name.as_deref());
    let mut text = format!(
        "{} ran {model} in {}",
        browser.unwrap_or("This browser"),
        times.join(", ")
    );
    match longest_gap_ns {
        Some(gap) if gap > STUCK_NS => {
            text += &format!("; meanwhile the page froze for up to {}", format::duration(gap));
        }
        Some(_) => text += "; the page stayed responsive meanwhile",
        None => {}
    }
    let phases = fastest.phases.iter().filter(|phase| UNTIL_FIRST.contains(&phase.name));
    let first_ns: u64 = phases.map(|phase| phase.duration_ns).sum();
    Some(format!(
        "{text}; {} until the first result.",
        format::duration(first_ns as f64)
    ))
}

/// What computed.
fn device(cell: &Cell) -> String {
    match &cell.adapter {
        Some(adapter) if adapter.software => "WebGPU without a GPU".into(),
        Some(_) => "the GPU".into(),
        None => format!(
            "the CPU ({}, {})",
            cell.engine.name,
            labels::threads(cell.configuration.threads)
        ),
    }
}

/// What the browser kept of earlier visits, oldest first.
pub fn kept_line(records: &[Record]) -> String {
    let kept = match records.len() {
        1 => "This browser keeps the result of an earlier run.".to_owned(),
        count => format!("This browser keeps the results of {count} earlier runs."),
    };
    match records.last() {
        Some(last) if !last.complete => {
            let rounds: usize = last.cells.iter().map(|cell| cell.rounds.len()).sum();
            let rounds = if rounds == 1 {
                "1 round was".to_owned()
            } else {
                format!("{rounds} rounds were")
            };
            format!("{kept} The last one did not finish; {rounds} measured.")
        }
        _ => kept,
    }
}

/// Name of the plan of models and engines that the user of a page chose.
pub const PAGE_PLAN: &str = "page";

/// Name of the plan that a page measures for a visitor.
pub const FIRST_VISIT_PLAN: &str = "first-visit";

/// What the name of a plan's quick form ends with.
const QUICK: &str = " (quick)";

/// The command that measures natively what a page measured.
pub fn native_command(plan: &Plan, program: &str) -> String {
    let models = if [PAGE_PLAN, FIRST_VISIT_PLAN].contains(&plan.name.as_str()) {
        models_and_sizes(plan)
    } else {
        match plan.name.strip_suffix(QUICK) {
            Some(name) => format!(" --plan {} --quick", quoted(name)),
            None => format!(" --plan {}", quoted(&plan.name)),
        }
    };
    format!("{program} run{models}")
}

/// The options that choose the same models in the same sizes.
fn models_and_sizes(plan: &Plan) -> String {
    let mut options = String::new();
    let (mut models, mut batches, mut precisions) = (Vec::new(), Vec::new(), Vec::new());
    for cell in &plan.cells {
        let batch = cell.options.batch.unwrap_or(1).to_string();
        let precision = cell.options.precision.map_or("f32", Precision::as_str).to_owned();
        for (known, value) in [(&mut batches, batch), (&mut precisions, precision)] {
            if !known.contains(&value) {
                known.push(value);
            }
        }
        if models.contains(&&cell.model) {
            continue;
        }
        models.push(&cell.model);
        options += &format!(" --model {}", quoted(&cell.model));
        for (input, shape) in &cell.shapes {
            let dims: Vec<String> = shape.iter().map(ToString::to_string).collect();
            options += &format!(" --shape {}", quoted(&format!("{input}={}", dims.join(","))));
        }
    }
    for (option, values, default) in [("batch", batches, "1"), ("precision", precisions, "f32")] {
        if values != [default] {
            options += &format!(" --{option} {}", values.join(","));
        }
    }
    options
}

/// A word of a command line in every shell: quotes only where they are needed.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+".contains(c);
    if word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("\"{}\"", word.replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tare_record::{CellPlan, WorkloadOptions};

    use super::*;

    #[test]
    fn the_native_command_measures_the_same() {
        let shaped = CellPlan {
            shapes: BTreeMap::from([("image".into(), vec![1, 3, 8, 8])]),
            ..CellPlan::new("my net.onnx")
        };
        let sized = |batch, precision| CellPlan {
            options: WorkloadOptions {
                batch,
                precision,
                ..WorkloadOptions::default()
            },
            ..CellPlan::new("tiny")
        };
        let once = vec![CellPlan::new("tiny"), CellPlan::new("tiny"), shaped];
        let sizes = vec![
            sized(None, None),
            sized(Some(4), None),
            sized(Some(4), Some(Precision::F16)),
        ];
        for (name, cells, expected) in [
            (
                PAGE_PLAN,
                once,
                "--model tiny --model \"my net.onnx\" --shape image=1,3,8,8",
            ),
            (PAGE_PLAN, sizes, "--model tiny --batch 1,4 --precision f32,f16"),
            (FIRST_VISIT_PLAN, vec![CellPlan::new("tiny")], "--model tiny"),
            ("batch (quick)", vec![CellPlan::new("tiny")], "--plan batch --quick"),
            ("serve", vec![], "--plan serve"),
        ] {
            assert_eq!(
                native_command(&Plan::new(name, cells), "./tare"),
                format!("./tare run {expected}")
            );
        }
    }

    #[test]
    fn a_visitor_reads_what_the_browser_did() {
        let text = include_str!("../tests/records/browser.json");
        let record = Record::from_json(text).unwrap();
        let of = |gap| in_words(&record, gap).unwrap();
        for (gap, expected) in [
            (None, "until the first result"),
            (Some(20e6), "the page stayed responsive meanwhile;"),
            (Some(300e6), "froze for up to 300 ms;"),
        ] {
            assert!(of(gap).contains(expected), "{}", of(gap));
        }
        let mut failed = record.clone();
        failed.cells.clear();
        assert_eq!(in_words(&failed, None), None);
    }

    #[test]
    fn what_was_kept_is_counted() {
        let text = include_str!("../tests/records/browser.json");
        let mut record = Record::from_json(text).unwrap();
        record.complete = true;
        assert_eq!(
            kept_line(std::slice::from_ref(&record)),
            "This browser keeps the result of an earlier run."
        );
        let complete = record.clone();
        record.complete = false;
        let line = kept_line(&[complete, record]);
        assert!(
            line.contains("2 earlier runs. The last one did not finish;") && line.contains("rounds were measured"),
            "{line}"
        );
    }

    #[test]
    fn samples_are_drawn_while_they_come() {
        let text = include_str!("../tests/records/browser.json");
        let record = Record::from_json(text).unwrap();
        assert!(live(&record.cells).contains("<circle"));
        assert_eq!(live(&[]), "");
    }
}
