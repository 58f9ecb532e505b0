//! The table of results, in Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tare_record::Adapter;

use crate::{Outcome, Row, counts};

/// The outcome on one of the engines.
type OfEngine = fn(&Row) -> &Outcome;

/// The table. `adapter` is the one that burn-wgpu ran on.
pub(crate) fn markdown(rows: &[Row], adapter: Option<&Adapter>) -> String {
    let counted: Vec<&Row> = rows.iter().filter(|row| counts(row)).collect();
    let share = |passed: usize| passed as f64 * 100.0 / counted.len().max(1) as f64;
    let passed = |outcome: OfEngine| counted.iter().filter(|row| outcome(row).passed()).count();
    let wrong = |outcome: OfEngine| {
        let wrong = |row: &&Row| matches!(outcome(row), Outcome::Wrong(_));
        rows.iter().filter(wrong).count()
    };
    let (tract, burn): (OfEngine, OfEngine) = (|row| &row.tract, |row| &row.burn);
    let mut text = String::from(
        "# ONNX backend node tests\n\nWritten by `cargo xtask conformance`, do not edit: all node cases of the Python package onnx 1.23.2 at opset 22 and below, and its `light` networks.\n\n",
    );
    let mut line = |line: String| {
        text += &line;
        text.push('\n');
    };
    line(format!(
        "{} cases, of which onnxruntime 1.31.1 passes {}. {} of those count. The others are excluded for the reasons below.",
        rows.len(),
        rows.iter().filter(|row| row.onnxruntime).count(),
        counted.len()
    ));
    line(String::new());
    line("| engine | passes | share | wrong results among all cases |".into());
    line("| --- | --- | --- | --- |".into());
    for (name, outcome) in [("tract", tract), ("burn-flex", burn)] {
        line(format!(
            "| {name} | {} | {:.1} % | {} |",
            passed(outcome),
            share(passed(outcome)),
            wrong(outcome)
        ));
    }
    line(String::new());
    line("A case that an engine refuses runs again with its integer inputs fixed, and then with all inputs fixed but the first: in real models they are settings and weights.".into());
    line("\n## Wrong results\n\nAmong all cases, including those that onnxruntime does not pass and those that are excluded.\n\n| case | engine | what |\n| --- | --- | --- |".into());
    for (name, outcome) in [("tract", tract), ("burn-flex", burn)] {
        for row in rows {
            if let Outcome::Wrong(what) = outcome(row) {
                line(format!("| {} | {name} | {} |", row.name, short(what)));
            }
        }
    }
    line("\n## By operator\n\n| operator | counted | tract | burn-flex |\n| --- | --- | --- | --- |".into());
    let mut operators: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for row in &counted {
        let entry = operators.entry(&row.operator).or_default();
        entry[0] += 1;
        entry[1] += usize::from(row.tract.passed());
        entry[2] += usize::from(row.burn.passed());
    }
    for (operator, [all, tract, burn]) in &operators {
        line(format!("| {operator} | {all} | {tract} | {burn} |"));
    }
    line("\n## Excluded\n\n| reason | cases that onnxruntime passes |\n| --- | --- |".into());
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in rows.iter().filter(|row| row.onnxruntime).filter_map(|row| row.excluded) {
        *reasons.entry(reason).or_default() += 1;
    }
    for (reason, count) in &reasons {
        line(format!("| {reason} | {count} |"));
    }
    line("\n## Not passed by burn-flex\n\n| case | burn-flex | tract |\n| --- | --- | --- |".into());
    for row in counted.iter().filter(|row| !row.burn.passed()) {
        let tract = if row.tract.passed() {
            "passes".into()
        } else {
            short(&row.tract.reason())
        };
        line(format!("| {} | {} | {tract} |", row.name, short(&row.burn.reason())));
    }
    let Some(adapter) = adapter else { return text };
    line("\n## burn-wgpu\n".into());
    let run: Vec<(&str, &Outcome)> = rows
        .iter()
        .filter_map(|row| Some((row.name.as_str(), row.gpu.as_ref()?)))
        .collect();
    line(format!(
        "All cases that count, except for whole networks, on {} ({}): {} of {} pass.",
        adapter.name,
        adapter.graphics_api,
        run.iter().filter(|(_, outcome)| outcome.passed()).count(),
        run.len()
    ));
    line("\n| case | burn-wgpu |\n| --- | --- |".into());
    for (name, outcome) in run.iter().filter(|(_, outcome)| !outcome.passed()) {
        line(format!("| {name} | {} |", short(&outcome.reason())));
    }
    text
}

/// A reason that fits a cell of a table.
fn short(reason: &str) -> String {
    let mut text = String::new();
    for word in reason.replace('|', "/").split_whitespace() {
        if text.len() + word.len() > 160 {
            return text + " ...";
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{}{word}", if text.is_empty() { "" } else { " " });
    }
    text
}
