//! Statistics of samples: quantiles, intervals, and changes over the course of a series. Every
//! function is defined for every input, including empty, short, constant and infinite series.

mod autocorrelation;
mod bootstrap;
mod line;
pub(crate) mod noise;
mod outliers;
mod paired;
mod quantile;
mod rounds;
mod steady_state;
mod trend;

pub use autocorrelation::{autocorrelation_time, effective_count};
pub use bootstrap::{Estimate, median_estimate, more_needed, ratio_estimate};
pub use line::{Line, line_estimate};
pub use outliers::{modified_z_scores, outlier_count};
pub use paired::{PAIRS_NEEDED, paired_ratio};
pub use quantile::{median, quantile};
pub use rounds::{rounds_estimate, rounds_ratio};
pub use steady_state::{SteadyState, steady_state};
pub use trend::trend;
