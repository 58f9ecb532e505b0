use maud::{DOCTYPE, Markup, PreEscaped, html};
use tare_record::{Record, SelfCheck};

use super::style::{PAGE_STYLE, STYLE};
use super::svg::drawing;
use crate::figure::Figure;
use crate::section::{Block, Note, Section, Table, Value};
use crate::sections::sections;

/// METHODOLOGY.md as HTML. A test keeps it up to date.
const METHODOLOGY: &str = include_str!("methodology.html");

/// The whole report as one HTML file that makes no network request. `command` is what made it.
pub fn html(records: &[Record], command: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                title { "tare report" }
                style { (PreEscaped(PAGE_STYLE)) }
            }
            body {
                main {
                    (report(records))
                    footer class="tare" { p class="soft" { "Made by " code { (command) } } }
                }
            }
        }
    };
    page.into_string()
}

/// The report as an element to put into a page.
pub fn fragment(records: &[Record]) -> String {
    report(records).into_string()
}

fn report(records: &[Record]) -> Markup {
    html! {
        div class="tare" {
            style { (PreEscaped(STYLE)) }
            @for (number, part) in sections(records).iter().enumerate() { (section(part, number == 0)) }
        }
    }
}

fn section(section: &Section<'_>, is_first: bool) -> Markup {
    let heading = if is_first {
        html! { h1 { (section.title) } }
    } else {
        html! { h2 { (section.title) } }
    };
    let is_text = section.blocks == [Block::Methodology];
    html! {
        section id=(section.id) {
            @if is_text {
                details { summary { (heading) } @for part in &section.blocks { (block(part)) } }
            } @else {
                (heading)
                @for part in &section.blocks { (block(part)) }
            }
        }
    }
}

fn block(block: &Block<'_>) -> Markup {
    html! {
        @match block {
            Block::Verdict(text) => p class="verdict" { (text) "." },
            Block::Text(text) => p { (text) },
            Block::Warning(text) => p class="warning" { "Warning: " (text) },
            Block::List(items) => ul { @for item in items { li { (item) } } },
            Block::Collapsed { summary, items } => details { summary { (summary) } ul { @for item in items { li { (item) } } } },
            Block::Table(data) => (table(data)),
            Block::Figure(data) => (figure(data)),
            Block::Methodology => (PreEscaped(METHODOLOGY)),
        }
    }
}

fn table(table: &Table) -> Markup {
    let classes: Vec<Option<&str>> = (0..table.columns.len())
        .map(|column| table.is_number(column).then_some("number"))
        .collect();
    html! {
        div class="scroll" {
            table {
                @if !table.caption.is_empty() { caption { (table.caption) } }
                thead { tr { @for (column, class) in table.columns.iter().zip(&classes) { th scope="col" class=[class] { (column.heading) } } } }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (number, (value, class)) in row.values.iter().zip(&classes).enumerate() {
                                @if number == 0 { th scope="row" class=[class] { (value) } } @else { (cell(value, class)) }
                            }
                        }
                        @if !row.notes.is_empty() {
                            tr class="notes" { td colspan=(table.columns.len()) { @for note in &row.notes { (note_line(note)) } } }
                        }
                    }
                }
            }
        }
    }
}

fn cell(value: &Value, class: &Option<&str>) -> Markup {
    html! { td class=[class] { (value) } }
}

fn note_line(note: &Note) -> Markup {
    html! {
        @match note {
            Note::Failure(text) => pre class="failed" { (text) },
            Note::Warning(text) => p class="warning" { "Warning: " (text) },
        }
    }
}

fn figure(figure: &Figure<'_>) -> Markup {
    html! {
        figure {
            div class="scroll" {
                (drawing(figure))
            }
            figcaption class="soft" { (figure.caption) }
        }
    }
}

/// The self-test as a part of a page.
pub fn selftest(checks: &[SelfCheck]) -> String {
    html! {
        div class="tare" {
            style { (PreEscaped(STYLE)) }
            h2 { "Self-test" }
            div class="scroll" { table {
                thead { tr { th { "check" } th { "passed" } th { "details" } } }
                tbody {
                    @for check in checks {
                        tr {
                            th scope="row" { (check.name) }
                            td class=[(!check.passed).then_some("failed")] { @if check.passed { "yes" } @else { "no" } }
                            td style="white-space: pre-line" { (check.detail) }
                        }
                    }
                }
            } }
        }
    }
    .into_string()
}

impl maud::Render for Value {
    fn render_to(&self, buffer: &mut String) {
        self.to_string().render_to(buffer);
    }
}
