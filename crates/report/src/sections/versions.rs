use tare_findings::{format, labels};
use tare_record::Record;

use crate::analysis::pairing::Basis;
use crate::analysis::series::KnownSeries;
use crate::analysis::verdict::work_on_threads;
use crate::analysis::versions::{VersionPair, versions};
use crate::section::{Block, Section, Table, Value};

/// So many pairs have a sentence of their own.
const FEW: usize = 3;

/// What changed between two versions of a browser, of an engine, or of tare.
pub(super) fn section<'a>(pairs: &[VersionPair<'_>], warnings: Option<Block<'a>>) -> Option<Section<'a>> {
    if pairs.is_empty() {
        return None;
    }
    let mut blocks: Vec<Block<'a>> = Vec::new();
    if pairs.len() <= FEW {
        blocks.extend(pairs.iter().map(|pair| Block::Verdict(verdict(pair))));
    } else {
        blocks.push(Block::Verdict(counted(pairs)));
    }
    if pairs.iter().any(|pair| !matches!(pair.basis, Basis::Pairs(_))) {
        blocks.push(Block::Text(
            "Versions that were measured apart differ by what the machine did in between, too, which the intervals leave out. The command tare bench \
             measures two browsers in turn: --in chromium,/path/to/the/other."
                .into(),
        ));
    }
    blocks.extend(warnings);
    blocks.push(Block::Table(table(pairs)));
    Some(Section::answer(
        "versions",
        "What did the other version change?",
        blocks,
    ))
}

/// A sentence for each measurement that takes more than this share longer in the later version: whose whole interval lies above it. `None` if nothing was
/// measured in two versions.
pub fn slower(records: &[Record], share: f64) -> Option<Vec<String>> {
    let pairs = versions(records, &KnownSeries::default());
    let slower = pairs.iter().filter(|pair| pair.ratio.low > 1.0 + share);
    (!pairs.is_empty()).then(|| slower.map(verdict).collect())
}

fn verdict(pair: &VersionPair<'_>) -> String {
    let subject = work_on_threads(pair.after);
    let [before, after] = &pair.versions;
    let times = pair.medians.map(|median| format::duration(median.value));
    let times = format!(
        "{} instead of {}, 95 % interval {}",
        times[1],
        times[0],
        format::ratios(&pair.ratio)
    );
    match change(pair) {
        Some(change) => format!(
            "{subject}: {after} is {change} than {before} and takes {} the time ({times})",
            format::ratio(pair.ratio.value)
        ),
        None => format!("{subject}: no difference between {before} and {after} can be seen ({times})"),
    }
}

/// Whether it became faster or slower, if that can be told.
fn change(pair: &VersionPair<'_>) -> Option<&'static str> {
    match pair.ratio {
        ratio if ratio.high < 1.0 => Some("faster"),
        ratio if ratio.low > 1.0 => Some("slower"),
        _ => None,
    }
}

fn counted(pairs: &[VersionPair<'_>]) -> String {
    let count = |wanted| pairs.iter().filter(|pair| change(pair) == wanted).count();
    format!(
        "Of {} measurements that were repeated in another version, {} became slower, {} faster, and no difference can be seen in {}",
        pairs.len(),
        count(Some("slower")),
        count(Some("faster")),
        count(None)
    )
}

fn table(pairs: &[VersionPair<'_>]) -> Table {
    let mut table = Table::new(
        "Time of one inference in the later version as a multiple of the earlier one. If the interval includes 1x, no difference was shown.",
        &[
            ("model", "model"),
            ("engine", "engine"),
            ("configuration", "where"),
            ("before", "before"),
            ("after", "after"),
            ("ratio", "after / before"),
            ("ratio_interval", "95 % interval"),
            ("median", "time after"),
            ("median_before", "time before"),
        ],
    );
    for pair in pairs {
        let [before, after] = pair.versions.clone().map(Value::Text);
        let [median_before, median] = pair.medians.map(|median| Value::Duration(median.value));
        let [ratio, interval] = Value::ratios(&pair.ratio);
        table.push(vec![
            Value::Text(labels::workload(pair.after)),
            Value::text(pair.after.engine.name.as_str()),
            Value::Text(labels::configuration(pair.after)),
            before,
            after,
            ratio,
            interval,
            median,
            median_before,
        ]);
    }
    table
}
