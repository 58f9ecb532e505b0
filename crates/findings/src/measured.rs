//! Measured cells, and how they compare.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::hash::Hash;

use tare_core::stats::{Estimate, paired_ratio, quantile, rounds_estimate, rounds_ratio};
use tare_core::{stage_durations_ns, steady_rounds};
use tare_record::{Cell, EngineName, EnvironmentKind, Question, RELAXED_SIMD, Record, Status, Transport};

use crate::labels;
use crate::sorting::sort_by;

/// Seed of the bootstrap, so that the same records always give the same findings.
const SEED: u64 = 1;

/// A percentile with fewer samples beyond it says little more than the largest sample.
const LEAST_BEYOND: f64 = 4.999;

/// A cell that was measured.
#[derive(Clone)]
pub(crate) struct Measured<'a> {
    pub(crate) cell: &'a Cell,
    pub(crate) record: &'a Record,
    /// Index of its record.
    pub(crate) place: usize,
    /// Durations of runs in nanoseconds, by the number of the round, once they were asked for.
    rounds: OnceCell<Vec<(usize, Vec<f64>)>>,
    /// How wrong the clock's steps may make the duration of a run, in nanoseconds.
    step_ns: f64,
}

/// All cells that were measured, in the order of the records.
pub(crate) fn measured(records: &[Record]) -> Vec<Measured<'_>> {
    let mut all = Vec::new();
    for (place, record) in records.iter().enumerate() {
        for cell in record.cells.iter().filter(|cell| cell.status == Status::Measured) {
            all.push(Measured {
                cell,
                record,
                place,
                rounds: OnceCell::new(),
                step_ns: record.clock.granularity_ns as f64 / f64::from(cell.runs_per_sample.max(1)),
            });
        }
    }
    all
}

impl Measured<'_> {
    pub(crate) fn asks(&self, question: Question) -> bool {
        self.record.plan.asks(question)
    }

    pub(crate) fn engine(&self) -> EngineName {
        self.cell.engine.name
    }

    pub(crate) fn model(&self) -> &str {
        &self.cell.model.name
    }

    pub(crate) fn threads(&self) -> usize {
        self.cell.configuration.threads
    }

    /// Whether it ran as the engine does by default, in the process or worker that measured it.
    pub(crate) fn is_plain(&self) -> bool {
        self.has_default_configuration() && self.transport().is_none()
    }

    /// How requests reached the model, if they were sent.
    pub(crate) fn transport(&self) -> Option<Transport> {
        self.cell.load.transport
    }

    /// Sessions that answered at the same time.
    pub(crate) fn sessions(&self) -> usize {
        self.cell.load.requests.and_then(|load| load.sessions).unwrap_or(1)
    }

    /// Whether it ran as the engine does by default, without limits that only explain a ladder.
    pub(crate) fn has_default_configuration(&self) -> bool {
        let configuration = &self.cell.configuration;
        let is_relaxed_step = configuration.threads == 1 && configuration.vector_level == RELAXED_SIMD;
        configuration.vector_limit.is_none() && !configuration.wgsl_asked && !is_relaxed_step
    }

    pub(crate) fn is_under_load(&self) -> bool {
        self.cell.load.requests.is_some()
    }

    pub(crate) fn is_native(&self) -> bool {
        self.cell.configuration.environment == EnvironmentKind::Native
    }

    /// Where it ran, to start a sentence with.
    pub(crate) fn where_it_ran(&self) -> String {
        match self.cell.configuration.environment {
            EnvironmentKind::Native => "Natively".into(),
            _ => format!("In {}", labels::place(self.cell)),
        }
    }

    /// Engine, and its threads on the CPU or its adapter.
    pub(crate) fn engine_in_words(&self) -> String {
        match &self.cell.adapter {
            Some(adapter) => format!("{} on {}", self.engine(), adapter.name),
            None => format!("{} on {}", self.engine(), labels::threads(self.threads())),
        }
    }

    /// Durations of runs in nanoseconds, by the number of the round.
    pub(crate) fn rounds(&self) -> &[(usize, Vec<f64>)] {
        self.rounds.get_or_init(|| {
            let rounds = steady_rounds(self.cell).into_iter();
            rounds.map(|round| (round.number, round.runs_ns)).collect()
        })
    }

    /// All durations of runs, in nanoseconds.
    pub(crate) fn runs_ns(&self) -> Vec<f64> {
        self.rounds().iter().flat_map(|(_, runs)| runs).copied().collect()
    }

    /// Median duration of a run in nanoseconds, with its interval.
    pub(crate) fn median(&self) -> Option<Estimate> {
        let rounds: Vec<Vec<f64>> = self.rounds().iter().map(|(_, runs)| runs.clone()).collect();
        let estimate = rounds_estimate(&rounds)?;
        Some(Estimate {
            value: estimate.value,
            low: (estimate.low - self.step_ns).max(0.0),
            high: estimate.high + self.step_ns,
        })
    }

    /// Duration of a run that a share `p` of all runs does not exceed, in nanoseconds. The interval is that of the order
    /// statistics (normal approximation of the binomial distribution: Conover, "Practical Nonparametric Statistics",
    /// 1999, section 3.2). `None` if too few runs are longer.
    pub(crate) fn percentile(&self, p: f64) -> Option<Estimate> {
        let mut sorted = self.runs_ns();
        let count = sorted.len() as f64;
        if self.cell.runs_per_sample > 1 || count * (1.0 - p) < LEAST_BEYOND {
            return None;
        }
        sorted.sort_unstable_by(f64::total_cmp);
        let half = 1.96 * (count * p * (1.0 - p)).sqrt();
        let at = |rank: f64| quantile(&sorted, (rank / (count - 1.0)).clamp(0.0, 1.0));
        Some(Estimate {
            value: quantile(&sorted, p)?,
            low: at((count * p - half).floor() - 1.0)?,
            high: at((count * p + half).ceil())?,
        })
    }

    /// Duration of a run as a multiple of that of `other`.
    pub(crate) fn ratio(&self, other: &Self) -> Option<Estimate> {
        let is_one_run = self.place == other.place || self.record.run.is_some() && self.record.run == other.record.run;
        let paired = is_one_run
            .then(|| paired_ratio(self.rounds(), other.rounds()))
            .flatten();
        let durations = |measured: &Self| {
            measured
                .rounds()
                .iter()
                .map(|(_, runs)| runs.clone())
                .collect::<Vec<_>>()
        };
        let ratio = paired.or_else(|| rounds_ratio(&durations(self), &durations(other), SEED))?;
        let step = |measured: &Self| measured.median().map_or(0.0, |median| measured.step_ns / median.value);
        let steps = step(self) + step(other);
        Some(Estimate {
            value: ratio.value,
            low: ratio.low * (1.0 - steps).max(0.0),
            high: ratio.high * (1.0 + steps),
        })
    }

    /// Peak memory, in bytes.
    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        self.cell
            .memory
            .wasm_linear_bytes
            .or(self.cell.memory.resident_peak_bytes)
    }
}

/// The reciprocal of an estimate times `factor`.
pub(crate) fn inverse(estimate: &Estimate, factor: f64) -> Estimate {
    Estimate {
        value: factor / estimate.value,
        low: factor / estimate.high,
        high: factor / estimate.low,
    }
}

/// An estimate times `factor`.
pub(crate) fn scaled(estimate: &Estimate, factor: f64) -> Estimate {
    Estimate {
        value: estimate.value * factor,
        low: estimate.low * factor,
        high: estimate.high * factor,
    }
}

/// Whether an interval of a ratio leaves out 1.
pub(crate) fn is_different(ratio: &Estimate) -> bool {
    ratio.low > 1.0 || ratio.high < 1.0
}

/// The cells whose plan asks a question, wherever requests were sent.
pub(crate) fn asking<'m, 'r>(
    cells: &'m [Measured<'r>],
    question: Question,
) -> impl Iterator<Item = &'m Measured<'r>> + use<'m, 'r> {
    let asks = move |cell: &&Measured<'_>| cell.has_default_configuration() && cell.asks(question);
    cells.iter().filter(asks)
}

/// Those of them whose runs followed each other, in the process or worker itself.
pub(crate) fn sampled<'m, 'r>(
    cells: &'m [Measured<'r>],
    question: Question,
) -> impl Iterator<Item = &'m Measured<'r>> + use<'m, 'r> {
    asking(cells, question).filter(|cell| cell.is_plain() && !cell.is_under_load())
}

/// The cells in groups of equal keys, in the order in which keys first occur.
pub(crate) fn groups<'m, 'r, K: Hash + Eq>(
    cells: impl Iterator<Item = &'m Measured<'r>>,
    key: impl Fn(&Measured<'r>) -> K,
) -> Vec<Vec<&'m Measured<'r>>>
where
    'r: 'm,
{
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<Vec<&Measured<'r>>> = Vec::new();
    for cell in cells {
        let place = *places.entry(key(cell)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(cell),
            None => groups.push(vec![cell]),
        }
    }
    groups
}

/// Sorts cells by a number of each.
pub(crate) fn sort_by_number(cells: &mut Vec<&Measured<'_>>, number: fn(&Measured<'_>) -> usize) {
    sort_by(cells, |a, b| number(a).cmp(&number(b)));
}

/// The longest stage of a run, and its share of all.
pub(crate) fn largest_stage(cell: &Measured<'_>) -> Option<(String, f64)> {
    let stages = cell.cell.stages.iter();
    let durations: Vec<(String, f64)> = stages
        .filter_map(|stage| Some((stage.name.clone(), rounds_estimate(&stage_durations_ns(stage))?.value)))
        .collect();
    let total: f64 = durations.iter().map(|(_, ns)| ns).sum();
    let (name, longest) = durations.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (total > 0.0).then_some((name, longest / total))
}

/// Names in a sentence: `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
