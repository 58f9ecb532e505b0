//! The same work in two versions of an engine, of tare, or of a browser.

use std::collections::HashMap;

use tare_core::stats::Estimate;
use tare_findings::labels;
use tare_findings::same_work::{have_same_inputs, same_work};
use tare_record::{Cell, EnvironmentKind, Record, Status};

use super::pairing::{Basis, ratio};
use super::series::KnownSeries;

/// A cell, and the cell of an earlier record that differs from it in versions alone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VersionPair<'a> {
    /// The cell of the earlier record.
    pub(crate) before: &'a Cell,
    /// The cell of the later one.
    pub(crate) after: &'a Cell,
    /// What differs, before and after: "Chromium 156", "tract 0.22". Several are joined by commas.
    pub(crate) versions: [String; 2],
    /// Median of one run after as a multiple of that before, with a 95 % interval.
    pub(crate) ratio: Estimate,
    /// Median of one run in nanoseconds, before and after.
    pub(crate) medians: [Estimate; 2],
    /// What the interval rests on.
    pub(crate) basis: Basis,
}

/// Pairs every measured cell with the cell of the first record that did the same work on the same machine in another version.
/// Records are in the order in which their reader named them.
pub(crate) fn versions<'a>(records: &'a [Record], known: &KnownSeries<'a>) -> Vec<VersionPair<'a>> {
    let mut first: HashMap<_, (&Record, &Cell)> = HashMap::new();
    let mut pairs = Vec::new();
    for record in records {
        for cell in record.cells.iter().filter(|cell| cell.status == Status::Measured) {
            let key = same_work(record, cell);
            match first.get(&key) {
                None => {
                    first.insert(key, (record, cell));
                }
                Some(before) => pairs.extend(pair(*before, (record, cell), known)),
            }
        }
    }
    pairs
}

fn pair<'a>(
    (before_record, before): (&'a Record, &'a Cell),
    (after_record, after): (&'a Record, &'a Cell),
    known: &KnownSeries<'a>,
) -> Option<VersionPair<'a>> {
    if !have_same_inputs(before, after) {
        return None;
    }
    let both = [(before_record, before), (after_record, after)];
    let parts = both.map(|(record, cell)| {
        let browser = match cell.configuration.environment {
            EnvironmentKind::Native => String::new(),
            _ => labels::place(cell).to_owned(),
        };
        let revision = record.build.git_revision.as_deref().unwrap_or("of an unknown revision");
        [
            browser,
            format!("{} {}", cell.engine.name, cell.engine.version),
            format!("tare {revision}"),
        ]
    });
    let different: Vec<[&String; 2]> = parts[0]
        .iter()
        .zip(&parts[1])
        .filter(|(a, b)| a != b)
        .map(<[_; 2]>::from)
        .collect();
    if different.is_empty() {
        return None;
    }
    let series = both.map(|(record, cell)| known.of(cell, &record.clock));
    let [below, above] = &series;
    let is_one_run = before_record.run.is_some() && before_record.run == after_record.run;
    let (ratio, basis) = ratio(below, above, is_one_run)?;
    let medians = below.median().zip(above.median())?;
    let named = |side: usize| {
        different
            .iter()
            .map(|both| both[side].as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    Some(VersionPair {
        before,
        after,
        versions: [named(0), named(1)],
        ratio,
        medians: medians.into(),
        basis,
    })
}
