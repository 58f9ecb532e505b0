//! Reports with an engine of others in them.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

mod common;

use tare_record::{EngineName, Record, Status};
use tare_report::{Block, Value, sections};

/// A record in which onnxruntime takes half the time of each engine.
fn with_yardstick() -> Record {
    let mut record = common::one_cell((0..20).map(|number| 4_000_000 + number * 400).collect());
    let mut yardstick = record.cells[0].clone();
    yardstick.engine.name = EngineName::Ort;
    yardstick.samples_ns.iter_mut().for_each(|ns| *ns /= 2);
    record.cells.push(yardstick);
    record
}

/// The multiples that the report tells in its section of yardsticks.
fn multiples(records: &[Record]) -> Vec<f64> {
    multiples_in("yardstick", records)
}

fn multiples_in(id: &str, records: &[Record]) -> Vec<f64> {
    let values = common::rows(id, records).into_iter().flatten();
    let ratios = values.filter_map(|value| match value {
        Value::Ratio(ratio) => Some(ratio),
        _ => None,
    });
    ratios.collect()
}

#[test]
fn engines_are_compared_with_a_yardstick_in_the_same_place() {
    let whole = with_yardstick();
    let changed = |change: fn(&mut Record)| {
        let mut record = whole.clone();
        change(&mut record);
        record
    };
    for (record, expected) in [
        (whole.clone(), vec![2.0]),
        (changed(|record| record.cells.truncate(1)), vec![]),
        (changed(|record| record.cells[1].configuration.threads += 1), vec![]),
        (
            changed(|record| record.cells[1].model.sha256 = Some("another".into())),
            vec![],
        ),
        (changed(|record| record.cells[1].load.batch += 1), vec![]),
        (changed(|record| record.cells[1].status = Status::Cancelled), vec![]),
    ] {
        let found = multiples(&[record]);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(
            found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-3),
            "{found:?}"
        );
    }
}

#[test]
fn each_yardstick_has_a_row_and_the_fastest_one_the_column() {
    let mut record = with_yardstick();
    let mut faster = record.cells[1].clone();
    faster.engine.name = EngineName::OrtCuda;
    faster.samples_ns.iter_mut().for_each(|ns| *ns /= 2);
    record.cells.push(faster);
    let rounded = |id| -> Vec<f64> {
        let found = multiples_in(id, std::slice::from_ref(&record));
        found.iter().map(|ratio| ratio.round()).collect()
    };
    assert_eq!(rounded("yardstick"), [2.0, 4.0]);
    assert_eq!(rounded("cells"), [4.0]);
}

#[test]
fn a_yardstick_for_browsers_misses_no_native_counterpart() {
    let native = Record::from_json(include_str!("records/native.json")).unwrap();
    let mut browser = Record::from_json(include_str!("records/browser.json")).unwrap();
    let before = tare_report::compare(&[native.clone(), browser.clone()]).refusals.len();
    let mut yardstick = browser.cells[0].clone();
    yardstick.engine.name = EngineName::OrtWeb;
    browser.cells.push(yardstick);
    assert_eq!(tare_report::compare(&[native, browser]).refusals.len(), before);
}

#[test]
fn the_table_of_cells_has_the_multiple_too() {
    let records = [with_yardstick()];
    let sections = sections(&records);
    let cells = sections.iter().find(|section| section.id == "cells").unwrap();
    let [Block::Table(table)] = &cells.blocks[..] else {
        panic!("{:?}", cells.blocks)
    };
    assert_eq!(table.columns.last().unwrap().id, "yardstick_ratio");
    let ratios: Vec<&Value> = table.rows.iter().map(|row| row.values.last().unwrap()).collect();
    assert!(matches!(ratios[..], [Value::Ratio(_), Value::Missing]), "{ratios:?}");
}

#[test]
fn a_yardstick_of_another_record_counts_on_the_same_machine_alone() {
    let whole = with_yardstick();
    let (mut own, mut other) = (whole.clone(), whole);
    own.cells.truncate(1);
    other.cells.remove(0);
    assert_eq!(multiples(&[own.clone(), other.clone()]).len(), 1);
    other.machine.logical_cores += 1;
    assert_eq!(multiples(&[own, other]), [0.0; 0]);
}
