//! Reports of the same work in two versions.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

use tare_record::{EngineName, Record, Status};
use tare_report::{markdown, slower, terminal};

/// A record that the page made in a version of Chromium, whose runs take this many nanoseconds.
fn in_chromium(version: u32, run_ns: u64) -> Record {
    let mut record = Record::from_json(include_str!("../../record/tests/golden.json")).unwrap();
    record.cells.retain(|cell| cell.status == Status::Measured);
    for cell in &mut record.cells {
        cell.configuration.browser = Some(format!("Chromium {version}"));
        cell.samples_ns = (0..20).map(|number| run_ns + number * run_ns / 10_000).collect();
    }
    record
}

/// What the report says first.
fn verdict(records: &[Record]) -> String {
    let report = terminal(records, 200);
    let section = report.split("What did the other version change?").nth(1);
    section.unwrap_or_default().replace('\n', " ")
}

#[test]
fn another_version_is_compared_with_the_first() {
    let before = in_chromium(156, 4_000_000);
    for (after_ns, expected) in [
        (
            2_000_000,
            "Chromium 157 is faster than Chromium 156 and takes 0.500x the time",
        ),
        (
            8_000_000,
            "Chromium 157 is slower than Chromium 156 and takes 2.00x the time",
        ),
        (
            4_000_100,
            "no difference between Chromium 156 and Chromium 157 can be seen",
        ),
    ] {
        let records = [before.clone(), in_chromium(157, after_ns)];
        assert!(verdict(&records).contains(expected), "{}", verdict(&records));
        assert!(markdown(&records).contains("## What did the other version change?"));
    }
}

#[test]
fn what_became_slower_is_told_past_a_share() {
    let before = in_chromium(156, 4_000_000);
    let count = |after_ns, share| {
        slower(&[before.clone(), in_chromium(157, after_ns)], share)
            .unwrap()
            .len()
    };
    let cells = before.cells.len();
    for (after_ns, share, expected) in [
        (8_000_000, 0.0, cells),
        (8_000_000, 0.9, cells),
        (8_000_000, 1.1, 0),
        (4_000_100, 0.0, 0),
        (2_000_000, 0.0, 0),
    ] {
        assert_eq!(count(after_ns, share), expected, "{after_ns} {share}");
    }
    assert_eq!(
        slower(std::slice::from_ref(&before), 0.0),
        None,
        "there is no other version"
    );
}

#[test]
fn everything_that_differs_is_named() {
    let (before, mut after) = (in_chromium(156, 4_000_000), in_chromium(157, 8_000_000));
    after.build.git_revision = Some("0123456789ab".into());
    for cell in &mut after.cells {
        cell.engine.version = "99.0".into();
    }
    let verdict = verdict(&[before, after]);
    for part in [
        "Chromium 157, ",
        " 99.0, tare 0123456789ab is slower than Chromium 156, ",
    ] {
        assert!(verdict.contains(part), "{part:?} is not in {verdict}");
    }
}

#[test]
fn what_differs_in_more_than_the_version_is_not_compared() {
    let before = in_chromium(156, 4_000_000);
    let changes: [fn(&mut Record); 6] = [
        |_| {},
        |record| record.machine.logical_cores += 1,
        |record| {
            for cell in &mut record.cells {
                cell.configuration.browser = Some("Firefox 157".into());
            }
        },
        |record| {
            for cell in &mut record.cells {
                cell.configuration.threads += 1;
            }
        },
        |record| {
            for cell in &mut record.cells {
                cell.model.sha256 = Some("0".repeat(64));
            }
        },
        |record| {
            for cell in &mut record.cells {
                cell.engine.name = match cell.engine.name {
                    EngineName::Tract => EngineName::BurnFlex,
                    _ => EngineName::Tract,
                };
            }
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        // The first one is the same version again.
        let mut after = in_chromium(if number == 0 { 156 } else { 157 }, 8_000_000);
        after.cells.truncate(1);
        change(&mut after);
        let mut before = before.clone();
        before.cells.truncate(1);
        assert_eq!(verdict(&[before, after]), "", "change {number}");
    }
}
