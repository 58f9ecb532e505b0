use tare_record::{Cell, OutputInfo, Record, Verification};

use crate::figure::{Figure, FigureKind, Matrix, MatrixCell, MatrixRow};
use crate::section::{Block, Section, Table, Value};
use tare_findings::{format, labels};

/// Models beside each other in a picture.
const COLUMNS: usize = 4;

/// Pictures of more rows or models are no overview.
const MOST_ROWS: usize = 40;
const MOST_MODELS: usize = 24;

/// How far every output is from the reference.
pub(super) fn section<'a>(records: &[Record]) -> Option<Section<'a>> {
    let mut table = Table::new(
        "Distance of each output from the reference, which tract computed on the CPU in the same run and environment (where tract could not, the cell names the \
         engine). A cell with a larger difference than the allowed share of the reference's largest element fails. Single-thread tract is its own reference; see \
         each pair for the comparison across environments. Small elements may be many units in the last place away and still agree.",
        &[
            ("model", "model"),
            ("engine", "engine"),
            ("configuration", "where"),
            ("output", "output"),
            ("max_abs", "largest difference"),
            ("max_scaled", "share of largest"),
            ("allowed", "allowed"),
            ("max_relative", "largest relative"),
            ("ulps", "units in the last place"),
            ("top", "largest elements"),
        ],
    );
    for cell in records.iter().flat_map(|record| &record.cells) {
        if let Some(verification) = &cell.verification {
            let outputs = verification.outputs.iter();
            outputs.for_each(|output| table.push(row(cell, verification, output)));
        }
    }
    let mut blocks = drift(records);
    blocks.push(table.block()?);
    Some(Section::detail("outputs", "Verification of outputs", blocks))
}

/// Pictures of the largest distances: a row for each engine and place, a column for each model.
fn drift<'a>(records: &[Record]) -> Vec<Block<'a>> {
    let mut models: Vec<String> = Vec::new();
    let mut rows: Vec<String> = Vec::new();
    let mut found: Vec<(usize, usize, MatrixCell)> = Vec::new();
    for cell in records.iter().flat_map(|record| &record.cells) {
        let Some(verification) = &cell.verification else {
            continue;
        };
        let drifts = verification.outputs.iter().map(|output| output.drift.max_scaled);
        let drift = drifts.fold(0.0, f64::max);
        let label = format!("{}, {}", cell.engine.name, labels::configuration(cell));
        let (row, column) = (index(&mut rows, label), index(&mut models, labels::workload(cell)));
        if rows.len() > MOST_ROWS || models.len() > MOST_MODELS {
            return vec![];
        }
        found.push((row, column, of(drift, verification.tolerance)));
    }
    // One cell alone is no picture.
    if found.len() < 2 {
        return vec![];
    }
    let columns: Vec<usize> = (0..models.len()).collect();
    let figures = columns.chunks(COLUMNS).map(|columns| {
        let cell = |row: usize, column: usize| {
            let mut here = found.iter().filter(|(r, c, _)| (*r, *c) == (row, column));
            here.next_back().map(|(.., cell)| cell.clone())
        };
        let rows = rows.iter().enumerate().map(|(row, label)| MatrixRow {
            label: label.clone(),
            cells: columns.iter().map(|&column| cell(row, column)).collect(),
        });
        let rows: Vec<MatrixRow> = rows.filter(|row| row.cells.iter().any(Option::is_some)).collect();
        Block::Figure(Figure {
            alternative: "Largest distance from the reference by model, engine and place; the table below has the figures.".into(),
            caption: "Largest distance from the reference, as a share of its largest element. The stronger the color, the nearer it is to what is allowed; the weakest is a millionth of that.".into(),
            kind: FigureKind::Matrix(Matrix {
                columns: columns.iter().map(|&column| models[column].clone()).collect(),
                rows,
            }),
        })
    });
    figures.collect()
}

/// A distance, in a stronger color the nearer it is to what is allowed.
fn of(drift: f64, allowed: f64) -> MatrixCell {
    // Six orders of magnitude, from the weakest color to the strongest.
    let share = 1.0 + (drift / allowed.max(f64::MIN_POSITIVE)).log10() / 6.0;
    MatrixCell {
        text: if drift == 0.0 {
            "equal".into()
        } else {
            format!("{drift:.0e}")
        },
        share: if drift == 0.0 { 0.0 } else { share },
    }
}

/// The place of a name among others, to which it is added if it is not there.
fn index(names: &mut Vec<String>, name: String) -> usize {
    let known = names.iter().position(|known| *known == name);
    known.unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    })
}

fn row(cell: &Cell, verification: &Verification, output: &OutputInfo) -> Vec<Value> {
    let (tensor, drift) = (&output.tensor, &output.drift);
    vec![
        Value::Text(labels::workload(cell)),
        Value::text(cell.engine.name.as_str()),
        Value::Text(labels::configuration(cell)),
        Value::Text(format!("{} {} {:?}", tensor.name, tensor.dtype, tensor.shape)),
        Value::Scientific(drift.max_abs),
        Value::Scientific(drift.max_scaled),
        Value::Scientific(verification.tolerance),
        Value::Scientific(drift.max_relative),
        Value::Text(format::ulps(&drift.ulp_counts)),
        Value::Text(format!("{:?}", output.top)),
    ]
}
