//! Faults at random moments, counted; and docs/reliability.md, which shows what was counted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tare_core::stats::Estimate;
use tare_report::{Axis, AxisOf, Chart, ChartLine, ChartPoint, Figure, FigureKind, svg};
use xshell::{Shell, cmd};

use crate::build::{self, HEAVY, Profile};
use crate::fuzzing;
use crate::paths::{dist as page_folder, root, target};
use crate::setup::Tools;
use crate::step::step;

/// Where the outcomes are kept.
const OUTCOMES: &str = "records/chaos.json";

/// Where it is kept what a page was like that measured again and again.
const SOAK: &str = "records/soak.json";

const DOCUMENT: &str = "docs/reliability.md";

/// What stands there until a command was run for its length.
const NOT_RUN: &str = "Not run at length yet.\n";

/// What happened when a command was disturbed at a random moment: one of its processes got a signal, or something that it needs was away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    command: String,
    victim: String,
    signal: String,
    tried: u64,
    lost: u64,
}

/// What was seen after each run of a page that measures again and again.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    seconds: u64,
    server_bytes: u64,
    server_files: u64,
    browser_bytes: u64,
    browser_processes: u64,
    run_ns: u64,
}

/// Runs tests of the suite with the page of an everyday build.
fn run_suite(sh: &Shell, test: &str, environment: &[(&str, String)]) -> Result<()> {
    let tools = Tools::prepare(sh)?;
    build::page(sh, &tools, Profile::Release)?;
    step(test);
    let environment = environment.iter().map(|(name, value)| (*name, value.as_str()));
    cmd!(sh, "cargo test --release {HEAVY...} --test suite -- --nocapture {test}")
        .env("TARE_PAGE", page_folder())
        .envs(environment)
        .run()?;
    Ok(())
}

/// Has one page measure again and again, and keeps what was seen.
pub(crate) fn soak(sh: &Shell, minutes: u64) -> Result<()> {
    let file = target().join("soak.json");
    sh.remove_path(&file)?;
    let environment = [
        ("TARE_SOAK_MINUTES", minutes.to_string()),
        ("TARE_SOAK_SEEN", file.display().to_string()),
    ];
    run_suite(sh, "a_page_measures_again_and_again", &environment)?;
    sh.copy_file(&file, root().join(SOAK))?;
    println!("kept in {SOAK}; `cargo xtask docs` shows it in {DOCUMENT}");
    Ok(())
}

/// Disturbs runs at random moments, and adds what happened to what is kept.
pub(crate) fn chaos(sh: &Shell, moments: u64, seed: u64) -> Result<()> {
    let file = target().join("chaos.tsv");
    sh.remove_path(&file)?;
    let environment = [
        ("TARE_CHAOS_MOMENTS", moments.to_string()),
        ("TARE_CHAOS_SEED", seed.to_string()),
        ("TARE_CHAOS_OUTCOMES", file.display().to_string()),
    ];
    let ran = run_suite(sh, "chaos::", &environment);
    if !file.is_file() {
        return ran;
    }
    // What was lost is kept too.
    let mut outcomes = outcomes(sh)?;
    for found in sh.read_file(&file)?.lines().map(read_line) {
        let found = found.with_context(|| format!("in {}", file.display()))?;
        let what = |outcome: &Outcome| (outcome.command.clone(), outcome.victim.clone(), outcome.signal.clone());
        match outcomes.iter_mut().find(|known| what(known) == what(&found)) {
            Some(known) => {
                known.tried += found.tried;
                known.lost += found.lost;
            }
            None => outcomes.push(found),
        }
    }
    sh.write_file(root().join(OUTCOMES), serde_json::to_string_pretty(&outcomes)? + "\n")?;
    println!("counted in {OUTCOMES}; `cargo xtask docs` shows them in {DOCUMENT}");
    ran
}

/// The outcomes so far.
fn outcomes(sh: &Shell) -> Result<Vec<Outcome>> {
    let path = root().join(OUTCOMES);
    if !path.is_file() {
        return Ok(vec![]);
    }
    serde_json::from_str(&sh.read_file(path)?).with_context(|| format!("in {OUTCOMES}"))
}

/// Command, victim, signal, tried and lost, as the test writes them.
fn read_line(line: &str) -> Option<Outcome> {
    let [command, victim, signal, tried, lost] = <[&str; 5]>::try_from(line.split('\t').collect::<Vec<_>>()).ok()?;
    Some(Outcome {
        command: command.into(),
        victim: victim.into(),
        signal: signal.into(),
        tried: tried.parse().ok()?,
        lost: lost.parse().ok()?,
    })
}

/// The document with the counts of today between its marks, and its pictures.
pub(crate) fn document(sh: &Shell) -> Result<Vec<(PathBuf, String)>> {
    let text = sh.read_file(root().join(DOCUMENT))?;
    let text = between(&text, "faults", &faults(&outcomes(sh)?))?;
    let text = between(&text, "fuzzing", &fuzzed(&fuzzing::counts(sh)?))?;
    let (soak, pictures) = soak_section(&read_soak(sh)?);
    let text = between(&text, "soak", &soak)?;
    Ok([vec![(DOCUMENT.into(), text)], pictures].concat())
}

fn read_soak(sh: &Shell) -> Result<Vec<Seen>> {
    let path = root().join(SOAK);
    if !path.is_file() {
        return Ok(vec![]);
    }
    serde_json::from_str(&sh.read_file(path)?).with_context(|| format!("in {SOAK}"))
}

/// What was seen at the start and at the end, in words, and all of it as pictures.
fn soak_section(seen: &[Seen]) -> (String, Vec<(PathBuf, String)>) {
    // The first run starts the page and its worker.
    let Some(((first, last), rest)) = seen.get(1).zip(seen.last()).zip(seen.get(1..)) else {
        return (NOT_RUN.into(), vec![]);
    };
    let mut text = format!(
        "{} runs in {} minutes.\n\n| | second run | last run |\n| --- | ---: | ---: |\n",
        seen.len(),
        last.seconds / 60
    );
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    for (what, [before, after]) in [
        ("memory of the server", [first, last].map(|seen| mib(seen.server_bytes))),
        (
            "open files of the server",
            [first, last].map(|seen| seen.server_files.to_string()),
        ),
        (
            "memory of the browser",
            [first, last].map(|seen| mib(seen.browser_bytes)),
        ),
        (
            "processes of the browser",
            [first, last].map(|seen| seen.browser_processes.to_string()),
        ),
        (
            "median of a run of `null`",
            [first, last].map(|seen| format!("{} ns", seen.run_ns)),
        ),
    ] {
        text += &format!("| {what} | {before} | {after} |\n");
    }
    let line = |label: &str, is_native, value: fn(&Seen) -> u64| ChartLine {
        label: label.into(),
        is_native,
        is_joined: true,
        points: rest
            .iter()
            .enumerate()
            .map(|(index, seen)| {
                let value = value(seen) as f64;
                let y = Estimate {
                    value,
                    low: value,
                    high: value,
                };
                ChartPoint {
                    x: (index + 2) as f64,
                    y,
                    label: None,
                }
            })
            .collect(),
        ..ChartLine::default()
    };
    let memory = vec![
        line("browser", false, |seen| seen.browser_bytes),
        line("server", true, |seen| seen.server_bytes),
    ];
    let runs = vec![line("run of null", false, |seen| seen.run_ns)];
    let mut pictures = vec![];
    for (name, title, of, lines) in [
        ("soak-memory", "memory", AxisOf::Bytes, memory),
        ("soak-runs", "median of a run", AxisOf::Duration, runs),
    ] {
        let figure = Figure {
            alternative: format!("{title} over the runs of one page"),
            caption: String::new(),
            kind: FigureKind::Chart(Chart {
                x: Axis {
                    title: "run",
                    of: AxisOf::Count,
                },
                y: Axis { title, of },
                lines,
            }),
        };
        text += &format!("\n![{}](figures/{name}.svg)\n", figure.alternative);
        pictures.push((PathBuf::from(format!("docs/figures/{name}.svg")), svg(&figure)));
    }
    (text, pictures)
}

/// Replaces what stands between the marks of a name.
fn between(text: &str, name: &str, new: &str) -> Result<String> {
    let (begin, end) = (
        format!("<!-- {name}: written by `cargo xtask docs` -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let missing = || format!("{DOCUMENT} has no place for {name}");
    let (before, rest) = text.split_once(&begin).with_context(missing)?;
    let (_, after) = rest.split_once(&end).with_context(missing)?;
    Ok(format!("{before}{begin}{new}{end}{after}"))
}

/// One row for each command and victim, with all signals that it got.
fn faults(outcomes: &[Outcome]) -> String {
    if outcomes.is_empty() {
        return NOT_RUN.into();
    }
    let mut rows: BTreeMap<(&str, &str), Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        rows.entry((&outcome.command, &outcome.victim))
            .or_default()
            .push(outcome);
    }
    let mut text = String::from(
        "| command | victim | what happened | tried | survived | lost |\n| --- | --- | --- | ---: | ---: | ---: |\n",
    );
    let (mut all, mut all_lost) = (0, 0);
    for ((command, victim), outcomes) in rows {
        let signal = |outcome: &&Outcome| format!("{} {}", outcome.signal, outcome.tried);
        let signals: Vec<String> = outcomes.iter().map(signal).collect();
        let tried: u64 = outcomes.iter().map(|outcome| outcome.tried).sum();
        let lost: u64 = outcomes.iter().map(|outcome| outcome.lost).sum();
        text += &format!(
            "| `{command}` | {victim} | {} | {tried} | {} | {lost} |\n",
            signals.join(", "),
            tried - lost
        );
        // A run that had ended was not disturbed.
        if victim != "nobody" {
            all += tried;
            all_lost += lost;
        }
    }
    text + &format!(
        "| **all** | | | **{all}** | **{}** | **{all_lost}** |\n",
        all - all_lost
    )
}

fn fuzzed(counts: &BTreeMap<String, fuzzing::Count>) -> String {
    if counts.is_empty() {
        return NOT_RUN.into();
    }
    let mut text = String::from("| target | executions | seconds |\n| --- | ---: | ---: |\n");
    let mut all = fuzzing::Count::default();
    for (name, count) in counts {
        text += &format!("| `{name}` | {} | {} |\n", count.executions, count.seconds);
        all.executions += count.executions;
        all.seconds += count.seconds;
    }
    text + &format!("| **all** | **{}** | **{}** |\n", all.executions, all.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_and_summed() {
        let outcomes: Vec<Outcome> = ["a\tcell\tKILL\t3\t1", "a\tcell\tTERM\t2\t0", "b\tNode\tHUP\t1\t0"]
            .into_iter()
            .flat_map(read_line)
            .collect();
        let table = faults(&outcomes);
        assert!(
            table.contains("| `a` | cell | KILL 3, TERM 2 | 5 | 4 | 1 |\n"),
            "{table}"
        );
        assert!(table.ends_with("| **all** | | | **6** | **5** | **1** |\n"), "{table}");
        assert_eq!(read_line("a\tcell\tKILL\t3"), None);
    }

    #[test]
    fn a_document_without_marks_is_an_error() {
        let text = "a\n<!-- x: written by `cargo xtask docs` -->\nold<!-- end of x -->\nb";
        let expected = "a\n<!-- x: written by `cargo xtask docs` -->\nnew<!-- end of x -->\nb";
        assert_eq!(between(text, "x", "new").unwrap(), expected);
        assert!(between(text, "y", "new").is_err());
    }
}
