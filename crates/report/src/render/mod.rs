//! The sections in several formats.

mod chart;
pub(crate) mod csv;
mod flame;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod markdown;
mod matrix;
mod parts_plot;
mod ratios;
mod rows;
mod sample_plot;
mod series_plot;
mod style;
pub(crate) mod svg;
pub(crate) mod terminal;
mod terminal_bars;
pub(crate) mod trace;
mod waterfall;
