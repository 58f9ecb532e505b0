use tare_record::{Cell, OutputInfo, Record, Verification};

use crate::section::{Section, Table, Value};
use tare_findings::{format, labels};

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
    Some(Section::detail(
        "outputs",
        "Verification of outputs",
        vec![table.block()?],
    ))
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
