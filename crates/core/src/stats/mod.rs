//! Statistics of samples: quantiles, and intervals by the bootstrap.

mod bootstrap;
mod quantile;

pub use bootstrap::{Estimate, median_estimate, ratio_estimate};
pub use quantile::{median, quantile};
