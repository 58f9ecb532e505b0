//! How much of the arithmetic that its place allows each cell uses.

use std::collections::HashMap;

use tare_findings::{OperatorTimes, labels};
use tare_record::{Cell, EnvironmentKind, PeakSpeed, Precision, Record, Status, WorkloadOptions};

use crate::analysis::series::KnownSeries;
use crate::rate::RateOf;
use crate::section::{Section, Table, Value};

const CAPTION: &str = "Multiply-accumulates of convolutions and matrix products count as two operations each, and the whole run is their time. The peak is that of tare's \
    own kernel, which multiplies and adds values in registers, in the same environment with the same threads and vector instructions. Both come from profiled runs of the same record: \
    the cell's own, or of another cell with the same model and inputs, or in the same place.";

/// The work of models and the peaks of places, as far as profiled cells tell them.
struct Known<'a> {
    /// Multiply-accumulates of a run.
    work: HashMap<Task<'a>, u64>,
    peaks: HashMap<Place<'a>, u64>,
}

/// What computes the same: model, inputs, options.
type Task<'a> = (&'a str, Vec<&'a str>, &'a WorkloadOptions);

/// What has one peak: environment, browser, threads, vector instructions, graphics API, adapter.
type Place<'a> = (
    EnvironmentKind,
    Option<&'a str>,
    usize,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
);

fn place(cell: &Cell) -> Place<'_> {
    let configuration = &cell.configuration;
    (
        configuration.environment,
        configuration.browser.as_deref(),
        configuration.threads,
        Some(configuration.vector_level.as_str()),
        configuration.graphics_api.as_deref(),
        cell.adapter.as_ref().map(|adapter| adapter.name.as_str()),
    )
}

/// The same with whatever vector instructions are the widest.
fn widest(cell: &Cell) -> Option<Place<'_>> {
    let (environment, browser, threads, _, api, adapter) = place(cell);
    let is_free = environment == EnvironmentKind::Native && cell.configuration.vector_limit.is_none();
    is_free.then_some((environment, browser, threads, None, api, adapter))
}

fn task(cell: &Cell) -> Option<Task<'_>> {
    let model = cell.model.sha256.as_deref()?;
    let inputs = cell.inputs.iter().map(|input| input.sha256.as_str());
    Some((model, inputs.collect(), &cell.options))
}

impl<'a> Known<'a> {
    fn new(record: &'a Record) -> Self {
        let (mut work, mut peaks) = (HashMap::new(), HashMap::new());
        for cell in &record.cells {
            let Some(times) = OperatorTimes::of(cell) else {
                continue;
            };
            if let Some(key) = task(cell) {
                work.entry(key).or_insert_with(|| total(&times));
            }
            let Some(PeakSpeed {
                multiply_accumulates_per_s: peak,
                ..
            }) = times.peak
            else {
                continue;
            };
            for place in [Some(place(cell)), widest(cell)].into_iter().flatten() {
                let known = peaks.entry(place).or_insert(peak);
                *known = peak.max(*known);
            }
        }
        Self { work, peaks }
    }

    /// For an engine that does not name its vector instructions.
    fn widest_peak(&self, cell: &'a Cell) -> Option<&u64> {
        let is_unnamed = cell.configuration.vector_level == "auto";
        is_unnamed.then(|| self.peaks.get(&widest(cell)?)).flatten()
    }

    fn row(&self, cell: &'a Cell, record: &'a Record, known: &KnownSeries<'a>) -> Option<Vec<Value>> {
        let work = *self.work.get(&task(cell)?)?;
        let run = known.of(cell, &record.clock).median()?;
        if cell.status != Status::Measured || cell.load.requests.is_some() || cell.load.transport.is_some() || work == 0
        {
            return None;
        }
        // The peak is that of f32.
        if !matches!(
            cell.options.precision,
            None | Some(Precision::F16Weights | Precision::Int8Weights)
        ) {
            return None;
        }
        let per_s = |ns: f64| 2e9 * work as f64 / ns;
        let peak = self.peaks.get(&place(cell)).or_else(|| self.widest_peak(cell));
        let peak = peak.map(|peak| 2.0 * *peak as f64);
        Some(vec![
            Value::Text(labels::workload(cell)),
            Value::text(cell.engine.name.as_str()),
            Value::Text(labels::configuration(cell)),
            Value::Rate(RateOf::Flops, per_s(run.value)),
            Value::RateInterval(RateOf::Flops, per_s(run.high), per_s(run.low)),
            Value::or_missing(peak, |peak| Value::Rate(RateOf::Flops, peak)),
            Value::or_missing(peak, |peak| Value::Share(per_s(run.value) / peak)),
        ])
    }
}

fn total(times: &OperatorTimes) -> u64 {
    let operators = times.operators.iter();
    operators.map(|operator| operator.multiply_accumulates).sum()
}

/// The arithmetic of every cell whose model was profiled in the same record.
pub(super) fn section<'a>(records: &'a [Record], known: &KnownSeries<'a>) -> Option<Section<'a>> {
    let mut table = Table::new(
        CAPTION,
        &[
            ("model", "model"),
            ("engine", "engine"),
            ("configuration", "where"),
            ("flops", "arithmetic"),
            ("flops_interval", "95 % interval"),
            ("peak", "peak"),
            ("reached", "reached"),
        ],
    );
    for record in records {
        let profiled = Known::new(record);
        if profiled.work.is_empty() {
            continue;
        }
        let cells = record.cells.iter();
        cells
            .filter_map(|cell| profiled.row(cell, record, known))
            .for_each(|row| table.push(row));
    }
    Some(Section::reason(
        "arithmetic",
        "Arithmetic and its peak",
        vec![table.block()?],
    ))
}
