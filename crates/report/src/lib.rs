//! Reports: which cells may be compared, what the comparison says, and the result in several formats.
//!
//! [`sections`] turns records into data; one small renderer for each format shows them, so that formats cannot say different things.

mod analysis;
mod figure;
mod first_visit;
mod machine_lines;
mod progress;
mod rate;
mod render;
mod section;
mod sections;

pub use analysis::agreement::Agreement;
pub use analysis::ladder::{Ladder, Step, ladders};
pub use analysis::pairing::{Basis, Comparison, Pair, Refusal, compare};
pub use analysis::step_kind::StepKind;
pub use analysis::verdict::verdict;
pub use analysis::yardstick::{YardstickPair, yardsticks};
pub use figure::{
    Axis, AxisOf, Chart, ChartLine, ChartPoint, Figure, FigureKind, FlamePart, Matrix, MatrixCell, MatrixRow, Parts,
    PartsRow, RatioRow, SampleRow, WaterfallRow,
};
pub use first_visit::{FIRST_VISIT_PLAN, PAGE_PLAN, in_words, kept_line, live, native_command};
pub use machine_lines::machine_lines;
pub use progress::{ended_line, progress_line, time_left};
pub use rate::RateOf;
pub use render::csv::csv;
pub use render::html::{html, html_with, selftest};
pub use render::json::json;
pub use render::markdown::{markdown, markdown_block, markdown_section};
pub use render::svg::svg;
pub use render::terminal::{printable, terminal, terminal_section};
pub use render::trace::trace;
pub use section::{Block, Column, Note, Rank, Row, Section, Table, Value};
pub use sections::{Report, sections, slower};
pub use tare_findings::format::{bytes, count, duration, ratio};
pub use tare_findings::labels::configuration;
