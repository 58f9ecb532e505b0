//! Reports: which cells may be compared, what the comparison says, and the result as HTML, Markdown, CSV and JSON.
//!
//! The page, the command line and the tests call the same functions, so that they cannot say different things.

mod adapters;
mod agreement;
mod boundary;
mod cause;
mod chart;
mod device;
mod environment;
mod export;
mod format;
mod headlines;
mod html;
mod kernels;
mod ladder;
mod ledger;
mod pairing;
mod power;
mod progress;
mod responsiveness;
mod series;
mod style;
mod text;
mod waterfall;

pub use cause::Cause;
pub use export::{csv, json, markdown};
pub use format::{bytes, count, duration, ratio};
pub use html::{fragment, html, selftest};
pub use ladder::{Ladder, Step, ladders};
pub use pairing::{Basis, Comparison, Pair, Refusal, compare};
pub use power::power_lines;
pub use progress::progress;
pub use text::{rung, terminal, verdict};
