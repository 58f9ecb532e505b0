use std::path::Path;

use tare_record::{Failure, FailureKind, Record, Status};

use crate::check::{Check, Outcome, check, judged};
use crate::history::Run;
use crate::simulated::normal;

/// Cells of a simulated run.
const CELLS: u64 = 20;

/// A cell's runs, the last one as many times as long as `slowdown` says. Whole runs differ by `between`, and their rounds by 1 %.
fn runs(seed: u64, between: f64, slowdown: f64) -> (Vec<Run>, Run) {
    runs_of(seed, between, slowdown, &[3; 10])
}

/// The same with these numbers of rounds.
fn runs_of(seed: u64, between: f64, slowdown: f64, rounds: &[usize]) -> (Vec<Run>, Run) {
    let levels = normal(seed, rounds.len(), between);
    let mut runs: Vec<Run> = levels
        .iter()
        .zip(rounds)
        .zip(0..)
        .map(|((level, &count), index)| {
            let rounds = normal(1_000_000 + seed * 100 + index, count, 0.01);
            Run(rounds.iter().map(|round| 16.0 + level + round).collect())
        })
        .collect();
    let last = runs.pop().unwrap();
    (runs, Run(last.0.iter().map(|round| round + slowdown.ln()).collect()))
}

#[test]
fn of_runs_without_a_change_few_are_alarming() {
    for (between, rounds) in [
        (0.0, &[3; 10][..]),
        (0.01, &[3; 10]),
        (0.05, &[3; 10]),
        (0.01, &[3; 5]),
        // The last one is shorter than the others.
        (0.0, &[10, 10, 10, 10, 10, 10, 10, 10, 3]),
        (0.01, &[5, 5, 5, 5, 5, 2]),
        // Of fewer runs their rounds are judged, as if runs did not differ.
        (0.0, &[3, 3]),
        (0.0, &[30, 3]),
        (0.0, &[3, 3, 3, 2]),
    ] {
        let alarms = (0..1_000_u64)
            .filter(|history| {
                let cells: Vec<_> = (0..CELLS)
                    .map(|cell| runs_of(history * CELLS + cell, between, 1.0, rounds))
                    .collect();
                let found = judged(&cells, 0.0).into_iter().flatten();
                found.filter(|(outcome, _)| *outcome != Outcome::Same).count() > 0
            })
            .count();
        // Slower or faster: 5 % of a thousand, and three standard deviations of that count.
        assert!(alarms <= 50 + 21, "{between} {rounds:?}: {alarms} of 1000 runs");
    }
}

#[test]
fn a_slowdown_that_is_said_to_be_visible_is_found() {
    for (between, slowdown) in [(0.002, 1.05), (0.005, 1.05), (0.02, 1.2)] {
        let (mut visible, mut found) = (0, 0);
        for history in 0..2_000_u64 {
            let mut cells: Vec<_> = (0..CELLS)
                .map(|cell| runs(history * CELLS + cell, between, 1.0))
                .collect();
            cells[3] = runs(history * CELLS + 3, between, slowdown);
            let (outcome, figures) = judged(&cells, 0.0).swap_remove(3).unwrap();
            if figures.visible <= slowdown - 1.0 {
                visible += 1;
                found += u32::from(outcome == Outcome::Slower);
            }
        }
        assert!(visible > 200, "{between} {slowdown}: visible in {visible} of 2000");
        assert!(
            f64::from(found) >= 0.95 * f64::from(visible),
            "{between} {slowdown}: {found} of {visible}"
        );
    }
}

#[test]
fn a_tolerated_slowdown_is_no_alarm() {
    let cells: Vec<_> = (0..CELLS).map(|cell| runs(cell, 0.001, 1.05)).collect();
    let slower = |tolerance: f64| {
        let found = judged(&cells, tolerance);
        found
            .iter()
            .flatten()
            .filter(|(outcome, _)| *outcome == Outcome::Slower)
            .count()
    };
    assert_eq!((slower(0.0), slower(0.15)), (20, 0));
}

/// The same, made at an earlier time.
fn earlier() -> Record {
    let mut record = kept();
    record.created = "2026-01-01T00:00:00Z".into();
    record
}

fn kept() -> Record {
    let path = Path::new("../../records/2026-11-26-xeon-2-cores-detect/native.json");
    Record::from_json(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn outcomes(check: &Check<'_>) -> Vec<Outcome> {
    check.cells.iter().map(|checked| checked.outcome.clone()).collect()
}

#[test]
fn records_are_compared_cell_by_cell() {
    let before = vec![earlier()];
    let mut now = kept();
    assert!(now.cells.len() > 3 && now.all_measured(), "{}", now.cells.len());
    let all_same = check(std::slice::from_ref(&now), &before, 0.0);
    assert!(
        outcomes(&all_same).iter().all(|outcome| *outcome == Outcome::Same),
        "{all_same:?}"
    );
    assert!(!all_same.is_alarm() && all_same.compares_anything() && all_same.missing.is_empty());

    now.cells[0].samples_ns.iter_mut().for_each(|sample| *sample *= 3);
    now.cells[1].samples_ns.iter_mut().for_each(|sample| *sample /= 3);
    now.cells[2].status = Status::Failed(Failure::new(FailureKind::Run, "no"));
    // It failed before its worker could tell what it is.
    now.cells[2].configuration.vector_level = "unknown".into();
    now.cells[2].model.sha256 = None;
    let gone = now.cells.pop().unwrap();
    let changed = check(std::slice::from_ref(&now), &before, 0.0);
    let expected = [Outcome::Slower, Outcome::Faster, Outcome::Broken("no".into())];
    assert_eq!(outcomes(&changed)[..3], expected);
    assert_eq!(
        changed.missing.iter().map(|cell| &cell.model.name).collect::<Vec<_>>(),
        [&gone.model.name]
    );
    let figures = changed.cells[0].figures.unwrap();
    assert!(
        (figures.ratio.value - 3.0).abs() < 0.01 && figures.ratio.low > 1.0,
        "{figures:?}"
    );
    assert!((figures.runs, figures.left_out, figures.knows_runs) == (1, 0, false));
    assert!(changed.is_alarm());
}

#[test]
fn other_machines_and_inputs_are_not_compared() {
    let before = vec![earlier()];
    let mut elsewhere = kept();
    elsewhere.machine.logical_cores += 1;
    let records = [elsewhere];
    let found = check(&records, &before, 0.0);
    assert!(outcomes(&found).iter().all(|outcome| *outcome == Outcome::New));
    assert!(!found.compares_anything() && found.missing.is_empty());

    let mut others = kept();
    others.cells[0].inputs[0].sha256 = "0".repeat(64);
    let records = [others];
    let found = check(&records, &before, 0.0);
    assert_eq!(outcomes(&found)[0], Outcome::Unclear("the inputs are others".into()));
}

#[test]
fn no_record_counts_twice() {
    let now = [kept()];
    let mut before = vec![earlier(), earlier(), kept()];
    before[2].cells.truncate(1);
    let found = check(&now, &before, 0.0);
    assert_eq!((found.repeated, found.cells[0].figures.unwrap().runs), (1, 2));
    let found = check(&now, &now, 0.0);
    assert_eq!(found.repeated, 1);
    assert!(!found.compares_anything());
}
