//! Reports: which cells may be compared, what the comparison says, and the result as HTML, Markdown, CSV and JSON.
//!
//! The page, the command line and the tests call the same functions, so that they cannot say different things.

mod chart;
mod format;
mod html;
mod kernels;
mod pairing;
mod series;
mod style;
mod text;

pub use format::{bytes, count, duration, ratio};
pub use html::{fragment, html, selftest};
pub use pairing::{Basis, Comparison, Pair, Refusal, compare};
pub use text::{csv, json, markdown, power_lines, terminal, verdict};
