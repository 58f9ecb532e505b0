//! The tables of docs/performance.md: how far the engines are from a yardstick, from committed records.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use tare_record::{Cell, EnvironmentKind, RELAXED_SIMD, Record};
use tare_report::{YardstickPair, configuration, duration, ratio, yardsticks};
use xshell::Shell;

use super::written::Written;
use crate::paths::root;

const PATH: &str = "docs/performance.md";
const BEGIN: &str = "<!-- tables: written by `cargo xtask docs` -->\n";
const END: &str = "<!-- end of tables -->";

/// What the names of their folders end with.
pub(crate) const FOLDER_SUFFIX: &str = "-yardstick";

/// The document, with a table for the first run and the last one.
pub(super) fn performance(sh: &Shell, read: impl Fn(&Path) -> Result<Vec<Record>>) -> Result<Written> {
    let text = sh.read_file(root().join(PATH))?;
    let (before, rest) = text
        .split_once(BEGIN)
        .context("docs/performance.md has no place for tables")?;
    let (_, after) = rest
        .split_once(END)
        .context("docs/performance.md has no end of tables")?;
    let mut folders = sh.read_dir(root().join("records"))?;
    folders.retain(|path| path.to_string_lossy().ends_with(FOLDER_SUFFIX));
    folders.sort();
    if folders.len() > 2 {
        folders = vec![folders[0].clone(), folders[folders.len() - 1].clone()];
    }
    let mut tables = String::new();
    for folder in folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        tables += &format!("\n### {name}\n\n{}", table(&yardsticks(&read(&folder)?)));
    }
    Ok((PATH.into(), format!("{before}{BEGIN}{tables}\n{END}{after}")))
}

/// A row for each network and place, a column for each engine.
fn table(pairs: &[YardstickPair<'_>]) -> String {
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    let mut engines: Vec<String> = Vec::new();
    for pair in pairs {
        let engine = engine(pair.cell);
        if !engines.contains(&engine) {
            engines.push(engine.clone());
        }
        let row = rows
            .entry((pair.cell.model.name.clone(), place(pair.cell)))
            .or_default();
        row.yardstick = format!("{} {}", pair.yardstick.engine.name, duration(pair.medians[0].value));
        let (low, high) = (ratio(pair.ratio.low), ratio(pair.ratio.high));
        let found = format!(
            "{}, {} ({low} to {high})",
            duration(pair.medians[1].value),
            ratio(pair.ratio.value)
        );
        row.engines.insert(engine, found);
    }
    let mut text = format!(
        "| network | where | yardstick | {} |\n|{}\n",
        engines.join(" | "),
        " --- |".repeat(engines.len() + 3)
    );
    for ((model, place), row) in &rows {
        let found = engines
            .iter()
            .map(|engine| row.engines.get(engine).map_or("", String::as_str));
        let found: Vec<&str> = found.collect();
        text += &format!("| {model} | {place} | {} | {} |\n", row.yardstick, found.join(" | "));
    }
    text
}

#[derive(Default)]
struct Row {
    yardstick: String,
    /// What each engine took.
    engines: BTreeMap<String, String>,
}

/// The engine, and whether it has more than the browser's plain vector instructions.
fn engine(cell: &Cell) -> String {
    let rung = &cell.configuration;
    let is_relaxed_step = rung.threads == 1 && rung.vector_level == RELAXED_SIMD;
    format!(
        "{}{}",
        cell.engine.name,
        if is_relaxed_step { ", relaxed SIMD" } else { "" }
    )
}

/// Environment and threads.
fn place(cell: &Cell) -> String {
    let rung = &cell.configuration;
    let environment = match rung.environment {
        EnvironmentKind::Native => "native".to_owned(),
        _ => rung.browser.clone().unwrap_or_else(|| configuration(cell)),
    };
    match rung.threads {
        1 => format!("{environment}, 1 thread"),
        threads => format!("{environment}, {threads} threads"),
    }
}
