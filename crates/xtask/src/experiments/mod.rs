//! Experiments about the measurements themselves, whose figures METHODOLOGY.md gives.

mod coverage;
mod freshness;
mod repeated;

pub(crate) use coverage::coverage;
pub(crate) use freshness::freshness;
