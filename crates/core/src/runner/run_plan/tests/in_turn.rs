//! Tests of runs over several environments.

use super::*;

fn two_environments(rules: Rules) -> Vec<(EnvironmentKind, Record)> {
    [EnvironmentKind::Native, EnvironmentKind::Browser]
        .map(|environment| (environment, record(rules.clone(), &["a", "b"], 1)))
        .into()
}

fn state(lost_rounds: &[usize], cancel_after: usize) -> State {
    State {
        speeds: STEADY.to_vec(),
        round_ns: 1,
        cancel_after,
        lost_rounds: lost_rounds.to_vec(),
        carried_out: vec![],
    }
}

/// All rounds of a plan.
fn all_rounds() -> Rules {
    Rules {
        ratio_precision_percent: 0,
        ..Rules::default()
    }
}

#[test]
fn environments_take_turns_and_share_one_reference() {
    let (records, executor) = run_lanes(two_environments(all_rounds()), state(&[], usize::MAX));
    let carried_out = executor.carried_out();
    let references = carried_out.iter().filter(|(_, kind)| *kind == RequestKind::Reference);
    assert_eq!(references.count(), 2, "one for each model");
    let measured: Vec<&String> = carried_out.iter().skip(2).map(|(name, _)| name).collect();
    for pair in measured.chunks(2) {
        assert_eq!(
            pair[0], pair[1],
            "both environments measure a cell one right after the other"
        );
    }
    for record in &records {
        assert!(record.complete && record.cells.len() == 4);
        for cell in &record.cells {
            let numbers: Vec<usize> = cell.rounds.iter().map(|round| round.number).collect();
            assert_eq!(numbers, [1, 2, 3, 4, 5]);
        }
    }
}

#[test]
fn a_lost_browser_costs_its_round_alone() {
    let count = |lost: &[usize]| {
        let (records, _) = run_lanes(two_environments(all_rounds()), state(lost, usize::MAX));
        let [native, browser] = [&records[0].cells, &records[1].cells];
        assert!(
            native
                .iter()
                .all(|cell| cell.rounds.len() == 5 && cell.warnings.is_empty())
        );
        let cell = browser[0].clone();
        let warned = cell
            .warnings
            .iter()
            .filter(|warning| warning.kind == WarningKind::LostRound);
        assert_eq!(warned.count(), lost.len().min(2));
        (
            cell.rounds.iter().map(|round| round.number).collect::<Vec<_>>(),
            cell.status,
        )
    };
    assert_eq!(count(&[3]), (vec![1, 2, 4, 5], Status::Measured));
    assert_eq!(count(&[1]), (vec![2, 3, 4, 5], Status::Measured));
    assert_eq!(count(&[2, 4]), (vec![1, 3], Status::Measured));
    let (numbers, status) = count(&[1, 2, 3, 4, 5]);
    assert!(numbers.is_empty() && matches!(status, Status::Failed(failure) if failure.kind == FailureKind::Lost));
}

#[test]
fn cells_whose_ratios_are_precise_get_no_more_rounds() {
    // Each round of a cell takes 3 ns longer than that before it: paired ratios differ little.
    for (percent, rounds) in [(0, 5), (99, 4)] {
        let rules = Rules {
            ratio_precision_percent: percent,
            ..Rules::default()
        };
        let (records, _) = run_lanes(two_environments(rules), state(&[], usize::MAX));
        for record in records {
            assert!(record.complete);
            // The first ratios are far apart, because samples are the numbers 1, 2, 3 and so on.
            assert!(
                record.cells.iter().any(|cell| cell.rounds.len() == rounds),
                "{percent} %"
            );
            assert!(record.cells.iter().all(|cell| cell.warnings.is_empty()));
        }
    }
}

#[test]
fn a_run_is_resumed_where_it_was_interrupted() {
    let (interrupted, _) = run_lanes(two_environments(all_rounds()), state(&[], 13));
    let environments = [EnvironmentKind::Native, EnvironmentKind::Browser];
    let before: usize = rounds(&interrupted);
    assert!(before == 13 && interrupted.iter().all(|record| !record.complete));
    let (resumed, executor) = run_lanes(
        environments.into_iter().zip(interrupted).collect(),
        state(&[], usize::MAX),
    );
    assert_eq!(executor.measured(), 40 - before, "nothing is measured twice");
    assert_eq!(rounds(&resumed), 40);
    for cell in resumed.iter().flat_map(|record| &record.cells) {
        assert_eq!(cell.warnings, [], "nothing is missing any more");
        let mut numbers: Vec<usize> = cell.rounds.iter().map(|round| round.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
    }
}

fn rounds(records: &[Record]) -> usize {
    let cells = records.iter().flat_map(|record| &record.cells);
    cells.map(|cell| cell.rounds.len()).sum()
}
