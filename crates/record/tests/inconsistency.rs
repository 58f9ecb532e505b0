//! Records that contradict themselves.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use serde_json::{Value, json};
use tare_record::{Record, RecordError, inconsistencies};

const GOLDEN: &str = include_str!("golden.json");

/// The golden record with another value at a JSON pointer.
fn changed(pointer: &str, value: Value) -> String {
    let mut record: Value = serde_json::from_str(GOLDEN).unwrap();
    *record.pointer_mut(pointer).unwrap() = value;
    record.to_string()
}

#[test]
fn records_that_contradict_themselves_are_refused() {
    let load = json!([{
        "duration_ns": 100, "arrivals_ns": [0, 5], "queue_ns": [1, 2], "batching_ns": [0, 0], "compute_ns": [10, 20],
        "transport_ns": [], "run_requests": [1, 1], "dropped": 0, "unanswered": 0, "late": 0
    }]);
    let under_load = |pointer: &str, value: Value| {
        let mut record: Value = serde_json::from_str(GOLDEN).unwrap();
        let cell = &mut record["cells"][1];
        cell["samples_ns"] = json!([11, 22]);
        cell["rounds"] = json!([{"number": 1, "samples": 2, "phases": [], "speed": null}]);
        cell["load_rounds"] = load.clone();
        *cell.pointer_mut(pointer).unwrap() = value;
        record.to_string()
    };
    for (text, expected) in [
        (
            changed("/machine/kind", json!("native")),
            "record: environment that the machine describes: expected native, found browser",
        ),
        (changed("/created", json!("yesterday")), "created: expected a time like"),
        (
            changed("/created", json!("2026-11-22T09:09:05")),
            "created: expected a time like",
        ),
        (
            changed("/clock/granularity_ns", json!(0)),
            "the clock has no granularity",
        ),
        (
            changed("/cells/1/rung/environment", json!("native")),
            "cell 2 (tiny on tract): environment: expected browser, found native",
        ),
        (
            changed("/cells/1/model/sha256", json!("B9")),
            "hash of the model: expected 64 lowercase hexadecimal digits, found B9",
        ),
        (
            changed("/cells/1/inputs/0/sha256", json!("x".repeat(64))),
            "hash of an input",
        ),
        (
            changed("/cells/1/model/name", json!("a".repeat(5_000))),
            "name of the model: expected at most 4096 bytes, found 5000",
        ),
        (changed("/cells/1/runs_per_sample", json!(0)), "a sample holds no runs"),
        (
            changed("/cells/1/samples_ns", json!([])),
            "it is measured, and has no samples",
        ),
        (
            changed("/cells/1/verification", json!(null)),
            "its outputs were not compared",
        ),
        (
            changed("/cells/1/samples_ns", json!([1, 2, 3])),
            "runs whose outputs were compared: expected 6, found 16",
        ),
        (
            changed("/cells/1/verification/tolerance", json!(-1.0)),
            "drift of what was measured: expected at most -1",
        ),
        (
            changed("/cells/1/verification/digests/0/sha256", json!("")),
            "digest of the outputs",
        ),
        (
            under_load("/rounds/0/samples", json!(3)),
            "samples of all rounds: expected 3, found 2",
        ),
        (
            under_load("/rounds/0/samples", json!(u64::MAX)),
            "samples of all rounds",
        ),
        (
            under_load("/load_rounds/0/queue_ns", json!([1])),
            "requests with all their times: expected 2, found 1",
        ),
        (
            under_load("/load_rounds/0/run_requests", json!([1])),
            "requests that runs answered: expected 2, found 1",
        ),
        (
            under_load("/samples_ns/1", json!(23)),
            "cell 2 (tiny on tract), round 1: time of a request in ns: expected 22, found 23",
        ),
        (
            under_load("/load_rounds/0/compute_ns/0", json!(u64::MAX)),
            "round 1: time of a request in ns",
        ),
    ] {
        let error = Record::from_json(&text).unwrap_err();
        assert!(matches!(error, RecordError::Inconsistent { .. }), "{error}");
        let found = inconsistencies(&Record::from_json_unchecked(&text).unwrap());
        assert!(
            found.iter().any(|line| line.contains(expected)),
            "{found:#?} lack {expected}"
        );
    }
    // What tare writes: a run that was stopped, a server with another clock, and a cell that ended while a rate was searched.
    for text in [
        under_load("/load_rounds/0/run_requests", json!([1, 2])),
        under_load("/load_rounds/0/transport_ns", json!([0, 0])).replace("[11,22]", "[10,22]"),
        under_load("/load_rounds", json!([])).replacen("\"measured\"", "\"cancelled\"", 2),
    ] {
        let record = Record::from_json(&text).map(|_| ());
        assert!(record.is_ok(), "{record:?}");
    }
}

#[test]
fn samples_cannot_take_longer_than_sampling_did() {
    let mut record = Record::from_json(GOLDEN).unwrap();
    let cell = &mut record.cells[1];
    let is_steady = |phase: &&tare_record::Phase| phase.name == tare_record::PhaseName::Steady;
    let steady = cell.phases.iter().find(is_steady).unwrap().duration_ns;
    cell.rounds.push(tare_record::Round {
        number: 1,
        start_ns: None,
        samples: cell.samples_ns.len(),
        phases: cell.phases.clone(),
        calibration: None,
        machine: None,
        browser: None,
    });
    assert_eq!(inconsistencies(&record), [""; 0]);
    record.cells[1].samples_ns[0] = steady + 1;
    let found = inconsistencies(&record);
    assert!(
        found[0].contains("round 1: duration of the samples in ns: expected at most"),
        "{found:?}"
    );
}

#[test]
fn rounds_of_a_hostile_record_are_checked_in_no_time() {
    let mut record = Record::from_json(GOLDEN).unwrap();
    let round = |number| tare_record::Round {
        number,
        start_ns: None,
        samples: 0,
        phases: vec![],
        calibration: None,
        machine: None,
        browser: None,
    };
    record.cells[1].samples_ns.clear();
    // Trillions of steps, if each were compared with each.
    record.cells[1].rounds = (1..=2_000_000).chain([7]).map(round).collect();
    let found = inconsistencies(&record);
    assert!(
        found
            .iter()
            .any(|line| line.ends_with("two of its rounds have the same number")),
        "{found:?}"
    );
}
