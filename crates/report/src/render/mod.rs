//! The sections in several formats.

mod chart;
pub(crate) mod csv;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod markdown;
mod sample_plot;
mod style;
pub(crate) mod svg;
pub(crate) mod terminal;
pub(crate) mod trace;
mod waterfall;
