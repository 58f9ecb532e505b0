//! All cells of a run next to those of earlier runs.

use std::collections::{HashMap, HashSet};

use tare_core::stats::{Estimate, median};
use tare_core::steady_rounds;
use tare_findings::same_work::{have_same_inputs, same_place, same_request, same_work};
use tare_record::{Cell, Record, Status};

use crate::history::{Compared, Run, compared};
use crate::multiple_tests::adjusted;

/// The share of false alarms: of all alarms, and of all runs in which nothing changed, as far as it is known what differs from run to run.
pub const FALSE_ALARMS: f64 = 0.05;

/// The probability with which the smallest slowdown that is said to be visible is found.
pub const POWER: f64 = 0.95;

/// What a check found.
#[derive(Debug)]
pub struct Check<'a> {
    /// Every cell of the run, in its order.
    pub cells: Vec<CheckedCell<'a>>,
    /// Cells that the newest of the earlier runs in the same place measured, and this one does not contain.
    pub missing: Vec<&'a Cell>,
    /// Earlier records that were given twice, or are the one that is checked. They do not count.
    pub repeated: usize,
}

/// A cell next to what earlier runs measured of the same work.
#[derive(Debug, Clone)]
pub struct CheckedCell<'a> {
    /// The cell.
    pub cell: &'a Cell,
    /// What became of it.
    pub outcome: Outcome,
    /// Its figures next to those of the earlier runs, if they can be compared.
    pub figures: Option<Figures>,
}

/// How a cell compares with earlier runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Typical run before and now, in nanoseconds: the geometric mean of the medians of rounds.
    pub run_ns: [f64; 2],
    /// Now as a multiple of before, with a 95 % interval that holds for this cell alone.
    pub ratio: Estimate,
    /// The smallest slowdown that would have been found with the probability [`POWER`], as a share: 0.05 for 5 %.
    pub visible: f64,
    /// Earlier runs that it is compared with.
    pub runs: usize,
    /// Runs before a change of their level, which do not count.
    pub left_out: usize,
    /// Whether the interval holds what differs from run to run. From four runs on it does.
    pub knows_runs: bool,
}

/// What became of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It takes longer.
    Slower,
    /// It takes less time.
    Faster,
    /// No difference can be seen.
    Same,
    /// It was measured before, and now failed for this reason.
    Broken(String),
    /// No earlier run measured it.
    New,
    /// It cannot be told, for this reason.
    Unclear(String),
}

impl Outcome {
    /// Whether a user wants to be stopped by it.
    pub fn is_alarm(&self) -> bool {
        matches!(self, Outcome::Slower | Outcome::Broken(_))
    }
}

impl Check<'_> {
    /// Whether any cell is slower or broken.
    pub fn is_alarm(&self) -> bool {
        self.cells.iter().any(|checked| checked.outcome.is_alarm())
    }

    /// Whether any cell was measured before and now.
    pub fn compares_anything(&self) -> bool {
        let compared = |checked: &CheckedCell<'_>| checked.figures.is_some() || checked.outcome.is_alarm();
        self.cells.iter().any(compared)
    }
}

/// Checks the cells of `now` against those of `earlier` that did the same work on the same kind of machine. `tolerance` is the share by which
/// a cell may become slower or faster: 0.02 for 2 %. Earlier records are put in order by the time they were made, and none counts twice.
pub fn check<'a>(now: &'a [Record], earlier: &'a [Record], tolerance: f64) -> Check<'a> {
    let (earlier, repeated) = in_order(now, earlier);
    let mut histories: HashMap<_, Vec<&Cell>> = HashMap::new();
    let mut requests = HashSet::new();
    for record in &earlier {
        for cell in record.cells.iter().filter(|cell| cell.status == Status::Measured) {
            histories.entry(same_work(record, cell)).or_default().push(cell);
            requests.insert(same_request(record, cell));
        }
    }
    let mut cells = vec![];
    let mut runs = vec![];
    for record in now {
        for cell in &record.cells {
            let history = histories.get(&same_work(record, cell)).map_or(&[][..], Vec::as_slice);
            let was_measured = requests.contains(&same_request(record, cell));
            let (outcome, before) = outcome(cell, history, was_measured);
            runs.push((before, run(cell)));
            cells.push(CheckedCell {
                cell,
                outcome,
                figures: None,
            });
        }
    }
    for (checked, (found, (before, _))) in cells.iter_mut().zip(judged(&runs, tolerance).into_iter().zip(&runs)) {
        // What is known without figures stays as it is.
        if checked.outcome != Outcome::Same {
            continue;
        }
        match found {
            Some((outcome, figures)) => {
                checked.outcome = outcome;
                checked.figures = Some(figures);
            }
            None => checked.outcome = Outcome::Unclear(too_few(before)),
        }
    }
    Check {
        missing: missing(now, &earlier),
        cells,
        repeated,
    }
}

/// The earlier records, the oldest first, without those that are given twice or are one of `now`, and how many those were.
fn in_order<'a>(now: &[Record], earlier: &'a [Record]) -> (Vec<&'a Record>, usize) {
    let mut kept: Vec<&Record> = vec![];
    for record in earlier {
        if !now.contains(record) && !kept.contains(&record) {
            kept.push(record);
        }
    }
    // A time with a fraction of a second comes after the same without.
    kept.sort_by_key(|record| record.created.trim_end_matches('Z'));
    let repeated = earlier.len() - kept.len();
    (kept, repeated)
}

/// What the newest earlier record of each place of `now` measured there, and `now` does not contain.
fn missing<'a>(now: &[Record], earlier: &[&'a Record]) -> Vec<&'a Cell> {
    let cells = || {
        now.iter()
            .flat_map(|record| record.cells.iter().map(move |cell| (record, cell)))
    };
    let requests: HashSet<_> = cells().map(|(record, cell)| same_request(record, cell)).collect();
    let mut places: HashSet<_> = cells().map(|(record, cell)| same_place(record, cell)).collect();
    let mut missing = vec![];
    for record in earlier.iter().rev() {
        let measured = record.cells.iter().filter(|cell| cell.status == Status::Measured);
        let here: Vec<&Cell> = measured
            .filter(|&cell| places.contains(&same_place(record, cell)))
            .collect();
        for cell in &here {
            places.remove(&same_place(record, cell));
        }
        missing.extend(
            here.into_iter()
                .filter(|cell| !requests.contains(&same_request(record, cell))),
        );
    }
    missing
}

/// What can be said without figures: [`Outcome::Same`] stands for nothing yet. Next to it, the earlier runs to compare with.
fn outcome(cell: &Cell, history: &[&Cell], was_measured: bool) -> (Outcome, Vec<Run>) {
    match &cell.status {
        Status::Failed(failure) | Status::TimedOut(failure) if was_measured => {
            (Outcome::Broken(failure.message.clone()), vec![])
        }
        Status::Failed(failure) | Status::TimedOut(failure) => (Outcome::Unclear(failure.message.clone()), vec![]),
        Status::Cancelled => (Outcome::Unclear("it was cancelled".into()), vec![]),
        Status::Measured => {
            let same = history.iter().filter(|before| have_same_inputs(before, cell));
            let runs: Vec<Run> = same.map(|before| run(before)).collect();
            match (history.is_empty(), runs.is_empty()) {
                (true, _) => (Outcome::New, runs),
                (false, true) => (Outcome::Unclear("the inputs are others".into()), runs),
                _ => (Outcome::Same, runs),
            }
        }
    }
}

fn too_few(before: &[Run]) -> String {
    let rounds: usize = before.iter().map(|run| run.0.len()).sum();
    match rounds {
        0 => "no steady round before that is longer than the clock's steps".into(),
        1 => "one round before: its scatter is not known".into(),
        _ => "one round now, or rounds that do not scatter at all, as with a coarse clock".into(),
    }
}

/// The medians of a cell's steady rounds.
fn run(cell: &Cell) -> Run {
    let medians = steady_rounds(cell)
        .into_iter()
        .filter_map(|round| median(&round.runs_ns));
    Run(medians.filter(|median| *median > 0.0).map(f64::ln).collect())
}

/// Judges runs, each with those before it. `None` where too little is known.
pub(crate) fn judged(runs: &[(Vec<Run>, Run)], tolerance: f64) -> Vec<Option<(Outcome, Figures)>> {
    let all: Vec<Option<Compared>> = runs.iter().map(|(before, now)| compared(before, now)).collect();
    let tolerance = tolerance.ln_1p();
    let tests: Vec<f64> = all
        .iter()
        .flatten()
        .map(|compared| compared.ratio.p_value(tolerance))
        .collect();
    let level = FALSE_ALARMS / tests.len().max(1) as f64;
    let mut p_values = adjusted(&tests).into_iter();
    let judge = |(compared, (_, now)): (Option<Compared>, &(Vec<Run>, Run))| {
        let compared = compared?;
        let (p_value, level_now) = (p_values.next()?, now.level()?);
        let ratio = compared.ratio;
        let [low, high] = ratio.interval(0.95).map(f64::exp);
        let outcome = match p_value <= FALSE_ALARMS {
            true if ratio.value > 0.0 => Outcome::Slower,
            true => Outcome::Faster,
            false => Outcome::Same,
        };
        let figures = Figures {
            run_ns: [level_now - ratio.value, level_now].map(f64::exp),
            ratio: Estimate {
                value: ratio.value.exp(),
                low,
                high,
            },
            visible: ratio.detectable(level, POWER, tolerance).exp_m1(),
            runs: compared.runs,
            left_out: compared.left_out,
            knows_runs: compared.knows_runs,
        };
        Some((outcome, figures))
    };
    all.into_iter().zip(runs).map(judge).collect()
}
