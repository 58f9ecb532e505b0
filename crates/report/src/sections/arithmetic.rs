//! How much of the arithmetic that its place allows each cell uses.

use std::collections::BTreeMap;

use tare_findings::{OperatorTimes, labels};
use tare_record::{Cell, EnvironmentKind, Precision, Record, Status};

use crate::analysis::series::KnownSeries;
use crate::rate::RateOf;
use crate::section::{Section, Table, Value};

const CAPTION: &str = "Multiply-accumulates of convolutions and matrix products count as two operations each, and the whole run is their time. The peak is that of tare's \
    own kernel, which multiplies and adds values in registers, in the same environment with the same threads and vector instructions. Both come from profiled runs of the same record: \
    the cell's own, or of another cell with the same model and inputs, or in the same place.";

/// The work of models and the peaks of places, as far as profiled cells tell them.
#[derive(Default)]
struct Known {
    /// Multiply-accumulates of a run, by [`task`].
    work: BTreeMap<String, u64>,
    /// Multiply-accumulates per second, by [`labels::configuration`] and [`widest`].
    peaks: BTreeMap<String, u64>,
}

/// What computes the same: model, inputs, options.
fn task(cell: &Cell) -> Option<String> {
    let mut key = format!("{} {}", cell.model.sha256.as_deref()?, labels::workload(cell));
    cell.inputs.iter().for_each(|input| key += &input.sha256);
    Some(key)
}

/// Where whatever vector instructions are the widest are used: natively on the CPU, on a number of threads.
fn widest(cell: &Cell) -> Option<String> {
    let configuration = &cell.configuration;
    let is_free = configuration.environment == EnvironmentKind::Native
        && configuration.vector_limit.is_none()
        && cell.adapter.is_none();
    is_free.then(|| configuration.threads.to_string())
}

impl Known {
    fn new(record: &Record) -> Self {
        let mut known = Self::default();
        for cell in &record.cells {
            let Some(times) = OperatorTimes::of(cell) else {
                continue;
            };
            if let Some(key) = task(cell) {
                known.work.insert(key, total(&times));
            }
            let Some(peak) = times.peak else { continue };
            for place in [Some(labels::configuration(cell)), widest(cell)].into_iter().flatten() {
                let fastest = known.peaks.entry(place).or_default();
                *fastest = peak.multiply_accumulates_per_s.max(*fastest);
            }
        }
        known
    }

    /// For an engine that does not name its vector instructions.
    fn widest_peak(&self, cell: &Cell) -> Option<&u64> {
        let is_unnamed = cell.configuration.vector_level == "auto";
        is_unnamed.then(|| self.peaks.get(&widest(cell)?)).flatten()
    }

    fn row<'a>(&self, cell: &'a Cell, record: &'a Record, known: &KnownSeries<'a>) -> Option<Vec<Value>> {
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
        let peak = self
            .peaks
            .get(&labels::configuration(cell))
            .or_else(|| self.widest_peak(cell));
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
