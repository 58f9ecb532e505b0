use tare_record::Record;

use super::terminal::is_invisible;
use crate::section::{Block, Note, Section, Table, Value};
use crate::sections::sections;

/// METHODOLOGY.md, below its title.
const METHODOLOGY: &str = include_str!("../../../../METHODOLOGY.md");

/// The whole report as Markdown (CommonMark with tables).
pub fn markdown(records: &[Record]) -> String {
    let mut text = String::from("# tare report\n");
    for section in sections(records) {
        text += &markdown_section(&section, 2);
    }
    text
}

/// A section as Markdown, under a heading of that level.
pub fn markdown_section(section: &Section<'_>, level: usize) -> String {
    let mut text = format!("\n{} {}\n", "#".repeat(level), escape(&section.title));
    for block in section.unfolded() {
        text.push('\n');
        text += &markdown_block(block);
    }
    text
}

/// A block as Markdown.
pub fn markdown_block(block: &Block<'_>) -> String {
    match block {
        Block::Verdict(text) => format!("**{}.**\n", escape(text)),
        Block::Finding { claim, rest, figures } => {
            let rest = if rest.is_empty() {
                String::new()
            } else {
                format!(" {}", escape(rest))
            };
            let figures = if figures.is_empty() {
                String::new()
            } else {
                format!("\n{}", list(figures))
            };
            format!("**{}.**{rest}\n{figures}", escape(claim))
        }
        Block::Text(text) => format!("{}\n", escape(text)),
        Block::Warning(text) => format!("> Warning: {}\n", escape(text)),
        Block::List(items) => list(items),
        Block::Warnings { summary, items } | Block::Collapsed { summary, items } => {
            format!("{}:\n\n{}", escape(summary), list(items))
        }
        Block::Fold { blocks, .. } => blocks.iter().map(markdown_block).collect::<Vec<_>>().join("\n"),
        Block::Table(data) => table(data),
        // The table and the sentences of its section hold the same.
        Block::Figure(figure) => format!("*{}*\n", escape(&figure.alternative)),
        Block::Methodology => {
            let (_, rules) = METHODOLOGY.split_once('\n').unwrap_or_default();
            rules.trim_start().replace("\n## ", "\n### ")
        }
    }
}

fn list(items: &[String]) -> String {
    items.iter().map(|item| format!("- {}\n", escape(item))).collect()
}

fn table(table: &Table) -> String {
    let line = |fields: Vec<String>| format!("| {} |\n", fields.join(" | "));
    let mut text = String::new();
    if !table.caption.is_empty() {
        text += &format!("{}\n\n", escape(&table.caption));
    }
    text += &line(table.columns.iter().map(|column| escape(column.heading)).collect());
    text += &format!("|{}\n", " --- |".repeat(table.columns.len()));
    for row in &table.rows {
        text += &line(row.values.iter().map(|value| escape(&value.to_string())).collect());
    }
    let notes: String = table
        .rows
        .iter()
        .flat_map(|row| notes(&row.values, &row.notes))
        .collect();
    if !notes.is_empty() {
        text.push('\n');
        text += &notes;
    }
    text
}

/// Tables have no room for notes, so they follow as a list.
fn notes(values: &[Value], notes: &[Note]) -> Vec<String> {
    let row: Vec<String> = values.iter().take(3).map(Value::to_string).collect();
    let row = escape(&row.join(", "));
    notes
        .iter()
        .map(|note| match note {
            Note::Failure(text) => format!("- {row}: {}\n", escape(text)),
            Note::Warning(text) => format!("- {row}: warning: {}\n", escape(text)),
        })
        .collect()
}

/// Text from records as it is: no markup, no line break, no control character.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' => escaped.extend(['\\', c]),
            c if c.is_control() || is_invisible(c) => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_records_is_text() {
        for (text, expected) in [
            ("a_b|c", "a\\_b\\|c"),
            ("<script>", "\\<script\\>"),
            ("one\ntwo\u{1b}[31m", "one two \\[31m"),
            ("a\u{202e}b\u{200b}", "a b "),
        ] {
            assert_eq!(escape(text), expected);
        }
    }
}
