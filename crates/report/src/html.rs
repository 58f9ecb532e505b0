use maud::{DOCTYPE, Markup, PreEscaped, html};
use tare_record::{Cell, Record, SelfCheck, Warning};

use crate::environment::environment;
use crate::headlines::{self, is_short, sentences};
use crate::kernels::kernels;
use crate::ladder::{Ladder, ladders};
use crate::pairing::{Comparison, Pair, compare};
use crate::series::Series;
use crate::style::{PAGE_STYLE, STYLE};
use crate::text::{cell_rows, memory_rows, place, rung, stage_rows, stage_verdicts, status, subject, verdict};
use crate::{boundary, chart, device, format, ledger, responsiveness, waterfall};

/// The whole report as one HTML file, which asks nothing of any network. `command` is what made it.
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
                    (content(records))
                    footer class="tare" { p class="soft" { "Made by " code { (command) } } }
                }
            }
        }
    };
    page.into_string()
}

/// The report as an element to put into a page.
pub fn fragment(records: &[Record]) -> String {
    content(records).into_string()
}

fn content(records: &[Record]) -> Markup {
    let comparison = compare(records);
    let ladders = &ladders(records);
    html! {
        div class="tare" {
            style { (PreEscaped(STYLE)) }
            h1 { "What does the browser cost?" }
            (summary(records, &comparison, ladders))
            @for ladder in ladders { (ladder_section(ladder, is_short(&comparison))) }
            @for pair in &comparison.pairs { (pair_section(pair)) }
            (cells(records))
            (stages(records))
            (memory(records))
            (table(device::TITLE, device::CAPTION, &device::HEADINGS, 3, &device::rows(records)))
            (kernels(records))
            (table(ledger::TITLE, ledger::CAPTION, &ledger::headings(records), 3, &ledger::rows(records)))
            (table(boundary::TITLE, boundary::CAPTION, &boundary::HEADINGS, 1, &boundary::rows(records)))
            (table(responsiveness::TITLE, responsiveness::CAPTION, &responsiveness::HEADINGS, 3, &responsiveness::rows(records)))
            (outputs(records))
            @for (number, record) in records.iter().enumerate() { (environment(number + 1, record)) }
            (method())
        }
    }
}

/// The self-test as a part of a page.
pub fn selftest(checks: &[SelfCheck]) -> String {
    html! {
        div class="tare" {
            style { (PreEscaped(STYLE)) }
            h2 { "Known truths in this browser" }
            div class="scroll" { table {
                thead { tr { th { "truth" } th { "came out" } th { "figures" } } }
                tbody {
                    @for check in checks {
                        tr {
                            th scope="row" { (check.name) }
                            td class=[(!check.passed).then_some("failed")] { @if check.passed { "right" } @else { "wrong" } }
                            td { (check.detail) }
                        }
                    }
                }
            } }
        }
    }
    .into_string()
}

fn summary(records: &[Record], comparison: &Comparison<'_>, ladders: &[Ladder<'_>]) -> Markup {
    html! {
        @if records.is_empty() { p { "There is no record." } }
        @if is_short(comparison) {
            @for line in sentences(comparison, ladders) { p class="verdict" { (line) "." } }
        } @else {
            (table("", headlines::CAPTION, &headlines::HEADINGS, 3, &headlines::rows(comparison)))
        }
        @for record in records {
            @for warning in &record.warnings { p class="warning" { "Warning, " (record.machine.kind.to_string()) ": " (warning.message) } }
        }
        @if comparison.pairs.is_empty() {
            p { "Nothing can be compared yet: a comparison needs a record of " code { "tare run" } " and one of a browser, of the same models and inputs." }
        }
        @if !comparison.refusals.is_empty() {
            h2 { "Not compared" }
            ul { @for refusal in &comparison.refusals { li { (refusal.subject) ": " (refusal.reason) } } }
        }
    }
}

/// `is_told` is whether the report began with the ladder's sentence.
fn ladder_section(ladder: &Ladder<'_>, is_told: bool) -> Markup {
    let first = ladder.rungs[0];
    html! {
        section {
            h2 { "Why " (first.model.name) " on " (first.engine.name) " takes as long as it does" }
            @if !is_told { p { (ladder.sentence()) "." } }
            p { "The gap is these factors, multiplied. One below 1x makes it smaller. Threads are taken away first and, where the browser has them, given back last, so that what lies between is compared on one." }
            ul { @for factor in ladder.factors() { li { (factor) } } }
            div class="scroll" { (waterfall::waterfall(ladder)) }
            (table(
                "",
                "Every rung computed the same: model, inputs and load pattern are equal by SHA-256, and every output was verified. The product of the factors is the whole gap. Vector instructions, widest first: amx and avx512 with 512 bits, fma with 256 bits and a multiply-add in one step, sse2 and wasm's simd with 128 bits; neon and wasm's relaxed SIMD with 128 bits and multiply-add.",
                &Ladder::HEADINGS,
                2,
                &ladder.rows(),
            ))
            @if let Some(note) = ladder.note() { p class="soft" { (note) "." } }
        }
    }
}

fn pair_section(pair: &Pair<'_>) -> Markup {
    html! {
        section {
            h2 { (subject(pair)) ": native and " (place(pair)) }
            p { (verdict(pair)) "." }
            @if !pair.stages.is_empty() { ul { @for stage in stage_verdicts(pair) { li { (stage) } } } }
            p class="soft" { "Native: " (rung(pair.native)) ". Compared with: " (rung(pair.other)) ". " (sameness(pair)) }
            (warnings(&pair.warnings))
            div class="scroll" { (chart::samples(pair)) }
            p class="soft" { "Every dot is a sample; the tall line is the median and the thick one below it its 95 % interval." }
        }
    }
}

/// Why both sides are known to have computed the same.
fn sameness(pair: &Pair<'_>) -> String {
    let across = match pair.difference {
        Some(0.0) => "; the up to 64 elements of each output that both records hold are equal".to_owned(),
        Some(difference) => {
            format!(
                "; the up to 64 elements of each output that both records hold differ by at most {difference:.1e} of the largest"
            )
        }
        None => String::new(),
    };
    format!(
        "Both computed the same: model, inputs and load pattern are equal by SHA-256, and every output was compared with a reference computed beside it{across}."
    )
}

fn warnings(warnings: &[Warning]) -> Markup {
    html! {
        @if !warnings.is_empty() {
            ul { @for warning in warnings { li class="warning" { "Warning: " (warning.message) } } }
        }
    }
}

fn all_cells(records: &[Record]) -> impl Iterator<Item = &Cell> {
    records.iter().flat_map(|record| &record.cells)
}

/// Warnings of every cell: its own, and those of its samples.
fn notes(records: &[Record]) -> Vec<Vec<Warning>> {
    let cells = records
        .iter()
        .flat_map(|record| record.cells.iter().map(|cell| (cell, &record.clock)));
    cells
        .map(|(cell, clock)| [cell.warnings.clone(), Series::new(cell, clock).warnings].concat())
        .collect()
}

fn cells(records: &[Record]) -> Markup {
    html! {
        h2 { "All cells" }
        div class="scroll" {
            table {
                caption { "Time of one run with its output read back. The interval is that of the median, over rounds; percentiles are those of samples. Every sample is kept in the record. A percentile is shown where at least five samples lie beyond it." }
                thead { tr {
                    th { "model" } th { "engine" } th { "where" } th { "status" }
                    th class="number" { "median" } th class="number" { "95 % interval" }
                    th class="number" { "p95" } th class="number" { "p99" } th class="number" { "samples" }
                } }
                tbody {
                    @for ((cell, notes), [model, engine, place, word, median, interval, p95, p99, samples]) in all_cells(records).zip(notes(records)).zip(cell_rows(records)) {
                        tr {
                            th scope="row" { (model) } td { (engine) } td { (place) }
                            td class=[(word != "measured").then_some("failed")] {
                                (word)
                                @if let Some(reason) = status(&cell.status).1 { pre { (reason) } }
                                (warnings(&notes))
                            }
                            td class="number" { (median) } td class="number" { (interval) }
                            td class="number" { (p95) } td class="number" { (p99) } td class="number" { (samples) }
                        }
                    }
                }
            }
        }
    }
}

fn stages(records: &[Record]) -> Markup {
    table(
        "Stages",
        "Parts of a run of several networks, and what an application does on the host with the outputs: the same Rust code everywhere.",
        &[
            "model",
            "engine",
            "where",
            "stage",
            "of a run",
            "median",
            "95 % interval",
            "results",
        ],
        5,
        &stage_rows(records),
    )
}

fn memory(records: &[Record]) -> Markup {
    table(
        "Memory",
        "The most that a process held, or that a wasm module's memory grew to, with loading, runs and verification; as a multiple of the model, and of what the native process of the same engine and number of threads held, program and libraries with it. What the browser counts of scripts in page and worker together, where it tells: without the modules' memory in Chromium.",
        &[
            "model",
            "engine",
            "where",
            "size of the model",
            "at its peak",
            "of the model",
            "of native",
            "scripts",
            "on the device",
        ],
        3,
        &memory_rows(records),
    )
}

/// A table whose first columns, so many, are text and the others figures; nothing without rows.
fn table(title: &str, caption: &str, headings: &[&str], texts: usize, rows: &[impl AsRef<[String]>]) -> Markup {
    let class = |column: usize| (column >= texts).then_some("number");
    html! {
        @if !rows.is_empty() {
            @if !title.is_empty() { h2 { (title) } }
            div class="scroll" {
                table {
                    caption { (caption) }
                    thead { tr { @for (column, heading) in headings.iter().enumerate() { th class=[class(column)] { (heading) } } } }
                    tbody {
                        @for row in rows {
                            tr {
                                @for (column, field) in row.as_ref().iter().enumerate() {
                                    @if column == 0 { th scope="row" { (field) } } @else { td class=[class(column)] { (field) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn outputs(records: &[Record]) -> Markup {
    html! {
        h2 { "What was computed" }
        div class="scroll" {
            table {
                caption { "Distance of the outputs from the reference: what tract computed on the CPU in the same run and environment, or burn-flex where tract could not, which the cell then says. On one thread tract is compared with itself, so that its rows tell nothing but that it repeats itself: that other environments computed the same is told where native and browser are compared. Allowed is the largest difference as a share of the reference's largest element; a cell that exceeds it fails. Small elements may be many units in the last place away and yet agree." }
                thead { tr {
                    th { "model" } th { "engine" } th { "where" } th { "output" }
                    th class="number" { "largest difference" } th class="number" { "share of largest" } th class="number" { "allowed" } th class="number" { "largest relative" } th { "units in the last place" } th { "largest elements" }
                } }
                tbody {
                    @for cell in all_cells(records) {
                        @for output in cell.verification.iter().flat_map(|verification| &verification.outputs) {
                            tr {
                                th scope="row" { (cell.model.name) } td { (cell.engine.name.as_str()) } td { (rung(cell)) }
                                td { (output.tensor.name) " " (output.tensor.dtype.to_string()) " " (format!("{:?}", output.tensor.shape)) }
                                td class="number" { (format!("{:.2e}", output.drift.max_abs)) }
                                td class="number" { (format!("{:.2e}", output.drift.max_scaled)) }
                                td class="number" { (format!("{:.0e}", allowed(cell))) }
                                td class="number" { (format!("{:.2e}", output.drift.max_relative)) }
                                td { (format::ulps(&output.drift.ulp_counts)) }
                                td { (format!("{:?}", output.top)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn allowed(cell: &Cell) -> f64 {
    cell.verification
        .as_ref()
        .map_or(0.0, |verification| verification.tolerance)
}

/// METHODOLOGY.md as HTML; a test makes it and keeps it true.
const METHODOLOGY: &str = include_str!("methodology.html");

fn method() -> Markup {
    html! {
        details {
            summary { h2 { "How this was measured" } }
            (PreEscaped(METHODOLOGY))
        }
    }
}
