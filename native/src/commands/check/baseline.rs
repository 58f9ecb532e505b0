//! A run next to earlier ones, for people, for pull requests and for other programs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde_json::{Map, json};
use tare_findings::{format, labels};
use tare_record::{Cell, Record};
use tare_regression::{Check, CheckedCell, Outcome, check};
use tare_report::{Block, Note, Section, Table, Value, markdown_section, printable, terminal_section};

use crate::bench::recorder::terminal_width;
use crate::commands::report::read;

/// How the outcome is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CheckFormat {
    /// A table
    Text,
    /// Markdown, for a pull request
    Md,
    /// Annotations of GitHub Actions
    Github,
    /// JSON of Bencher (<https://bencher.dev/docs/reference/bencher-metric-format/>)
    Bencher,
}

/// Says how the records compare with earlier ones. Returns whether no cell is slower or broken.
pub(super) fn run(now: &[PathBuf], earlier: &[PathBuf], tolerance: f64, format: CheckFormat) -> Result<bool> {
    let now = now.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?;
    let mut before = vec![];
    for path in earlier {
        before.extend(records(path)?);
    }
    let check = check(&now, &before, tolerance / 100.0);
    if !check.compares_anything() {
        bail!("nothing can be compared: {}", why_not(&check));
    }
    let text = match format {
        CheckFormat::Text => terminal_section(&section(&check, before.len()), terminal_width()),
        CheckFormat::Md => markdown_section(&section(&check, before.len()), 2)
            .trim_start()
            .to_owned(),
        CheckFormat::Github => annotations(&check),
        CheckFormat::Bencher => bencher(&check),
    };
    print!("{text}");
    Ok(!check.is_alarm())
}

/// The records of a file, or of all files in a folder.
fn records(path: &Path) -> Result<Vec<Record>> {
    if !path.is_dir() {
        return Ok(vec![read(path)?]);
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("cannot read the folder {}", path.display()))?;
    let mut files = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<PathBuf>>>()?;
    // A folder of `tare bench` has a file about its run.
    let is_record = |file: &PathBuf| {
        file.extension().is_some_and(|extension| extension == "json") && file.file_name() != Some("run.json".as_ref())
    };
    files.retain(is_record);
    files.sort();
    if files.is_empty() {
        bail!(
            "the folder {} holds no records: expected files that end in .json",
            path.display()
        );
    }
    files.iter().map(|file| read(file)).collect()
}

/// Why no cell is compared.
fn why_not(check: &Check<'_>) -> String {
    let reasons: BTreeSet<&str> = check
        .cells
        .iter()
        .filter_map(|checked| reason(&checked.outcome))
        .collect();
    if reasons.is_empty() {
        return "no cell of the baseline did the same work on the same kind of machine\n\
             hint: measure both with the same plan on the same machine; `tare report` shows what each record holds"
            .into();
    }
    let reasons: Vec<&str> = reasons.into_iter().collect();
    format!(
        "{}\nhint: measure both with the same plan, in two rounds or more",
        reasons.join("; ")
    )
}

/// Why a cell is broken, or cannot be judged.
fn reason(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Broken(why) | Outcome::Unclear(why) => Some(why),
        _ => None,
    }
}

/// The cell, where it ran, and on what.
fn name(cell: &Cell) -> String {
    format!("{} ({})", labels::work(cell), labels::configuration(cell))
}

fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Slower => "slower",
        Outcome::Faster => "faster",
        Outcome::Same => "no difference seen",
        Outcome::Broken(_) => "broken",
        Outcome::New => "new",
        Outcome::Unclear(_) => "unclear",
    }
}

/// A share as people read it: "4.2 %".
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// What a reader wants to know first.
fn verdict(check: &Check<'_>) -> String {
    let count = |wanted: fn(&Outcome) -> bool| check.cells.iter().filter(|checked| wanted(&checked.outcome)).count();
    let of = |count: usize| match check.cells.len() {
        1 => "The cell is".into(),
        all if all == count => format!("All {all} cells are"),
        all if count == 1 => format!("1 of {all} cells is"),
        all => format!("{count} of {all} cells are"),
    };
    let (slower, broken) = (
        count(|outcome| *outcome == Outcome::Slower),
        count(|outcome| matches!(outcome, Outcome::Broken(_))),
    );
    match (slower, broken) {
        (0, 0) => {
            let figures: Vec<_> = check.cells.iter().filter_map(|checked| checked.figures).collect();
            let worst = figures.iter().map(|figures| figures.visible).fold(0.0, f64::max);
            let (place, any) = match (figures.len(), check.cells.len()) {
                (compared, all) if compared == all => (String::new(), "cell"),
                (compared, all) => (
                    format!(" in the {compared} of {all} cells that can be compared"),
                    "of them",
                ),
            };
            let worst = percent(worst);
            format!("No slowdown can be seen{place}. One of {worst} would have been seen in any {any}")
        }
        (slower, 0) => format!("{} slower", of(slower)),
        (0, broken) => format!("{} broken", of(broken)),
        (slower, broken) => format!("{} slower, and {broken} broken", of(slower)),
    }
}

fn section(check: &Check<'_>, earlier: usize) -> Section<'static> {
    let mut blocks = vec![Block::Verdict(verdict(check))];
    let mut cells: Vec<&CheckedCell<'_>> = check.cells.iter().collect();
    // What a reader has to look at comes first.
    cells.sort_by_key(|checked| !checked.outcome.is_alarm());
    let mut table = Table::new(
        "Typical run before and now, the ratio with its 95 % interval, and the smallest slowdown that would have been seen with a probability of 95 %.",
        &[
            ("cell", "cell"),
            ("outcome", "outcome"),
            ("before", "before"),
            ("now", "now"),
            ("ratio", "ratio"),
            ("interval", "95 % interval"),
            ("visible", "visible from"),
            ("runs", "earlier runs"),
        ],
    );
    for checked in &cells {
        let mut values = vec![Value::text(name(checked.cell)), Value::text(outcome(&checked.outcome))];
        match checked.figures {
            Some(figures) => {
                let [before, now] = figures.run_ns.map(Value::Duration);
                let [ratio, interval] = Value::ratios(&figures.ratio);
                let (visible, runs) = (Value::text(percent(figures.visible)), Value::Count(figures.runs as u64));
                values.extend([before, now, ratio, interval, visible, runs]);
            }
            None => values.extend(std::iter::repeat_n(Value::Missing, 6)),
        }
        let notes = reason(&checked.outcome).map(|why| Note::Failure(why.to_owned()));
        table.push_with_notes(values, notes.into_iter().collect());
    }
    blocks.extend(table.block());
    blocks.extend(warnings(check).into_iter().map(Block::Warning));
    let title = match earlier {
        1 => "Compared with an earlier record".into(),
        earlier => format!("Compared with {earlier} earlier records"),
    };
    Section::answer("baseline", title, blocks)
}

/// What a reader must know beside the figures.
fn warnings(check: &Check<'_>) -> Vec<String> {
    let figures = || check.cells.iter().filter_map(|checked| checked.figures);
    let mut warnings = vec![];
    if figures().any(|figures| !figures.knows_runs) {
        warnings.push(
            "with fewer than four earlier runs, what differs from run to run is not part of the intervals: a difference may be one of \
             the machine's state, and not of the code"
                .to_owned(),
        );
    }
    let left_out = figures().filter(|figures| figures.left_out > 0).count();
    if left_out > 0 {
        let cells = if left_out == 1 { "cell" } else { "cells" };
        warnings.push(format!(
            "the level of earlier runs changed for {left_out} {cells}; only runs since the last change count there"
        ));
    }
    if check.repeated > 0 {
        warnings.push(format!(
            "{} of the earlier records do not count: they are given twice, or are the one that is checked",
            check.repeated
        ));
    }
    if !check.missing.is_empty() {
        let names: Vec<String> = check.missing.iter().map(|cell| name(cell)).collect();
        warnings.push(format!("measured before, and not in this run: {}", names.join("; ")));
    }
    warnings
}

/// Lines that GitHub shows beside a change
/// (<https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>).
fn annotations(check: &Check<'_>) -> String {
    let escaped = |text: &str| {
        printable(text)
            .replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
    };
    let line = |checked: &CheckedCell<'_>| {
        let name = name(checked.cell);
        let (level, text) = match (&checked.outcome, checked.figures) {
            (Outcome::Broken(why), _) => ("error", format!("{name}: broken: {why}")),
            (Outcome::Unclear(why), _) => ("warning", format!("{name}: unclear: {why}")),
            (outcome @ (Outcome::Slower | Outcome::Faster), Some(figures)) => {
                let [before, now] = figures.run_ns.map(format::duration);
                let level = if *outcome == Outcome::Slower { "error" } else { "notice" };
                let (ratio, interval) = (format::ratio(figures.ratio.value), format::ratios(&figures.ratio));
                let text = format!("{name}: {ratio} as long ({interval}): {now} a run, {before} before");
                (level, text)
            }
            _ => return None,
        };
        Some(format!("::{level} title=tare::{}\n", escaped(&text)))
    };
    let mut text: String = check.cells.iter().filter_map(line).collect();
    text += &format!("::notice title=tare::{}.\n", escaped(&verdict(check)));
    text
}

/// The runs of now, each as a latency in nanoseconds.
fn bencher(check: &Check<'_>) -> String {
    let mut all = Map::new();
    for checked in &check.cells {
        if let Some(figures) = checked.figures {
            let [before, now] = figures.run_ns;
            let latency = json!({
                "value": now,
                "lower_value": before * figures.ratio.low,
                "upper_value": before * figures.ratio.high,
            });
            // Cells that differ in what a name leaves out.
            let name = name(checked.cell);
            let mut names = std::iter::once(name.clone()).chain((2_u32..).map(|number| format!("{name} #{number}")));
            if let Some(free) = names.find(|name| !all.contains_key(name)) {
                all.insert(free, json!({ "latency": latency }));
            }
        }
    }
    format!("{:#}\n", serde_json::Value::Object(all))
}
