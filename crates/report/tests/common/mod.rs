//! What tests of several sections need.

use tare_record::{Record, Status};
use tare_report::{Block, Value, sections};

/// A record with one measured cell on the CPU, whose samples take these nanoseconds.
pub(crate) fn one_cell(samples_ns: Vec<u64>) -> Record {
    let mut record = Record::from_json(include_str!("../../../record/tests/golden.json")).unwrap();
    record
        .cells
        .retain(|cell| cell.status == Status::Measured && cell.adapter.is_none());
    record.cells.truncate(1);
    let cell = &mut record.cells[0];
    cell.rounds.clear();
    cell.runs_per_sample = 1;
    cell.samples_ns = samples_ns;
    record
}

/// The values of the rows of a section's tables: none if the report has no such section.
pub(crate) fn rows(id: &str, records: &[Record]) -> Vec<Vec<Value>> {
    let sections = sections(records);
    let section = sections.iter().find(|section| section.id == id);
    let blocks = section.map_or(&[][..], |section| &section.blocks);
    let tables = blocks.iter().filter_map(|block| match block {
        Block::Table(table) => Some(table),
        _ => None,
    });
    tables
        .flat_map(|table| &table.rows)
        .map(|row| row.values.clone())
        .collect()
}
