//! Ladders: the gap between the first rung and the last, as steps that have one cause each where the rungs allow it.

use std::collections::BTreeMap;
use std::rc::Rc;

use tare_core::stats::Estimate;
use tare_findings::same_work::have_same_inputs;
use tare_findings::sorting::sort_by;
use tare_record::{Cell, EnvironmentKind, Record, Status};

use super::adapter_match;
use super::agreement::agreement;
use super::pairing::ratio;
use super::rung::Rung;
use super::series::{KnownSeries, Series};
use super::step_kind::{StepKind, step_kind};
use tare_findings::{format, labels};

/// Two rungs are a pair, which has a section of its own.
const FEWEST_RUNGS: usize = 3;

/// Where kernels are in WGSL natively too, the browser is the only step.
const FEWEST_RUNGS_ON_ADAPTERS: usize = 2;

/// Rungs of one workload on one engine, from native with all it has to a browser.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder<'a> {
    /// The rungs, in order.
    pub rungs: Vec<&'a Cell>,
    /// Median of one run on each rung, in nanoseconds.
    pub medians: Vec<Estimate>,
    /// What leads from each rung to the next: one fewer than rungs.
    pub steps: Vec<Step>,
    /// Neighboring steps of one kind joined. Their product is the whole, too.
    pub shares: Vec<(StepKind, Estimate)>,
    /// Median of the last rung as a multiple of the first one's: the product of the steps.
    pub whole: Estimate,
    /// Cells of rungs that an earlier record holds already: they are left out.
    pub repeated: usize,
}

/// What leads from one rung to the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What they differ by.
    pub kind: StepKind,
    /// The details of that.
    pub detail: String,
    /// Median of the later rung as a multiple of the earlier one's.
    pub ratio: Estimate,
}

/// The ladders that the records hold: of every workload that was measured on three rungs or more of the CPU, or of one graphics adapter.
pub fn ladders(records: &[Record]) -> Vec<Ladder<'_>> {
    ladders_known(records, &KnownSeries::default())
}

/// The same with series that others have use for, too.
pub(crate) fn ladders_known<'a>(records: &'a [Record], known: &KnownSeries<'a>) -> Vec<Ladder<'a>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    // Where the groups of a model are, so that ten thousand cells are not compared with each other.
    let mut of_model: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for record in records {
        for cell in &record.cells {
            if cell.status != Status::Measured {
                continue;
            }
            let rung = Rung {
                cell,
                clock: &record.clock,
                run: record.run.as_deref(),
                v8: record.machine.node.as_ref().map(|node| node.v8.as_str()),
            };
            let Some(sha256) = cell.model.sha256.as_deref() else {
                continue;
            };
            let places = of_model.entry(sha256).or_default();
            let mut known = places.iter().copied();
            let place = known.find(|&place| is_same_work(groups[place].rungs[0].cell, cell));
            match place.map(|place| &mut groups[place]) {
                Some(group)
                    if group
                        .rungs
                        .iter()
                        .any(|known| known.cell.configuration == cell.configuration) =>
                {
                    group.repeated += 1
                }
                Some(group) => group.rungs.push(rung),
                None => {
                    places.push(groups.len());
                    groups.push(Group {
                        rungs: vec![rung],
                        repeated: 0,
                    });
                }
            }
        }
    }
    let groups = groups.into_iter().flat_map(by_browser);
    groups.filter_map(|group| ladder(group, known)).collect()
}

/// A group for each browser, with all rungs outside browsers.
fn by_browser(group: Group<'_>) -> Vec<Group<'_>> {
    let browser = |rung: &Rung<'_>| rung.cell.configuration.browser.clone();
    let mut browsers: Vec<_> = group
        .rungs
        .iter()
        .filter(|rung| rung.is_in_browser())
        .map(browser)
        .collect();
    sort_by(&mut browsers, Ord::cmp);
    browsers.dedup();
    if browsers.len() < 2 {
        return vec![group];
    }
    let of = |name: &Option<String>| Group {
        rungs: group
            .rungs
            .iter()
            .filter(|rung| !rung.is_in_browser() || browser(rung) == *name)
            .copied()
            .collect(),
        repeated: group.repeated,
    };
    browsers.iter().map(of).collect()
}

/// Rungs of the same work.
struct Group<'a> {
    rungs: Vec<Rung<'a>>,
    repeated: usize,
}

fn is_same_work(a: &Cell, b: &Cell) -> bool {
    (&a.engine.name, &a.engine.version, &a.model.sha256, a.load)
        == (&b.engine.name, &b.engine.version, &b.model.sha256, b.load)
        && have_same_inputs(a, b)
        && adapter_match::difference(a.adapter.as_ref(), b.adapter.as_ref()).is_none()
        && agreement(a, b).is_ok()
}

fn ladder<'a>(Group { mut rungs, repeated }: Group<'a>, known: &KnownSeries<'a>) -> Option<Ladder<'a>> {
    let place = |rung: &Rung<'_>| {
        let is_relaxed = rung.is_relaxed();
        let limits = rung.cell.engine.name.spec().vector_limits;
        let rung = &rung.cell.configuration;
        // Down to one thread and what browsers have, and up again with what they may have besides.
        let threads = i64::try_from(rung.threads).unwrap_or(i64::MAX);
        let (place, threads) = match rung.environment {
            EnvironmentKind::Native => (0, -threads),
            EnvironmentKind::Node => (1, -threads),
            EnvironmentKind::Browser => (2, threads),
        };
        // Widest vectors first.
        let narrowed = rung
            .vector_limit
            .as_ref()
            .map(|limit| limits.iter().position(|known| known == limit));
        (place, narrowed, rung.wgsl_asked, is_relaxed, threads)
    };
    sort_by(&mut rungs, |a, b| place(a).cmp(&place(b)));
    // Steps to relaxed SIMD and to the browser's threads begin at the module that has neither.
    let is_plain = |rung: &Rung<'_>| rung.cell.configuration.threads == 1 && !rung.is_relaxed();
    let has_plain = rungs.iter().any(|rung| rung.is_in_browser() && is_plain(rung));
    rungs.retain(|rung| has_plain || !rung.is_in_browser() || is_plain(rung));
    let fewest = match rungs.first()?.cell.adapter {
        None => FEWEST_RUNGS,
        Some(_) => FEWEST_RUNGS_ON_ADAPTERS,
    };
    if rungs.len() < fewest {
        return None;
    }
    let series: Vec<Rc<Series>> = rungs.iter().map(|rung| known.of(rung.cell, rung.clock)).collect();
    let medians = series
        .iter()
        .map(|series| series.median())
        .collect::<Option<Vec<Estimate>>>()?;
    let steps = rungs
        .windows(2)
        .zip(series.windows(2))
        .map(|(rungs, series)| {
            let (kind, detail) = step_kind(rungs[0], rungs[1]);
            Some(Step {
                kind,
                detail,
                ratio: step_ratio(rungs, series)?,
            })
        })
        .collect::<Option<Vec<Step>>>()?;
    Some(Ladder {
        shares: shares(&steps, &rungs, &series)?,
        whole: step_ratio(&rungs, &series)?,
        rungs: rungs.iter().map(|rung| rung.cell).collect(),
        medians,
        steps,
        repeated,
    })
}

/// Median of the last rung as a multiple of the first one's.
fn step_ratio(rungs: &[Rung<'_>], series: &[Rc<Series>]) -> Option<Estimate> {
    let run = rungs.first()?.run;
    let is_one_run = run.is_some() && run == rungs.last()?.run;
    Some(ratio(series.first()?, series.last()?, is_one_run)?.0)
}

/// Joins neighboring steps of one kind, and wasm with the browser.
fn shares(steps: &[Step], rungs: &[Rung<'_>], series: &[Rc<Series>]) -> Option<Vec<(StepKind, Estimate)>> {
    let joined = |step: &Step| match step.kind {
        StepKind::Wasm | StepKind::Browser => StepKind::WasmAndBrowser,
        kind => kind,
    };
    let mut shares = Vec::new();
    let mut first = 0;
    for alike in steps.chunk_by(|a, b| joined(a) == joined(b)) {
        let last = first + alike.len();
        let kind = if alike.len() == 1 {
            alike[0].kind
        } else {
            joined(&alike[0])
        };
        shares.push((kind, step_ratio(&rungs[first..=last], &series[first..=last])?));
        first = last;
    }
    Some(shares)
}

impl Ladder<'_> {
    /// What the ladder says, in one sentence.
    pub fn sentence(&self) -> String {
        let doubt = |ratio: &Estimate| {
            let includes_one = ratio.low <= 1.0 && 1.0 <= ratio.high;
            if includes_one { " (may be 1x)" } else { "" }
        };
        let shares: Vec<String> = self
            .shares
            .iter()
            .map(|(kind, ratio)| format!("{} from {}{}", format::ratio(ratio.value), kind.as_str(), doubt(ratio)))
            .collect();
        let (first, last) = (self.rungs[0], self.rungs[self.rungs.len() - 1]);
        let place = |cell| {
            let label = labels::configuration(cell);
            match label.split_once(", ") {
                Some((place, how)) => format!("{place} ({how})"),
                None => label,
            }
        };
        format!(
            "{}: {} takes {}{} the time of {}: {}",
            labels::work(first),
            place(last),
            format::ratio(self.whole.value),
            doubt(&self.whole),
            place(first),
            shares.join(" \u{d7} ")
        )
    }
}
