use std::collections::BTreeMap;

use tare_core::stage_durations_ns;
use tare_core::stats::{Estimate, paired_ratio, rounds_ratio};
use tare_record::{Cell, ClockInfo, EnvironmentKind, RELAXED_SIMD, Record, Status, Warning};

use super::adapter_match;
use super::agreement::{Agreement, agreement};
use super::series::{KnownSeries, Series};
use tare_findings::labels;
use tare_findings::same_work::have_same_inputs;

/// Seed of the bootstrap, so that the same records always give the same report.
pub(crate) const SEED: u64 = 1;

/// All that the records say about each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison<'a> {
    /// Cells that may be compared, in the order of the records.
    pub pairs: Vec<Pair<'a>>,
    /// Cells that look alike but may not be compared.
    pub refusals: Vec<Refusal>,
}

/// A cell outside and the native cell that it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair<'a> {
    /// The native cell.
    pub native: &'a Cell,
    /// The cell in a browser or in Node.
    pub other: &'a Cell,
    /// Median of one run of the other as a multiple of the native one's, with a 95 % interval.
    pub ratio: Estimate,
    /// The same of each part of a run, by its name, for models of several networks.
    pub stages: Vec<(String, Estimate)>,
    /// Median of one run in nanoseconds, native and other.
    pub medians: [Estimate; 2],
    /// How far apart both outputs are.
    pub agreement: Agreement,
    /// What both medians rest on, the smaller number of both sides: rounds, or samples where there is one round.
    pub basis: Basis,
    /// What a reader must know beside the ratio, from both sides.
    pub warnings: Vec<Warning>,
}

/// What the interval of a figure rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Samples of one process or worker.
    Samples(usize),
    /// Several processes or workers on each side, measured apart.
    Rounds(usize),
    /// Rounds of both sides that one run measured next to each other.
    Pairs(usize),
}

/// A pair that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Model and engine.
    pub subject: String,
    /// Why.
    pub reason: String,
}

/// Pairs every cell that ran outside native processes with the native cell that differs from it in nothing but the
/// environment. Without any native cell there is nothing to compare, and nothing to refuse.
pub fn compare(records: &[Record]) -> Comparison<'_> {
    compare_known(records, &KnownSeries::default())
}

/// The same with series that others have use for, too.
pub(crate) fn compare_known<'a>(records: &'a [Record], known: &KnownSeries<'a>) -> Comparison<'a> {
    let cells = |native: bool| {
        records
            .iter()
            .flat_map(|record| {
                record.cells.iter().map(|cell| TimedCell {
                    cell,
                    clock: &record.clock,
                    run: record.run.as_deref(),
                })
            })
            .filter(move |timed| (timed.cell.configuration.environment == EnvironmentKind::Native) == native)
            .filter(|timed| !is_ladder_step_only(timed.cell))
            // A yardstick for browsers has no native counterpart.
            .filter(|timed| timed.cell.engine.name.spec().runs_in(EnvironmentKind::Native))
    };
    let mut comparison = Comparison {
        pairs: vec![],
        refusals: vec![],
    };
    let natives: Vec<TimedCell<'_>> = cells(true).collect();
    if natives.is_empty() {
        return comparison;
    }
    // By model, so that ten thousand cells are not compared with each other.
    let mut of_model: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, native) in natives.iter().enumerate() {
        of_model.entry(&native.cell.model.name).or_default().push(place);
    }
    for other in cells(false) {
        let subject = format!("{} on {}", other.cell.model.name, other.cell.engine.name);
        let places = of_model.get(other.cell.model.name.as_str()).into_iter().flatten();
        let same_model = places.map(|&place| natives[place]);
        let alike: Vec<TimedCell<'_>> = same_model
            .filter(|native| native.cell.engine.name == other.cell.engine.name)
            .collect();
        if alike.is_empty() {
            comparison.refusals.push(Refusal {
                subject,
                reason: "there is no native cell of this model and engine".into(),
            });
            continue;
        }
        let refusals: Vec<Result<Pair<'_>, String>> =
            alike.into_iter().map(|native| pair(native, other, known)).collect();
        if refusals.iter().any(Result::is_ok) {
            // Native cells with other numbers of threads are no pairs, and no news where there is a pair.
            comparison.pairs.extend(refusals.into_iter().flatten());
        } else {
            let reasons = refusals.into_iter().filter_map(Result::err);
            comparison.refusals.extend(reasons.map(|reason| Refusal {
                subject: subject.clone(),
                reason,
            }));
        }
    }
    // What a reader asks for first: browsers before Node.
    let is_node = |pair: &Pair<'_>| pair.other.configuration.environment == EnvironmentKind::Node;
    let (in_node, mut in_browsers): (Vec<_>, Vec<_>) = comparison.pairs.into_iter().partition(is_node);
    in_browsers.extend(in_node);
    comparison.pairs = in_browsers;
    comparison
}

/// Whether a cell is a step of a ladder that has no counterpart elsewhere. On several threads a browser always has relaxed SIMD.
fn is_ladder_step_only(cell: &Cell) -> bool {
    let rung = &cell.configuration;
    rung.vector_limit.is_some() || rung.wgsl_asked || rung.threads == 1 && rung.vector_level == RELAXED_SIMD
}

/// A cell with the clock that timed it, and the run that it belongs to.
#[derive(Clone, Copy)]
struct TimedCell<'a> {
    cell: &'a Cell,
    clock: &'a ClockInfo,
    run: Option<&'a str>,
}

fn pair<'a>(native: TimedCell<'a>, other: TimedCell<'a>, known: &KnownSeries<'a>) -> Result<Pair<'a>, String> {
    refuse(native.cell, other.cell)?;
    let agreement = agreement(native.cell, other.cell)?;
    let [below, above] = [native, other].map(|timed| known.of(timed.cell, timed.clock));
    let is_one_run = native.run.is_some() && native.run == other.run;
    let none = match other.cell.load.requests {
        Some(_) => "measuring ended before each client had a second answer",
        None => "a cell has no samples",
    };
    let (ratio, basis) = ratio(&below, &above, is_one_run).ok_or(none)?;
    let medians = below.median().zip(above.median()).ok_or(none)?;
    let mut warnings: Vec<Warning> = Vec::new();
    for warning in [native.cell, other.cell]
        .iter()
        .flat_map(|cell| &cell.warnings)
        .chain(below.warnings())
        .chain(above.warnings())
    {
        if !warnings.contains(warning) {
            warnings.push(warning.clone());
        }
    }
    Ok(Pair {
        native: native.cell,
        other: other.cell,
        ratio,
        stages: stage_ratios(native.cell, other.cell, is_one_run),
        medians: medians.into(),
        agreement,
        basis,
        warnings,
    })
}

/// Median of one run above as a multiple of that below, with an interval that holds the steps of both clocks, and what it
/// rests on. The rounds of one run are compared in pairs, and those of two runs as a whole.
pub(crate) fn ratio(below: &Series, above: &Series, is_one_run: bool) -> Option<(Estimate, Basis)> {
    let (above_rounds, below_rounds) = (above.numbered(), below.numbered());
    let paired = is_one_run.then(|| paired_ratio(&above_rounds, &below_rounds)).flatten();
    let has_counterpart = |number: &usize| below_rounds.iter().any(|(other, _)| other == number);
    let pairs = above_rounds
        .iter()
        .filter(|(number, _)| has_counterpart(number))
        .count();
    let basis = match above.steady_ns.len().min(below.steady_ns.len()) {
        _ if paired.is_some() => Basis::Pairs(pairs),
        0 | 1 => Basis::Samples(above.samples().min(below.samples())),
        rounds => Basis::Rounds(rounds),
    };
    let ratio = match paired {
        Some(ratio) => ratio,
        None => rounds_ratio(&above.steady_ns, &below.steady_ns, SEED)?,
    };
    let steps = above.step_share() + below.step_share();
    let ratio = Estimate {
        value: ratio.value,
        low: ratio.low * (1.0 - steps).max(0.0),
        high: ratio.high * (1.0 + steps),
    };
    Some((ratio, basis))
}

/// The ratio of each stage. Rounds of one run are compared in pairs if both sides measured the same ones.
fn stage_ratios(native: &Cell, other: &Cell, is_one_run: bool) -> Vec<(String, Estimate)> {
    let numbers = |cell: &Cell| cell.rounds.iter().map(|round| round.number).collect::<Vec<_>>();
    let has_pairs = is_one_run && numbers(native) == numbers(other);
    let both = native.stages.iter().zip(&other.stages);
    both.filter_map(|(below, above)| {
        let [below_ns, above_ns] = [below, above].map(stage_durations_ns);
        let numbered = |rounds: &[Vec<f64>]| (1..).zip(rounds.iter().cloned()).collect::<Vec<_>>();
        let paired = has_pairs
            .then(|| paired_ratio(&numbered(&above_ns), &numbered(&below_ns)))
            .flatten();
        let ratio = paired.or_else(|| rounds_ratio(&above_ns, &below_ns, SEED))?;
        Some((above.name.clone(), ratio))
    })
    .collect()
}

/// Why two cells may not be compared, if so.
fn refuse(native: &Cell, other: &Cell) -> Result<(), String> {
    for (side, cell) in [
        ("native", native),
        (
            if other.configuration.environment == EnvironmentKind::Node {
                "Node"
            } else {
                "browser"
            },
            other,
        ),
    ] {
        match &cell.status {
            Status::Measured => {}
            Status::Failed(failure) => return Err(format!("the {side} cell failed: {}", failure.message)),
            Status::TimedOut(failure) => return Err(format!("the {side} cell timed out: {}", failure.message)),
            Status::Cancelled => return Err(format!("the {side} cell was cancelled")),
        }
    }
    if native.model.sha256 != other.model.sha256 {
        return Err("the model bytes differ (SHA-256)".into());
    }
    if !have_same_inputs(native, other) {
        return Err("the input tensors differ (SHA-256)".into());
    }
    if native.load != other.load {
        return Err(format!(
            "the load patterns differ: {} and {}",
            labels::load(&native.load),
            labels::load(&other.load)
        ));
    }
    if native.configuration.threads != other.configuration.threads {
        return Err(format!(
            "the number of threads differs: {} and {}",
            native.configuration.threads, other.configuration.threads
        ));
    }
    if native.engine.version != other.engine.version {
        return Err(format!(
            "the engine's version differs: {} and {}",
            native.engine.version, other.engine.version
        ));
    }
    adapter_match::difference(native.adapter.as_ref(), other.adapter.as_ref()).map_or(Ok(()), Err)
}
