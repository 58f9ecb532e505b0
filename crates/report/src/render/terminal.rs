use comfy_table::{CellAlignment, ContentArrangement, presets};
use tare_record::Record;

use super::terminal_bars::waterfall;
use crate::figure::{Figure, FigureKind};
use crate::section::{Block, Note, Rank, Section, Table, Value};
use crate::sections::sections;

/// The report as plain text of at most `width` columns: every section but details, which are named. What was found comes last, because
/// that is where a reader of a terminal looks.
pub fn terminal(records: &[Record], width: u16) -> String {
    let sections = sections(records);
    let (details, main): (Vec<_>, Vec<_>) = sections.iter().partition(|section| section.rank == Rank::Detail);
    let is_answer = |section: &&Section<'_>| ["findings", "summary"].contains(&section.id.as_str());
    let (answers, others): (Vec<_>, Vec<_>) = main.into_iter().partition(is_answer);
    let mut text = String::new();
    for section in others {
        text += &terminal_section(section, width);
    }
    let titles: Vec<&str> = details.iter().map(|section| section.title.as_str()).collect();
    text += &wrapped(
        &format!("More in a report as HTML, Markdown or JSON: {}.", titles.join(", ")),
        "",
        width,
    );
    text.push('\n');
    for section in answers.into_iter().rev() {
        text += &terminal_section(section, width);
    }
    text
}

/// A section as plain text of at most `width` columns.
pub fn terminal_section(section: &Section<'_>, width: u16) -> String {
    let title = printable(&section.title);
    let mut text = format!("{title}\n{}\n", "=".repeat(title.chars().count()));
    for block in section.unfolded() {
        text += &match block {
            Block::Verdict(line) => wrapped(&format!("{line}."), "", width),
            Block::Finding { claim, rest, .. } => wrapped(format!("{claim}. {rest}").trim_end(), "", width),
            Block::Text(line) => wrapped(line, "", width),
            Block::Warning(line) => wrapped(&format!("warning: {line}"), "", width),
            Block::Warnings { summary, items } => match items.as_slice() {
                [one] => wrapped(&format!("warning: {one}"), "", width),
                _ => wrapped(&format!("{summary}. The report as HTML lists them."), "", width),
            },
            Block::List(items) => items.iter().map(|item| wrapped(item, "- ", width)).collect(),
            Block::Collapsed { summary, .. } => wrapped(summary, "- ", width),
            Block::Table(data) => table(data, width),
            Block::Figure(Figure {
                kind: FigureKind::Waterfall(rows),
                ..
            }) => waterfall(rows).iter().map(|line| printable(line) + "\n").collect(),
            // The table and the sentences of its section hold the same.
            Block::Figure(_) | Block::Fold { .. } | Block::Methodology => continue,
        };
    }
    text.push('\n');
    text
}

fn table(table: &Table, width: u16) -> String {
    let mut drawn = comfy_table::Table::new();
    drawn
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width)
        .set_header(table.columns.iter().map(|column| column.heading));
    for row in &table.rows {
        drawn.add_row(row.values.iter().map(|value| printable(&value.to_string())));
    }
    for (column, drawn) in drawn.column_iter_mut().enumerate() {
        if table.is_number(column) {
            drawn.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text: String = drawn.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    for row in &table.rows {
        let place: Vec<String> = row.values.iter().take(3).map(Value::to_string).collect();
        for note in &row.notes {
            // The summary counts warnings.
            let Note::Failure(reason) = note else { continue };
            text += &wrapped(&format!("{}: {reason}", place.join(", ")), "  ", width);
        }
    }
    text
}

/// A paragraph, its first line after `prefix` and the others below it.
fn wrapped(paragraph: &str, prefix: &str, width: u16) -> String {
    let indent = " ".repeat(prefix.chars().count());
    let options = textwrap::Options::new(usize::from(width).max(20))
        .initial_indent(prefix)
        .subsequent_indent(&indent);
    textwrap::fill(&printable(paragraph), options) + "\n"
}

/// Whether a character is not seen, or turns the order of others around, so that text reads as something else
/// (<https://trojansource.codes>).
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Text from elsewhere without control characters, which a terminal would obey, and without invisible ones.
pub fn printable(text: &str) -> String {
    text.chars()
        .filter(|&c| c != '\r')
        .map(|c| {
            if (c.is_control() && !"\n\t".contains(c)) || is_invisible(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\r\n\tc"), "a\u{fffd}[2Jb\n\tc");
    }
}
