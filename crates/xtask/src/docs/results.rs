//! docs/results.md, its pictures, and what the README shows first: all from the committed records.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tare_record::Record;
use tare_report::{Block, Section, markdown_block, markdown_section, sections, svg};
use xshell::Shell;

use super::written::Written;
use crate::dist::ProgramSize;
use crate::paths::root;

/// The records that the README shows.
const SHOWN_FIRST: &str = "2026-11-26-xeon-2-cores";

/// The ladder whose picture the README shows.
const PICTURE: &str = "ladder-resnet50-tract";

const BEGIN: &str = "<!-- results: written by `cargo xtask docs` -->\n";
const END: &str = "<!-- end of results -->";

const HEAD: &str = "# Results

Written by `cargo xtask docs` from the records in [records/](../records/README.md), newest first. `tare report records/FOLDER/*.json -o report.html` shows all
that they hold. Each folder is one machine on one day: absolute times differ from day to day, ratios less so.
";

/// Sections that a document shows: what a reader asks for, without the details that the whole report has.
fn is_shown(section: &Section<'_>) -> bool {
    let starts = [
        "findings",
        "summary",
        "not-compared",
        "ladder-",
        "yardstick",
        "cells",
        "device-time",
        "interop",
        "responsiveness",
    ];
    starts.iter().any(|start| section.id.starts_with(start))
}

/// All documents that show results.
pub(super) fn results(sh: &Shell) -> Result<Vec<Written>> {
    let mut folders: Vec<PathBuf> = sh.read_dir(root().join("records"))?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    let mut text = String::from(HEAD);
    let mut written = Vec::new();
    for folder in folders.iter().rev() {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let records = read(sh, folder)?;
        let sections = sections(&records);
        text += &format!("\n## {name}\n\n{}\n", machines(&records));
        for section in sections.iter().filter(|section| is_shown(section)) {
            let (section, pictures) = with_pictures(section, &name);
            text += &section;
            written.extend(pictures);
        }
        if name == SHOWN_FIRST {
            written.push(readme(sh, &sections, &name)?);
            let command = format!("tare report records/{name}/*.json");
            written.push(("docs/example.html".into(), tare_report::html(&records, &command)));
        }
    }
    text += &program_size()?;
    written.push(("docs/results.md".into(), text));
    Ok(written)
}

/// What the program that ships weighs.
fn program_size() -> Result<String> {
    let size = ProgramSize::committed()?;
    let mut text = format!(
        "\n## Size of the file that ships\n\n`cargo xtask dist` at revision {} for {}: one file that holds the program and the page, compressed by brotli. Unpacked, the program has {} bytes.\n\n| part | bytes |\n| --- | ---: |\n",
        size.revision, size.target, size.unpacked_bytes
    );
    text += &format!("| program with all engines, compressed | {} |\n", size.code_bytes());
    for (part, bytes) in &size.page {
        text += &format!("| {part} | {bytes} |\n");
    }
    text += &format!("| **whole file** | **{}** |\n", size.file_bytes);
    Ok(text)
}

pub(super) fn read(sh: &Shell, folder: &Path) -> Result<Vec<Record>> {
    let mut files = sh.read_dir(folder)?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    let records = files.iter().map(|path| {
        let text = sh.read_file(path)?;
        Record::from_json(&text).with_context(|| path.display().to_string())
    });
    records.collect()
}

/// Machines and commands of records, one line each.
fn machines(records: &[Record]) -> String {
    let lines = records.iter().map(|record| {
        let machine = &record.machine;
        let cpu = machine
            .native
            .as_ref()
            .map_or(machine.os.as_str(), |native| native.cpu.as_str());
        format!(
            "- `{}`: {}, {cpu}, {} cores, revision {}\n",
            record.command,
            machine.kind,
            machine.logical_cores,
            record.build.git_revision.as_deref().unwrap_or("unknown")
        )
    });
    lines.collect()
}

/// A section as Markdown whose pictures are files.
fn with_pictures(section: &Section<'_>, folder: &str) -> (String, Vec<Written>) {
    let mut text = markdown_section(&Section::reason("", section.title.as_str(), vec![]), 3);
    let mut pictures = Vec::new();
    for block in section.unfolded() {
        text.push('\n');
        match block {
            Block::Figure(figure) => {
                let file = format!("figures/{folder}-{}.svg", section.id);
                text += &format!(
                    "![{}]({file})\n\n{}\n",
                    figure.alternative.replace(['[', ']'], ""),
                    figure.caption
                );
                pictures.push((PathBuf::from("docs").join(&file), svg(figure)));
            }
            // Its figures are in the whole report.
            Block::Finding { claim, rest, .. } => {
                text += &markdown_block(&Block::Finding {
                    claim: claim.clone(),
                    rest: rest.clone(),
                    figures: vec![],
                });
            }
            other => text += &markdown_block(other),
        }
    }
    (text, pictures)
}

/// The README with the newest results in their place.
fn readme(sh: &Shell, sections: &[Section<'_>], folder: &str) -> Result<Written> {
    let text = sh.read_file(root().join("README.md"))?;
    let (before, rest) = text.split_once(BEGIN).context("README.md has no place for results")?;
    let (_, after) = rest.split_once(END).context("README.md has no end of results")?;
    let find = |id: &str| sections.iter().find(|section| section.id == id);
    let table = find("summary")
        .and_then(|section| section.unfolded().find(|block| matches!(block, Block::Table(_))))
        .context("the records make no pair")?;
    let ladder = find(PICTURE).context("the records hold no ladder to show")?;
    let verdict = ladder.blocks.iter().find(|block| matches!(block, Block::Verdict(_)));
    let verdict = verdict.map(markdown_block).unwrap_or_default();
    let results = format!(
        "![{}](docs/figures/{folder}-{PICTURE}.svg)\n\n{verdict}\n{}\n",
        "Ladder from native to the browser",
        markdown_block(table)
    );
    Ok(("README.md".into(), format!("{before}{BEGIN}{results}{END}{after}")))
}
