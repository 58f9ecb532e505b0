use std::collections::BTreeMap;

use tare_record::{Cell, EnvironmentKind, Record};

use crate::figure::{AxisOf, Figure, FigureKind, Parts, PartsRow};
use crate::section::{Block, Section, Table, Value};
use tare_findings::labels;

/// Memory at its peak. Cells whose environment did not report it are left out.
pub(super) fn section<'a>(records: &[Record]) -> Option<Section<'a>> {
    let mut table = Table::new(
        "Peak memory of the process, or size of the wasm module's memory, over loading, runs and verification; as a multiple of the model, and of the native \
         process with the same engine and threads, which includes program and libraries. Page and workers: what the browser counts for their scripts, in \
         Chromium without the modules' memory.",
        &[
            ("model", "model"),
            ("engine", "engine"),
            ("configuration", "where"),
            ("model_size", "model size"),
            ("peak", "peak"),
            ("of_model", "of the model"),
            ("of_native", "of native"),
            ("scripts", "page and workers"),
            ("device", "on the device"),
        ],
    );
    let cells: Vec<&Cell> = records.iter().flat_map(|record| &record.cells).collect();
    let natives = natives(&cells);
    cells
        .iter()
        .filter_map(|cell| row(cell, &cells, &natives))
        .for_each(|row| table.push(row));
    let table = table.block()?;
    let rows = cells.iter().filter_map(|cell| {
        Some(PartsRow {
            label: format!("{}, {}", labels::work(cell), labels::configuration(cell)),
            note: String::new(),
            parts: vec![peak(cell)? as f64],
        })
    });
    let figure = Figure {
        alternative: "Memory at its peak; the table below has the figures.".into(),
        caption: "Memory at its peak, of a process natively and of the module in a browser.".into(),
        kind: FigureKind::Parts(Parts {
            names: vec!["peak".into()],
            of: AxisOf::Bytes,
            rows: rows.collect(),
        }),
    };
    Some(Section::detail("memory", "Memory", vec![Block::Figure(figure), table]))
}

fn row(cell: &Cell, cells: &[&Cell], natives: &BTreeMap<&str, Vec<usize>>) -> Option<Vec<Value>> {
    let bytes = peak(cell)?;
    let size = cell.model.size_bytes.filter(|&size| size > 0)?;
    // A native process also holds the driver of its adapter, and a wasm module does not.
    let native = native_peak(cell, cells, natives).filter(|_| cell.adapter.is_none());
    let multiple = |of: u64| Value::Ratio(bytes as f64 / of as f64);
    Some(vec![
        Value::Text(labels::workload(cell)),
        Value::text(cell.engine.name.as_str()),
        Value::Text(labels::configuration(cell)),
        Value::Bytes(size),
        Value::Bytes(bytes),
        multiple(size),
        Value::or_missing(native, multiple),
        Value::or_missing(cell.memory.browser_bytes, Value::Bytes),
        Value::or_missing(cell.memory.device_bytes, Value::Bytes),
    ])
}

fn peak(cell: &Cell) -> Option<u64> {
    cell.memory.wasm_linear_bytes.or(cell.memory.resident_peak_bytes)
}

/// Native cells without a limit, by the SHA-256 of their model.
fn natives<'a>(cells: &[&'a Cell]) -> BTreeMap<&'a str, Vec<usize>> {
    let mut natives: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, cell) in cells.iter().enumerate() {
        let model = cell.model.sha256.as_deref();
        if let Some(model) = model.filter(|_| is_native(cell) && cell.configuration.vector_limit.is_none()) {
            natives.entry(model).or_default().push(place);
        }
    }
    natives
}

fn is_native(cell: &Cell) -> bool {
    cell.configuration.environment == EnvironmentKind::Native
}

/// Peak of the native process that ran the same model on the same engine and number of threads.
fn native_peak(cell: &Cell, cells: &[&Cell], natives: &BTreeMap<&str, Vec<usize>>) -> Option<u64> {
    if is_native(cell) {
        return None;
    }
    let key = |cell: &Cell| (cell.engine.name, cell.configuration.threads);
    let mut same_model = natives
        .get(cell.model.sha256.as_deref()?)?
        .iter()
        .map(|&place| cells[place]);
    peak(same_model.find(|native| key(native) == key(cell))?)
}
