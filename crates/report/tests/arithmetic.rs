//! The arithmetic of cells, and the peak of their place.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

mod common;

use tare_record::{
    Arrivals, Cell, EngineName, EnvironmentKind, Load, OperatorProfile, PeakSpeed, Precision, ProfiledNode,
    ProfiledRound, Record,
};
use tare_report::Value;

/// A record with two cells of one model in one place, which take 4 ms each. The first one was profiled: 8 million
/// multiply-accumulates, and a peak of 10 billion per second.
fn record() -> Record {
    let mut record = common::one_cell(vec![4_000_000; 20]);
    let cell = &mut record.cells[0];
    cell.configuration.environment = EnvironmentKind::Native;
    let mut other = cell.clone();
    other.engine.name = EngineName::Rten;
    cell.profile = Some(OperatorProfile {
        rounds: vec![ProfiledRound {
            runs_ns: vec![5_000_000],
            peak: Some(PeakSpeed {
                multiply_accumulates_per_s: 10_000_000_000,
                copied_bytes_per_s: 10_000_000_000,
            }),
        }],
        nodes: vec![ProfiledNode {
            name: "conv".into(),
            operator: "Conv".into(),
            multiply_accumulates: 8_000_000,
            bytes: 1_000,
            rounds_ns: vec![4_000_000],
        }],
    });
    other.profile = None;
    record.cells.push(other);
    record
}

/// FLOP/s and the share of the peak, if it is known, of each row.
fn rows(record: &Record) -> Vec<(f64, Option<f64>)> {
    let row = |values: &[Value]| match values {
        [.., Value::Rate(_, flops), _, _, Value::Share(reached)] => (*flops, Some(*reached)),
        [.., Value::Rate(_, flops), _, Value::Missing, Value::Missing] => (*flops, None),
        other => panic!("{other:?}"),
    };
    let found = common::rows("arithmetic", std::slice::from_ref(record));
    found.iter().map(|values| row(values)).collect()
}

#[test]
fn a_profile_tells_the_arithmetic_of_all_engines_in_its_place() {
    let known = (4e9, Some(0.2));
    for (change, expected) in [
        ((|_| ()) as fn(&mut Cell), vec![known, known]),
        (|cell| cell.model.sha256 = Some("another".into()), vec![known]),
        (|cell| cell.options.steps = Some(2), vec![known]),
        (|cell| cell.options.precision = Some(Precision::F16), vec![known]),
        (
            |cell| cell.load.requests = Some(Load::new(Arrivals::Clients(2))),
            vec![known],
        ),
        (|cell| cell.configuration.threads += 1, vec![known, (4e9, None)]),
        // It takes the widest vector instructions, and does not name them.
        (
            |cell| cell.configuration.vector_level = "auto".into(),
            vec![known, known],
        ),
        (
            |cell| {
                cell.configuration.vector_level = "sse2".into();
                cell.configuration.vector_limit = Some("sse2".into());
            },
            vec![known, (4e9, None)],
        ),
    ] {
        let mut record = record();
        change(&mut record.cells[1]);
        assert_eq!(rows(&record), expected, "{:?}", record.cells[1].configuration);
    }
    let mut unprofiled = record();
    unprofiled.cells[0].profile = None;
    assert_eq!(rows(&unprofiled), []);
}
