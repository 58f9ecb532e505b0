//! The comparison for other programs: Markdown, CSV and JSON.

use tare_core::run_lengths_ns;
use tare_record::Record;

use crate::ladder::{Ladder, ladders};
use crate::pairing::{Comparison, compare};
use crate::text::{CELL_HEADINGS, cell_rows, stage_verdicts, status, verdict};
use crate::{boundary, device, format, responsiveness};

/// The comparison as Markdown.
pub fn markdown(records: &[Record]) -> String {
    let Comparison { pairs, refusals } = compare(records);
    let mut text = String::from("# tare report\n\n");
    for ladder in ladders(records) {
        text += &format!("- {}\n", ladder.sentence());
    }
    for pair in &pairs {
        text += &format!("- {}\n", verdict(pair));
        for stage in stage_verdicts(pair) {
            text += &format!("  - {stage}\n");
        }
        for warning in &pair.warnings {
            text += &format!("  - warning: {}\n", warning.message);
        }
    }
    for refusal in &refusals {
        text += &format!("- {}: not compared, because {}\n", refusal.subject, refusal.reason);
    }
    for ladder in ladders(records) {
        let first = ladder.rungs[0];
        text += &format!("\n## {} on {}\n\n", first.model.name, first.engine.name);
        text += &table(&Ladder::HEADINGS, &ladder.rows());
        if let Some(note) = ladder.note() {
            text += &format!("\n{note}\n");
        }
    }
    text += "\n## Cells\n\n";
    text += &table(&CELL_HEADINGS, &cell_rows(records));
    for cell in records.iter().flat_map(|record| &record.cells) {
        if let (word, Some(reason)) = status(&cell.status) {
            text += &format!(
                "\n{} on {} ({}) {word}: {}\n",
                cell.model.name,
                cell.engine.name,
                cell.rung.environment,
                escape(&reason)
            );
        }
    }
    text += &section(device::TITLE, &device::HEADINGS, &device::rows(records));
    text += &section(boundary::TITLE, &boundary::HEADINGS, &boundary::rows(records));
    text += &section(
        responsiveness::TITLE,
        &responsiveness::HEADINGS,
        &responsiveness::rows(records),
    );
    text
}

/// A table under its title; nothing without rows.
fn section<const COLUMNS: usize>(title: &str, headings: &[&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    match rows {
        [] => String::new(),
        rows => format!("\n## {title}\n\n{}", table(headings, rows)),
    }
}

fn table<const COLUMNS: usize>(headings: &[&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    let line = |fields: Vec<String>| format!("| {} |\n", fields.join(" | "));
    let mut text = line(headings.map(str::to_owned).into());
    text += &format!("|{}\n", " --- |".repeat(COLUMNS));
    for row in rows {
        text += &line(row.iter().map(|field| escape(field)).collect());
    }
    text
}

fn escape(field: &str) -> String {
    field.replace('|', "\\|").replace('\n', " ")
}

/// All samples as CSV: one line per sample, one run's share of it in nanoseconds.
///
/// # Errors
///
/// Never for memory; the writer's error is passed on.
pub fn csv(records: &[Record]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "created",
        "environment",
        "model",
        "model_sha256",
        "engine",
        "threads",
        "round",
        "sample",
        "run_ns",
    ])?;
    for record in records {
        for cell in &record.cells {
            let rounds = run_lengths_ns(cell).into_iter().enumerate();
            let samples =
                rounds.flat_map(|(round, lengths)| lengths.into_iter().map(move |run_ns| (round + 1, run_ns)));
            for (number, (round, run_ns)) in samples.enumerate() {
                writer.write_record([
                    record.created.as_str(),
                    &cell.rung.environment.to_string(),
                    &cell.model.name,
                    cell.model.sha256.as_deref().unwrap_or(""),
                    cell.engine.name.as_str(),
                    &cell.rung.threads.to_string(),
                    &round.to_string(),
                    &number.to_string(),
                    &run_ns.to_string(),
                ])?;
            }
        }
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The comparison as JSON: pairs with their ratios, refusals, ladders with their steps, and what crossings cost in the browser.
pub fn json(records: &[Record]) -> String {
    let Comparison { pairs, refusals } = compare(records);
    let pairs: Vec<_> = pairs
        .iter()
        .map(|pair| {
            serde_json::json!({
                "model": pair.other.model.name,
                "engine": pair.other.engine.name,
                "environment": pair.other.rung.environment,
                "threads": pair.other.rung.threads,
                "ratio": format::json(&pair.ratio),
                "verdict": verdict(pair),
                "warnings": pair.warnings,
            })
        })
        .collect();
    let refusals: Vec<_> = refusals
        .iter()
        .map(|refusal| serde_json::json!({ "subject": refusal.subject, "reason": refusal.reason }))
        .collect();
    let ladders: Vec<_> = ladders(records).iter().map(Ladder::json).collect();
    format!(
        "{:#}\n",
        serde_json::json!({ "pairs": pairs, "refusals": refusals, "ladders": ladders, "crossings": boundary::json(records) })
    )
}
