use maud::{DOCTYPE, Markup, PreEscaped, html};
use tare_record::{Record, SelfCheck};

use super::sample_plot::sample_plot;
use super::style::{PAGE_STYLE, PARTS, STYLE};
use super::svg::on_page;
use crate::figure::{Figure, SampleRow};
use crate::section::{Block, Note, Rank, Section, Table, Value};
use crate::sections::Report;
use tare_findings::labels;

/// METHODOLOGY.md as HTML. A test keeps it up to date.
const METHODOLOGY: &str = include_str!("methodology.html");

/// Sorts, filters and compares. A test keeps the hash up to date, which lets this script run and no other.
const SCRIPT: &str = include_str!("report.js");
const SCRIPT_HASH: &str = "sha256-659l2pJo5COfpM1qFJo5z9J0rO18UMznqCNslBcCTvk=";

/// A text column whose texts have fewer characters is not broken into lines.
const SHORT: usize = 40;

/// Rows of a table and items of a list at most, so that a browser shows the page at once.
const MOST: usize = 250;

/// What a part of a page shows instead: the example report of the page has the whole text.
const LINK_TO_METHODOLOGY: &str = "<p><a href=\"example.html#methodology\">How this was measured</a></p>";

/// The whole report as one HTML file that makes no network request. `command` is what made it.
pub fn html(records: &[Record], command: &str) -> String {
    html_with(records, command, METHODOLOGY, SCRIPT)
}

/// The same for programs that do not hold METHODOLOGY.md as HTML and the report's script, but fetch both.
pub fn html_with(records: &[Record], command: &str, methodology: &str, script: &str) -> String {
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src '{SCRIPT_HASH}'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(policy);
                title { "tare report" }
                style { (PreEscaped(PAGE_STYLE)) }
            }
            body {
                main {
                    (report(records, &Report::new(records).sections(), methodology))
                    footer class="tare" { p class="soft" { "Made by " code { (command) } } }
                }
                script { (PreEscaped(script)) }
            }
        }
    };
    page.into_string()
}

impl Report<'_> {
    /// The report as an element to put into a page.
    pub fn fragment(&self) -> String {
        report(self.records(), &self.sections(), LINK_TO_METHODOLOGY).into_string()
    }

    /// Its answer alone, which is there before the rest.
    pub fn answer(&self) -> String {
        report(self.records(), &self.answers(), LINK_TO_METHODOLOGY).into_string()
    }
}

fn report(records: &[Record], sections: &[Section<'_>], methodology: &str) -> Markup {
    let groups: Vec<&[Section<'_>]> = sections
        .chunk_by(|a, b| a.group.is_some() && a.group == b.group)
        .collect();
    html! {
        div class="tare" {
            style { (PreEscaped(STYLE)) (PreEscaped(PARTS)) }
            @for (number, group) in groups.iter().enumerate() {
                @match group {
                    [one] if one.rank == Rank::Answer => section id=(one.id) {
                        @if number == 0 {
                            h1 { (one.title) }
                            p class="soft" { (subject(records)) }
                            (contents(&groups[1..]))
                        } @else {
                            h2 { (one.title) }
                        }
                        (blocks(&one.blocks, methodology))
                    },
                    [one] if one.group.is_none() => (folded(&one.id, html! { h2 { (one.title) } }, &blocks(&one.blocks, methodology))),
                    several => (folded(&group_id(several), html! { h2 { (heading(several)) } }, &html! {
                        @for one in several.iter() { (folded(&one.id, html! { h3 { (one.title) } }, &blocks(&one.blocks, methodology))) }
                    })),
                }
            }
        }
    }
}

/// What was measured, where and when.
fn subject(records: &[Record]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut push = |part: String| {
        if !part.is_empty() && !parts.contains(&part) {
            parts.push(part);
        }
    };
    for record in records {
        push(labels::environment(&record.machine));
    }
    for record in records {
        let machine = &record.machine;
        let cpu = machine.native.as_ref().map(|native| native.cpu.clone());
        push(cpu.unwrap_or_else(|| machine.os.clone()));
        push(format!("{} cores", machine.logical_cores));
        push(record.created.split('T').next().unwrap_or_default().to_owned());
    }
    parts.join(" \u{b7} ")
}

/// Links to all that can be opened.
fn contents(groups: &[&[Section<'_>]]) -> Markup {
    html! {
        nav aria-label="Contents" {
            ul {
                @for group in groups {
                    @let id = if group[0].group.is_some() { group_id(group) } else { group[0].id.clone() };
                    li { a href=(format!("#{id}")) { (heading(group)) } }
                }
            }
        }
    }
}

/// The heading over a section or a group of them.
fn heading<'a>(group: &'a [Section<'_>]) -> &'a str {
    group[0].group.unwrap_or(&group[0].title)
}

fn group_id(group: &[Section<'_>]) -> String {
    heading(group)
        .to_lowercase()
        .replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

/// The id is inside, because a browser opens what holds the target of a link.
fn folded(id: &str, heading: Markup, content: &Markup) -> Markup {
    html! { details class="fold" { summary { (heading) } section id=(id) { (content) } } }
}

fn blocks(blocks: &[Block<'_>], methodology: &str) -> Markup {
    html! {
        @for part in blocks { (block(part, methodology)) }
    }
}

fn block(block: &Block<'_>, methodology: &str) -> Markup {
    html! {
        @match block {
            Block::Verdict(text) => p class="verdict" { (text) "." },
            Block::Finding { claim, rest, figures } => details class="finding" {
                summary { (claim) "." }
                @if !rest.is_empty() { p { (rest) } }
                (list(figures))
            },
            Block::Text(text) => p { (text) },
            Block::Warning(text) => p class="warning" { "Warning: " (text) },
            Block::Warnings { summary, items } => details class="warning" { summary { (summary) } (list(items)) },
            Block::List(items) => (list(items)),
            Block::Collapsed { summary, items } => details { summary { (summary) } (list(items)) },
            Block::Fold { summary, blocks: inner } => details { summary { (summary) } (blocks(inner, methodology)) },
            Block::Table(data) => (table(data)),
            Block::Figure(data) => (figure(data)),
            Block::Methodology => (PreEscaped(methodology)),
        }
    }
}

fn list(items: &[String]) -> Markup {
    html! {
        ul { @for item in items.iter().take(MOST) { li { (item) } } }
        (rest(items.len(), "items"))
    }
}

fn table(table: &Table) -> Markup {
    let classes: Vec<Option<&str>> = (0..table.columns.len())
        .map(|column| {
            let shown = table.rows.iter().take(MOST);
            let longest = shown.map(|row| row.values[column].to_string().chars().count()).max();
            match longest {
                _ if table.is_number(column) => Some("number"),
                Some(longest) if longest <= SHORT => Some("short"),
                _ => None,
            }
        })
        .collect();
    html! {
        div class="scroll" tabindex="0" {
            table {
                @if !table.caption.is_empty() { caption { (table.caption) } }
                thead { tr { @for (column, class) in table.columns.iter().zip(&classes) { th scope="col" class=[class] { (column.heading) } } } }
                tbody {
                    @for row in table.rows.iter().take(MOST) {
                        tr {
                            @for (number, (value, class)) in row.values.iter().zip(&classes).enumerate() {
                                @if number == 0 { th scope="row" class=[class] { (value) } } @else { (cell(value, class)) }
                            }
                        }
                        @if !row.notes.is_empty() {
                            tr class="notes" { td colspan=(table.columns.len()) { (note_lines(&row.notes)) } }
                        }
                    }
                }
            }
        }
        (rest(table.rows.len(), "rows"))
    }
}

/// Says what is not shown.
fn rest(count: usize, things: &str) -> Markup {
    html! {
        @if count > MOST { p { "Only " (MOST) " of " (count) " " (things) " are shown. The report as JSON has all." } }
    }
}

/// A value, with its number for the script.
fn cell(value: &Value, class: &Option<&str>) -> Markup {
    let (number, interval) = match *value {
        Value::Missing | Value::Text(_) => (None, None),
        Value::Count(count) | Value::Bytes(count) => (Some(count as f64), None),
        Value::Duration(number)
        | Value::Ratio(number)
        | Value::Share(number)
        | Value::Rate(_, number)
        | Value::Scientific(number) => (Some(number), None),
        Value::DurationInterval(low, high) => (Some(low), Some((low, high))),
        Value::RatioInterval(low, _) | Value::RateInterval(_, low, _) => (Some(low), None),
    };
    // More digits than anybody compares.
    let digits = |number: f64| format!("{number:.5e}");
    let [low, high] = [interval.map(|(low, _)| low), interval.map(|(_, high)| high)].map(|end| end.map(digits));
    html! { td class=[class] data-n=[number.map(digits)] data-low=[low] data-high=[high] { (value) } }
}

/// Failures, and warnings under a line that counts them.
fn note_lines(notes: &[Note]) -> Markup {
    let of_warning = |note: &Note| match note {
        Note::Warning(text) => Some(text.clone()),
        Note::Failure(_) => None,
    };
    let warnings: Vec<String> = notes.iter().filter_map(of_warning).collect();
    html! {
        @for note in notes {
            @if let Note::Failure(text) = note { pre class="failed" { (text) } }
        }
        @match warnings.as_slice() {
            [] => {},
            [one] => p class="warning" { "Warning: " (one) },
            several => details class="warning" { summary { (several.len()) " warnings" } (list(several)) },
        }
    }
}

fn figure(figure: &Figure<'_>) -> Markup {
    html! {
        figure {
            (on_page(figure))
            figcaption class="soft" { (figure.caption) }
        }
    }
}

/// Samples that were taken so far, as a part of a page. Empty without any.
pub(crate) fn samples_so_far(rows: &[SampleRow<'_>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    html! {
        div class="tare" {
            style { (PreEscaped(STYLE)) }
            (sample_plot(rows).on_page("Samples so far"))
        }
    }
    .into_string()
}

/// The self-test as a part of a page.
pub fn selftest(checks: &[SelfCheck]) -> String {
    html! {
        div class="tare" {
            style { (PreEscaped(STYLE)) }
            h2 { "Self-test" }
            div class="scroll" tabindex="0" { table {
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
