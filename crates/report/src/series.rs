use tare_core::stats::{Estimate, Shape, median_estimate, outlier_count, quantile, shape, trend};
use tare_record::{Cell, ClockFacts, Warning, WarningKind};

/// A trend that is smaller than this over the whole run is no news.
const SMALL_TREND: f64 = 0.02;

/// So many outliers among so many samples are told.
const MANY_OUTLIERS: (usize, usize) = (1, 20);

/// A percentile with fewer samples beyond it says little more than the largest sample.
const LEAST_BEYOND: f64 = 4.999;

/// Length of one run in nanoseconds, for each sample.
pub(crate) fn run_ns(cell: &Cell) -> Vec<f64> {
    let runs = f64::from(cell.runs_per_sample.max(1));
    cell.samples_ns.iter().map(|&ns| ns as f64 / runs).collect()
}

/// What the samples of a cell say, with the clock that took them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    /// Length of one run in nanoseconds, for each sample after those that still warmed up.
    pub(crate) steady_ns: Vec<f64>,
    /// How wrong the clock's steps may make the length of one run, in nanoseconds.
    step_ns: f64,
    runs_per_sample: u32,
    /// What a reader must know beside its figures.
    pub(crate) warnings: Vec<Warning>,
}

impl Series {
    pub(crate) fn new(cell: &Cell, clock: &ClockFacts) -> Self {
        let all = run_ns(cell);
        let place = cell.rung.environment;
        let count = all.len();
        let mut warnings = Vec::new();
        let mut warn = |kind, message| warnings.push(Warning { kind, message });
        let mut from = 0;
        match shape(&all) {
            Shape::Flat => {}
            Shape::WarmUp { steady_from } => {
                from = steady_from;
                warn(
                    WarningKind::NotSteady,
                    format!("{place}: the first {from} of {count} samples were slower and are left out of the figures"),
                );
            }
            Shape::SlowDown => warn(
                WarningKind::NotSteady,
                format!(
                    "{place}: runs became slower while they were measured: cool the machine down, close other programs, repeat"
                ),
            ),
            Shape::NoSteadyState => warn(
                WarningKind::NotSteady,
                format!("{place}: runs still changed their length when measuring ended: measure for longer"),
            ),
        }
        let steady_ns = all[from..].to_vec();
        if let Some(change) = trend(&steady_ns).filter(|change| change.abs() >= SMALL_TREND) {
            warn(
                WarningKind::Trend,
                format!(
                    "{place}: the length of a run drifted by {:+.0} % from the first sample to the last",
                    change * 100.0
                ),
            );
        }
        let outliers = outlier_count(&steady_ns);
        if outliers * MANY_OUTLIERS.1 > steady_ns.len() * MANY_OUTLIERS.0 {
            warn(
                WarningKind::Outliers,
                format!(
                    "{place}: {outliers} of {} samples are outliers; none is left out",
                    steady_ns.len()
                ),
            );
        }
        Self {
            steady_ns,
            runs_per_sample: cell.runs_per_sample,
            step_ns: clock.granularity_ns as f64 / f64::from(cell.runs_per_sample.max(1)),
            warnings,
        }
    }

    /// Median of one run in nanoseconds, with a 95 % interval that holds the clock's steps.
    pub(crate) fn median(&self) -> Option<Estimate> {
        let estimate = median_estimate(&self.steady_ns)?;
        Some(Estimate {
            value: estimate.value,
            low: (estimate.low - self.step_ns).max(0.0),
            high: estimate.high + self.step_ns,
        })
    }

    /// The run length that a share `p` of all runs does not exceed, in nanoseconds: only where at least five samples
    /// lie beyond it, and each is one run.
    pub(crate) fn percentile(&self, p: f64) -> Option<f64> {
        let beyond = self.steady_ns.len() as f64 * (1.0 - p);
        if self.runs_per_sample > 1 || beyond < LEAST_BEYOND {
            return None;
        }
        let mut sorted = self.steady_ns.clone();
        sorted.sort_by(f64::total_cmp);
        quantile(&sorted, p)
    }

    /// How wrong the clock's steps may make the median, as a share of it.
    pub(crate) fn step_share(&self) -> f64 {
        self.median().map_or(0.0, |median| self.step_ns / median.value)
    }
}
