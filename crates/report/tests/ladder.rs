//! Ladders of records whose cells are known.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

use tare_record::{EnvironmentKind, NodeFacts, Record, Round, Status};
use tare_report::{Cause, html, json, ladders, markdown, terminal};

/// Where a rung is: environment, threads, vector level, whether it was limited to that; length of a run in microseconds.
type Place = (EnvironmentKind, usize, &'static str, bool, u64);

use EnvironmentKind::{Browser, Native, Node};

const WHOLE: [Place; 6] = [
    (Native, 4, "avx512", false, 1_000),
    (Native, 1, "avx512", false, 3_000),
    (Native, 1, "fma", true, 4_500),
    (Native, 1, "sse2", true, 9_000),
    (Node, 1, "simd", false, 9_900),
    (Browser, 1, "simd", false, 9_800),
];

const RELAXED: Place = (Browser, 1, "relaxed", false, 8_000);

/// One record for each environment, with `rounds` rounds a cell, all of one workload.
fn records(places: &[Place], rounds: usize) -> Vec<Record> {
    let mut golden = Record::from_json(include_str!("../../record/tests/golden.json")).unwrap();
    golden.cells.retain(|cell| cell.status == Status::Measured);
    let cell = golden.cells.remove(0);
    let mut records: Vec<Record> = Vec::new();
    for &(environment, threads, level, limited, us) in places {
        let mut cell = cell.clone();
        cell.rung.environment = environment;
        cell.rung.threads = threads;
        cell.rung.vector_level = level.into();
        cell.rung.vector_limit = limited.then(|| level.into());
        cell.runs_per_sample = 1;
        cell.samples_ns = (0..rounds as u64)
            .flat_map(|round| (0..12).map(move |sample| us * 1_000 + round * us + sample * 100))
            .collect();
        let round = Round {
            samples: 12,
            phases: cell.phases.clone(),
            speed: None,
        };
        cell.rounds = vec![round; rounds];
        match records.iter_mut().find(|record| record.machine.kind == environment) {
            Some(record) => record.cells.push(cell),
            None => {
                let mut record = golden.clone();
                record.machine.kind = environment;
                record.machine.node = (environment == Node).then(|| NodeFacts {
                    version: "20.1.0".into(),
                    v8: "11.3".into(),
                });
                record.cells = vec![cell];
                records.push(record);
            }
        }
    }
    records
}

#[test]
fn the_product_of_the_steps_is_the_whole_gap() {
    for rounds in [1, 5] {
        let records = records(&WHOLE, rounds);
        let found = ladders(&records);
        let [ladder] = found.as_slice() else {
            panic!("{found:?}")
        };
        let product: f64 = ladder.steps.iter().map(|step| step.ratio.value).product();
        assert!((product / ladder.whole.value - 1.0).abs() < 1e-9, "{product}");
        assert!((ladder.whole.value - 9.8).abs() < 0.01, "{:?}", ladder.whole);
        for step in &ladder.steps {
            assert!(step.ratio.low <= step.ratio.value && step.ratio.value <= step.ratio.high);
        }
        let product: f64 = ladder.shares.iter().map(|(_, ratio)| ratio.value).product();
        assert!((product / ladder.whole.value - 1.0).abs() < 1e-9, "{product}");
        let sentence = ladder.sentence();
        assert!(
            sentence.ends_with(
                "3.00x is threads, 3.00x is vector instructions and the kernels for them, 1.10x is wasm, 0.990x is the browser"
            ),
            "{sentence}"
        );
    }
}

#[test]
fn every_step_has_its_cause() {
    use Cause::{All, RelaxedSimd, Threads, Vectors, Wasm, WasmAndBrowser, WasmAndVectors};
    let chosen = |numbers: &[usize]| numbers.iter().map(|&number| WHOLE[number]).collect::<Vec<_>>();
    for (places, expected) in [
        (
            chosen(&[0, 1, 2, 3, 4, 5]),
            vec![Threads, Vectors, Vectors, Wasm, Cause::Browser],
        ),
        // The order of records and cells does not matter.
        (
            chosen(&[5, 4, 3, 1, 2, 0]),
            vec![Threads, Vectors, Vectors, Wasm, Cause::Browser],
        ),
        (chosen(&[1, 3, 5]), vec![Vectors, WasmAndBrowser]),
        (chosen(&[1, 4, 5]), vec![WasmAndVectors, Cause::Browser]),
        (chosen(&[0, 1, 5]), vec![Threads, All]),
        (chosen(&[0, 4, 5]), vec![Cause::Everything, Cause::Browser]),
        (
            [chosen(&[0, 1, 4]), vec![RELAXED], chosen(&[5])].concat(),
            vec![Threads, WasmAndVectors, Cause::Browser, RelaxedSimd],
        ),
        // Relaxed SIMD is told from nothing but the browser's own rung.
        (
            [chosen(&[0, 1, 4]), vec![RELAXED]].concat(),
            vec![Threads, WasmAndVectors],
        ),
        // Two rungs are a pair.
        (chosen(&[1, 5]), vec![]),
    ] {
        let records = records(&places, 1);
        let causes: Vec<Cause> = ladders(&records)
            .iter()
            .flat_map(|ladder| &ladder.steps)
            .map(|step| step.cause)
            .collect();
        assert_eq!(causes, expected, "{places:?}");
    }
}

#[test]
fn rungs_that_were_measured_twice_count_once_and_are_told() {
    let mut records = records(&WHOLE, 1);
    records.push(records[0].clone());
    let found = ladders(&records);
    assert_eq!((found[0].rungs.len(), found[0].repeated), (6, 4));
    let note = "cells left out, because an earlier record holds their rungs: 4";
    for report in [terminal(&records), markdown(&records), html(&records, "tare report")] {
        assert!(report.contains(note), "{report}");
    }
}

#[test]
fn other_work_is_no_rung() {
    type Change = fn(&mut Record);
    let changes: [Change; 4] = [
        |record| record.cells[0].model.sha256 = Some("0".repeat(64)),
        |record| record.cells[0].inputs.clear(),
        |record| record.cells[0].engine.version = "0.1".into(),
        |record| record.cells[0].status = Status::Cancelled,
    ];
    for change in changes {
        let mut records = records(&WHOLE, 1);
        change(&mut records[1]);
        let rungs: Vec<usize> = ladders(&records).iter().map(|ladder| ladder.rungs.len()).collect();
        assert_eq!(rungs, [5]);
    }
}

#[test]
fn every_format_tells_the_ladder() {
    let records = records(&WHOLE, 5);
    let found = ladders(&records);
    let sentence = found[0].sentence();
    for text in [
        terminal(&records),
        markdown(&records),
        html(&records, ""),
        json(&records),
    ] {
        assert!(text.contains(&sentence), "{text}");
        assert!(text.contains("V8 11.3 in Node"), "{text}");
    }
}
