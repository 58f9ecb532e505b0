use tare_core::stage_lengths_ns;
use tare_core::stats::{more_needed, rounds_estimate};
use tare_record::{Cell, EnvironmentKind, Record, Status};

use crate::format;
use crate::ladder::ladders;
use crate::pairing::{Basis, Comparison, Pair, compare};
use crate::series::Series;
use crate::{boundary, device, responsiveness};

/// An interval around 1 that reaches further than this says nothing worth saying.
const CANNOT_TELL_PERCENT: f64 = 50.0;

/// More samples or rounds than this many times those there are is no advice.
const PRACTICAL_FACTOR: usize = 20;

/// Differences below this seldom matter to a user.
const WORTH_TELLING_PERCENT: f64 = 2.0;

/// What a pair compares: model and engine, with threads where those compute.
pub(crate) fn subject(pair: &Pair<'_>) -> String {
    let other = pair.other;
    let work = format!("{} on {}", other.model.name, other.engine.name);
    match other.adapter {
        Some(_) => work,
        None => format!("{work}, {}", threads(other.rung.threads)),
    }
}

/// A number of threads in words.
pub(crate) fn threads(count: usize) -> String {
    format!("{count} thread{}", if count == 1 { "" } else { "s" })
}

/// Where the other cell of a pair ran.
pub(crate) fn place(pair: &Pair<'_>) -> &'static str {
    match pair.other.rung.environment {
        EnvironmentKind::Node => "Node",
        _ => "the browser",
    }
}

/// What a pair says, in one sentence.
pub fn verdict(pair: &Pair<'_>) -> String {
    let ratio = &pair.ratio;
    let (subject, place) = (subject(pair), place(pair));
    let [native, other] = pair.medians.map(|median| format::duration(median.value));
    let times = format!("{other} instead of {native}, 95 % interval {}", format::ratios(ratio));
    if ratio.low <= 1.0 && 1.0 <= ratio.high {
        let bound = (ratio.high - 1.0).max(1.0 - ratio.low) * 100.0;
        let (count, unit) = match pair.basis {
            Basis::Samples(count) => (count, "samples"),
            Basis::Rounds(count) => (count, "rounds"),
        };
        let more = match more_needed(count, bound, WORTH_TELLING_PERCENT) {
            0 => String::new(),
            // Nobody waits for so many: another machine or a quieter one is what helps.
            more if more > PRACTICAL_FACTOR * count => String::new(),
            more => format!("; about {more} more {unit} a side would show {WORTH_TELLING_PERCENT} %"),
        };
        if bound > CANNOT_TELL_PERCENT {
            return format!(
                "{subject}: cannot tell native and {place} apart, their {unit} scatter too widely ({times}){more}"
            );
        }
        format!("{subject}: no difference between native and {place} above {bound:.1} % ({times}){more}")
    } else if ratio.value >= 1.0 {
        format!(
            "{subject}: {place} takes {} the native time ({times})",
            format::ratio(ratio.value)
        )
    } else {
        format!(
            "{subject}: {place} takes {} the native time, so it is faster ({times})",
            format::ratio(ratio.value)
        )
    }
}

/// What a pair says of each part of a run, a line each.
pub(crate) fn stage_verdicts(pair: &Pair<'_>) -> Vec<String> {
    let stages = pair.stages.iter();
    stages
        .map(|(name, ratio)| {
            format!(
                "of that, {name}: {} (95 % interval {})",
                format::ratio(ratio.value),
                format::ratios(ratio)
            )
        })
        .collect()
}

/// One word for a cell's status, and the whole explanation.
pub(crate) fn status(status: &Status) -> (&'static str, Option<String>) {
    let explain = |failure: &tare_record::Failure| match &failure.hint {
        Some(hint) => format!("{}\nhint: {hint}", failure.message),
        None => failure.message.clone(),
    };
    match status {
        Status::Measured => ("measured", None),
        Status::Failed(failure) => ("failed", Some(explain(failure))),
        Status::TimedOut(failure) => ("timed out", Some(explain(failure))),
        Status::Cancelled => ("cancelled", None),
    }
}

/// Rows of all cells, under [`CELL_HEADINGS`].
pub(crate) fn cell_rows(records: &[Record]) -> Vec<[String; 9]> {
    records
        .iter()
        .flat_map(|record| record.cells.iter().map(|cell| (cell, Series::new(cell, &record.clock))))
        .map(|(cell, series)| {
            let estimate = series.median();
            let percentile = |p| series.percentile(p).map_or("-".into(), format::duration);
            [
                cell.model.name.clone(),
                cell.engine.name.to_string(),
                rung(cell),
                status(&cell.status).0.to_owned(),
                estimate.map_or("-".into(), |e| format::duration(e.value)),
                estimate.as_ref().map_or("-".into(), format::durations),
                percentile(0.95),
                percentile(0.99),
                match cell.rounds.len() {
                    0 | 1 => cell.samples_ns.len().to_string(),
                    rounds => format!("{} in {rounds} rounds", cell.samples_ns.len()),
                },
            ]
        })
        .collect()
}

/// Rows of what is timed apart: model, engine, where, stage, which part of a run, median, interval, results.
pub(crate) fn stage_rows(records: &[Record]) -> Vec<[String; 8]> {
    let cells = records.iter().flat_map(|record| &record.cells);
    cells
        .flat_map(|cell| {
            let inside = cell.stages.iter().map(move |stage| (cell, stage, "part of it"));
            inside.chain(
                cell.host_stage
                    .iter()
                    .map(move |stage| (cell, stage, "after it, on the host")),
            )
        })
        .filter_map(|(cell, stage, place)| {
            let estimate = rounds_estimate(&stage_lengths_ns(stage))?;
            Some([
                cell.model.name.clone(),
                cell.engine.name.to_string(),
                rung(cell),
                stage.name.clone(),
                place.into(),
                format::duration(estimate.value),
                format::durations(&estimate),
                stage.results.to_string(),
            ])
        })
        .collect()
}

/// Rows of memory at its peak: model, engine, where, size of the model, memory of the process or wasm module, its multiple of
/// the model and of the native process of the same engine, what the browser counts, memory on the device. Cells whose environment did not
/// tell are left out.
pub(crate) fn memory_rows(records: &[Record]) -> Vec<[String; 9]> {
    let cells = || records.iter().flat_map(|record| &record.cells);
    let peak = |cell: &Cell| cell.memory.wasm_linear_bytes.or(cell.memory.resident_peak_bytes);
    let native_peak = |cell: &Cell| {
        let is_counterpart = |native: &&Cell| {
            native.rung.environment == EnvironmentKind::Native
                && native.rung.vector_limit.is_none()
                && (&native.model.sha256, native.engine.name, native.rung.threads)
                    == (&cell.model.sha256, cell.engine.name, cell.rung.threads)
        };
        peak(
            cells()
                .find(is_counterpart)
                .filter(|_| cell.rung.environment != EnvironmentKind::Native)?,
        )
    };
    let told = |bytes: Option<u64>| bytes.map_or_else(|| "-".into(), format::bytes);
    cells()
        .filter_map(|cell| {
            let bytes = peak(cell)?;
            let size = cell.model.size_bytes.filter(|&size| size > 0)?;
            // A native process holds the driver of its adapter too, a wasm module does not.
            let native = native_peak(cell).filter(|_| cell.adapter.is_none());
            let of_native = native.map(|native| format::ratio(bytes as f64 / native as f64));
            Some([
                cell.model.name.clone(),
                cell.engine.name.to_string(),
                rung(cell),
                format::bytes(size),
                format::bytes(bytes),
                format::ratio(bytes as f64 / size as f64),
                of_native.unwrap_or_else(|| "-".into()),
                told(cell.memory.browser_bytes),
                told(cell.memory.device_bytes),
            ])
        })
        .collect()
}

/// Where and how a cell ran, in a few words.
pub fn rung(cell: &Cell) -> String {
    let rung = &cell.rung;
    let how = match (&rung.graphics_api, &cell.adapter) {
        (Some(api), Some(adapter)) => match rung.shader_language.as_deref() {
            Some(language) if language != "wgsl" || rung.wgsl_asked => format!("{api} in {language}, {}", adapter.name),
            _ => format!("{api}, {}", adapter.name),
        },
        (Some(api), None) => api.clone(),
        (None, _) if rung.vector_level == "unknown" || rung.vector_level == "gpu" => String::new(),
        (None, _) => format!("{}, {}", threads(rung.threads), rung.vector_level),
    };
    if how.is_empty() {
        rung.environment.to_string()
    } else {
        format!("{}, {how}", rung.environment)
    }
}

/// Headings of [`cell_rows`].
pub(crate) const CELL_HEADINGS: [&str; 9] = [
    "model",
    "engine",
    "where",
    "status",
    "median",
    "95 % interval",
    "p95",
    "p99",
    "samples",
];

/// The comparison as plain text for a terminal: a table of cells, then one line per pair and refusal.
pub fn terminal(records: &[Record]) -> String {
    let rows = cell_rows(records);
    let mut widths = CELL_HEADINGS.map(|heading| heading.chars().count());
    for row in &rows {
        for (width, field) in widths.iter_mut().zip(row) {
            *width = (*width).max(field.chars().count());
        }
    }
    let line = |fields: &[String]| {
        let padded: Vec<String> = fields
            .iter()
            .zip(widths)
            .map(|(field, width)| format!("{field:<width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(&CELL_HEADINGS.map(str::to_owned));
    for row in &rows {
        text += &line(row);
    }
    for [model, engine, rung, stage, place, median, interval, results] in stage_rows(records) {
        text += &format!("{model} on {engine}, {rung}: {stage} ({place}), {median} ({interval}), {results} results\n");
    }
    for cell in records.iter().flat_map(|record| &record.cells) {
        if let (word, Some(reason)) = status(&cell.status) {
            text += &format!(
                "\n{} on {} ({}) {word}: {reason}\n",
                cell.model.name, cell.engine.name, cell.rung.environment
            );
        }
    }
    for ladder in ladders(records) {
        text += &format!("\n{}\n", ladder.sentence());
        for [place, cause, median, factor, interval] in ladder.rows() {
            text += &format!("  {place}: {median}, {factor} ({interval}), {cause}\n");
        }
        if let Some(note) = ladder.note() {
            text += &format!("  {note}\n");
        }
    }
    for [crossing, least, least_interval, each, each_interval] in boundary::rows(records) {
        text += &format!("{crossing}: at least {least} ({least_interval}), and for each {each} ({each_interval})\n");
    }
    for [model, engine, place, whole, device, interval, share] in device::rows(records) {
        text += &format!("{model} on {engine}, {place}: {device} of {whole} on the device ({interval}), {share}\n");
    }
    for [model, engine, place, runs, _, dropped, longest, delay, late] in responsiveness::rows(records) {
        text += &format!(
            "{model} on {engine} {place}: {runs} runs, frames dropped {dropped}, longest gap {longest}, delays {delay}, p95 {late}\n"
        );
    }
    let Comparison { pairs, refusals } = compare(records);
    if !pairs.is_empty() || !refusals.is_empty() {
        text.push('\n');
    }
    for pair in &pairs {
        text += &format!("{}\n", verdict(pair));
        for stage in stage_verdicts(pair) {
            text += &format!("  {stage}\n");
        }
        for warning in &pair.warnings {
            text += &format!("  warning: {}\n", warning.message);
        }
    }
    for refusal in &refusals {
        text += &format!("{}: not compared, because {}\n", refusal.subject, refusal.reason);
    }
    text
}
