use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use tare_core::stats::{Estimate, SteadyState, outlier_count, quantile, rounds_estimate, trend};
use tare_core::steady_rounds;
use tare_record::{Cell, ClockInfo, Warning, WarningKind};

use tare_findings::labels;

/// A trend that is smaller than this over the whole run is no news.
const SMALL_TREND: f64 = 0.02;

/// So many outliers among so many samples are told.
const MANY_OUTLIERS: (usize, usize) = (1, 20);

/// A percentile with fewer samples beyond it says little more than the largest sample.
const LEAST_BEYOND: f64 = 4.999;

/// What the samples of a cell say, with the clock that took them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    /// Length of one run in nanoseconds, for each sample of each round after those that still warmed up.
    pub(crate) steady_ns: Vec<Vec<f64>>,
    /// Number of each round in its run.
    numbers: Vec<usize>,
    /// How wrong the clock's steps may make the length of one run, in nanoseconds.
    step_ns: f64,
    runs_per_sample: u32,
    /// Where it was measured, in words.
    place: String,
    /// What each round did, and how many of its samples are left out. Empty for requests, whose waiting times scatter by
    /// their nature.
    courses: Vec<(SteadyState, usize)>,
    /// Once it was asked for.
    median: OnceCell<Option<Estimate>>,
    /// Once they were asked for.
    warnings: OnceCell<Vec<Warning>>,
}

/// The series of cells, each computed when it is first asked for: many sections show the same ones.
#[derive(Debug, Default)]
pub(crate) struct KnownSeries<'a> {
    /// Keyed by the cell's address. The reference in the value keeps the key valid.
    by_cell: RefCell<HashMap<*const Cell, (&'a Cell, Rc<Series>)>>,
}

impl<'a> KnownSeries<'a> {
    /// What the samples of a cell say, with the clock that took them.
    pub(crate) fn of(&self, cell: &'a Cell, clock: &ClockInfo) -> Rc<Series> {
        let mut by_cell = self.by_cell.borrow_mut();
        let known = by_cell.entry(std::ptr::from_ref(cell));
        let (_, series) = known.or_insert_with(|| (cell, Rc::new(Series::new(cell, clock))));
        Rc::clone(series)
    }
}

impl Series {
    pub(crate) fn new(cell: &Cell, clock: &ClockInfo) -> Self {
        let rounds = steady_rounds(cell);
        let courses = match cell.load.requests {
            None => rounds.iter().map(|round| (round.state, round.left_out)).collect(),
            Some(_) => vec![],
        };
        let (numbers, steady_ns) = rounds.into_iter().map(|round| (round.number, round.runs_ns)).unzip();
        Self {
            steady_ns,
            numbers,
            runs_per_sample: cell.runs_per_sample,
            step_ns: clock.granularity_ns as f64 / f64::from(cell.runs_per_sample.max(1)),
            place: labels::place(cell).to_owned(),
            courses,
            median: OnceCell::new(),
            warnings: OnceCell::new(),
        }
    }

    /// What a reader must know beside its figures.
    pub(crate) fn warnings(&self) -> &[Warning] {
        self.warnings.get_or_init(|| match self.courses.is_empty() {
            true => vec![],
            false => warnings(&self.place, &self.courses, &self.steady_ns),
        })
    }

    /// Median of one run in nanoseconds, with a 95 % interval that holds the clock's steps.
    pub(crate) fn median(&self) -> Option<Estimate> {
        *self.median.get_or_init(|| {
            let estimate = rounds_estimate(&self.steady_ns)?;
            Some(Estimate {
                value: estimate.value,
                low: (estimate.low - self.step_ns).max(0.0),
                high: estimate.high + self.step_ns,
            })
        })
    }

    /// The rounds with their numbers in the run.
    pub(crate) fn numbered(&self) -> Vec<(usize, Vec<f64>)> {
        self.numbers
            .iter()
            .copied()
            .zip(self.steady_ns.iter().cloned())
            .collect()
    }

    /// Samples that the figures rest on.
    pub(crate) fn samples(&self) -> usize {
        self.steady_ns.iter().map(Vec::len).sum()
    }

    /// The run length that a share `p` of all runs does not exceed, in nanoseconds: only where at least five samples
    /// lie beyond it, and each is one run.
    pub(crate) fn percentile(&self, p: f64) -> Option<f64> {
        let beyond = self.samples() as f64 * (1.0 - p);
        if self.runs_per_sample > 1 || beyond < LEAST_BEYOND {
            return None;
        }
        let mut sorted = self.steady_ns.concat();
        sorted.sort_unstable_by(f64::total_cmp);
        quantile(&sorted, p)
    }

    /// How wrong the clock's steps may make the median, as a share of it.
    pub(crate) fn step_share(&self) -> f64 {
        self.median().map_or(0.0, |median| self.step_ns / median.value)
    }
}

/// What the rounds did while they were measured.
fn warnings(place: &str, courses: &[(SteadyState, usize)], rounds: &[Vec<f64>]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |kind, message: String| {
        warnings.push(Warning {
            kind,
            message: format!("{place}: {message}"),
        });
    };
    let count = |wanted: SteadyState| courses.iter().filter(|(state, _)| *state == wanted).count();
    let (slowing, unsteady) = (count(SteadyState::SlowDown), count(SteadyState::NoSteadyState));
    let left_out: usize = courses.iter().map(|(_, left_out)| left_out).sum();
    let steady: usize = rounds.iter().map(Vec::len).sum();
    let all = steady + left_out;
    let of_rounds = |count: usize| match rounds.len() {
        1 => String::new(),
        rounds => format!(" in {count} of {rounds} rounds"),
    };
    if left_out > 0 {
        let first = if rounds.len() == 1 {
            format!("the first {left_out} of {all} samples were")
        } else {
            format!("the first samples of some rounds, {left_out} of {all}, were")
        };
        warn(
            WarningKind::NotSteady,
            format!("{first} slower and are left out of the figures"),
        );
    }
    if slowing > 0 {
        warn(
            WarningKind::NotSteady,
            format!(
                "runs became slower while they were measured{}: cool the machine down, close other programs, repeat",
                of_rounds(slowing)
            ),
        );
    }
    if unsteady > 0 {
        warn(
            WarningKind::NotSteady,
            format!(
                "runs still changed their length when measuring ended{}: measure for longer",
                of_rounds(unsteady)
            ),
        );
    }
    if let Some(change) = trend(&rounds.concat()).filter(|change| change.abs() >= SMALL_TREND) {
        warn(
            WarningKind::Trend,
            format!(
                "the length of a run drifted by {:+.0} % from the first sample to the last",
                change * 100.0
            ),
        );
    }
    let outliers: usize = rounds.iter().map(|round| outlier_count(round)).sum();
    if outliers * MANY_OUTLIERS.1 > steady * MANY_OUTLIERS.0 {
        warn(
            WarningKind::Outliers,
            format!("outliers: {outliers} of {steady} samples; all are kept"),
        );
    }
    warnings
}
