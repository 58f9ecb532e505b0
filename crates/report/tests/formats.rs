//! Every format shows every section, and looks as it did when somebody last looked at it.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

use scraper::Html;
use tare_record::{Record, Status};
use tare_report::{Block, Note, Rank, Report, Section, json, ladders, markdown, sections, terminal};

/// Real records of one machine, natively, in Node and in Chromium, and one of an earlier build with a failed cell.
fn records() -> Vec<Record> {
    [
        include_str!("records/native.json"),
        include_str!("records/node.json"),
        include_str!("records/browser.json"),
        include_str!("../../record/tests/golden.json"),
    ]
    .map(|text| Record::from_json(text).unwrap())
    .into()
}

/// Every text that a section shows, figures apart.
fn texts(section: &Section<'_>) -> Vec<String> {
    let mut texts = vec![section.title.clone()];
    for block in section.unfolded() {
        match block {
            Block::Finding { claim, rest, .. } => texts.extend([claim.clone(), rest.clone()]),
            Block::Verdict(text) | Block::Text(text) | Block::Warning(text) => texts.push(text.clone()),
            Block::List(items) => texts.extend(items.clone()),
            Block::Collapsed { summary, items } => texts.extend([&[summary.clone()][..], items].concat()),
            Block::Table(table) => {
                texts.push(table.caption.clone());
                texts.extend(table.columns.iter().map(|column| column.heading.to_owned()));
                for row in &table.rows {
                    texts.extend(row.values.iter().map(ToString::to_string));
                    texts.extend(row.notes.iter().map(|note| match note {
                        Note::Failure(text) | Note::Warning(text) => text.clone(),
                    }));
                }
            }
            // A terminal has room for the line alone.
            Block::Warnings { summary, .. } => texts.push(summary.clone()),
            Block::Figure(_) | Block::Fold { .. } | Block::Methodology => {}
        }
    }
    texts
}

/// Letters and digits alone: formats differ in markup and line breaks.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

#[test]
fn the_answer_is_what_the_whole_report_shows_at_once() {
    let all = records();
    // Several records that are compared, and one that stands alone.
    for records in [&all[..], &all[3..]] {
        let report = Report::new(records);
        let [answer, whole] = [report.answer(), report.fragment()].map(|html| Html::parse_fragment(&html));
        let open = scraper::Selector::parse(".tare > section").unwrap();
        let texts = |html: &Html| -> Vec<String> {
            let sections = html.select(&open);
            let without_links = sections.map(|section| {
                let text = section.text().collect::<String>();
                let links: String = section
                    .select(&scraper::Selector::parse("nav").unwrap())
                    .flat_map(|nav| nav.text())
                    .collect();
                text.replacen(&links, "", 1)
            });
            without_links.collect()
        };
        assert!(!texts(&answer).is_empty());
        assert_eq!(texts(&answer), texts(&whole));
    }
}

#[test]
fn every_format_shows_every_section() {
    let records = records();
    let page = Html::parse_fragment(&Report::new(&records).fragment());
    let html = plain(&page.root_element().text().collect::<String>());
    let markdown = plain(&markdown(&records));
    let terminal = plain(&terminal(&records, 20_000));
    let found = sections(&records);
    for section in &found {
        for text in texts(section) {
            assert!(html.contains(&plain(&text)), "HTML lacks {text:?} of {}", section.id);
            assert!(
                markdown.contains(&plain(&text)),
                "Markdown lacks {text:?} of {}",
                section.id
            );
        }
        let shown: Vec<String> = if section.rank == Rank::Detail {
            vec![section.title.clone()]
        } else {
            texts(section)
        };
        for text in shown.iter().filter(|text| !is_left_out(section, text)) {
            assert!(
                terminal.contains(&plain(text)),
                "the terminal lacks {text:?} of {}",
                section.id
            );
        }
    }
    let value: serde_json::Value = serde_json::from_str(&json(&records)).unwrap();
    let in_json = value["sections"].as_array().unwrap();
    assert_eq!(in_json.len(), found.len());
    for (section, object) in found.iter().zip(in_json) {
        assert_eq!(object["id"], section.id);
        let tables = section.unfolded().filter_map(|block| match block {
            Block::Table(table) => Some(table),
            _ => None,
        });
        let objects = object["blocks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|block| block["rows"].is_array());
        for (table, object) in tables.zip(objects) {
            assert_eq!(object["rows"].as_array().unwrap().len(), table.rows.len());
            assert_eq!(
                object["rows"][0].as_object().unwrap().len(),
                table.columns.len() + usize::from(!table.rows[0].notes.is_empty())
            );
        }
    }
}

/// Terminals have no room for captions.
/// A terminal has no captions, and one line for all warnings.
fn is_left_out(section: &Section<'_>, text: &str) -> bool {
    section.unfolded().any(|block| match block {
        Block::Table(table) => {
            let mut notes = table.rows.iter().flat_map(|row| &row.notes);
            table.caption == text || notes.any(|note| matches!(note, Note::Warning(warning) if warning == text))
        }
        _ => false,
    })
}

#[test]
fn ids_of_sections_and_columns_are_unique() {
    let records = records();
    let found = sections(&records);
    let ids: std::collections::BTreeSet<&str> = found.iter().map(|section| section.id.as_str()).collect();
    assert_eq!(ids.len(), found.len());
    for block in found.iter().flat_map(Section::unfolded) {
        let Block::Table(table) = block else { continue };
        let ids: std::collections::BTreeSet<&str> = table.columns.iter().map(|column| column.id).collect();
        assert_eq!(ids.len(), table.columns.len(), "{ids:?}");
    }
}

#[test]
fn csv_tells_the_rungs_of_a_ladder_apart() {
    // The record of an earlier build repeats a cell of the browser's.
    let records = &records()[..3];
    let text = tare_report::csv(records).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headings = reader.headers().unwrap().clone();
    let run = headings.iter().position(|heading| heading == "round").unwrap();
    let rungs: std::collections::BTreeSet<Vec<String>> = reader
        .records()
        .map(|line| line.unwrap().iter().take(run).skip(1).map(str::to_owned).collect())
        .collect();
    let measured = records
        .iter()
        .flat_map(|record| &record.cells)
        .filter(|cell| cell.status == Status::Measured);
    assert_eq!(rungs.len(), measured.count());
}

/// HTML with a line for each element, so that a changed snapshot can be read.
fn lines(html: &str) -> String {
    let (text, _) = html.split_once("<section id=\"methodology\">").unwrap();
    let (_, text) = text.split_once("</style>").unwrap();
    // Dots and strokes stay on one line.
    text.replace("><", ">\n<")
        .replace("\n<circle", "<circle")
        .replace("\n</circle", "</circle")
        .replace("\n<line", "<line")
        .replace("\n</line", "</line")
}

#[test]
fn every_format_looks_as_it_did() {
    let records = records();
    assert!(!ladders(&records).is_empty(), "the snapshots hold a ladder");
    let markdown = markdown(&records);
    let (markdown, _) = markdown.split_once("## How this was measured").unwrap();
    insta::assert_snapshot!("html", lines(&Report::new(&records).fragment()));
    insta::assert_snapshot!("markdown", markdown);
    insta::assert_snapshot!("terminal", terminal(&records, 120));
    insta::assert_snapshot!("json", json(&records));
    let head: Vec<String> = tare_report::csv(&records)
        .unwrap()
        .lines()
        .take(20)
        .map(str::to_owned)
        .collect();
    insta::assert_snapshot!("csv", head.join("\n"));
}
