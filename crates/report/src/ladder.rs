//! Ladders: the gap between the first rung and the last, taken apart into steps that each have one cause where the rungs
//! allow it.

use tare_core::plan::{RELAXED_SIMD, VECTOR_LIMITS};
use tare_core::stats::Estimate;
use tare_record::{Cell, ClockFacts, EnvironmentKind, Record, Status};

use crate::cause::{Cause, cause};
use crate::format;
use crate::pairing::{have_same_inputs, ratio};
use crate::series::Series;
use crate::text::rung;
use crate::{adapters, agreement};

/// Fewer rungs are a pair, which stands for itself.
const FEWEST_RUNGS: usize = 3;

/// On adapters whose compiler takes WGSL natively too, the browser is the only step.
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
    /// Neighbouring steps of one cause together: their product is the whole too.
    pub shares: Vec<(Cause, Estimate)>,
    /// Median of the last rung as a multiple of the first one's: the product of the steps.
    pub whole: Estimate,
    /// Cells of rungs that an earlier record holds already: they are left out.
    pub repeated: usize,
}

/// What two neighbouring rungs differ by.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Why they differ.
    pub cause: Cause,
    /// What that is here, in a few words.
    pub detail: String,
    /// Median of the later rung as a multiple of the earlier one's.
    pub ratio: Estimate,
}

/// The ladders that the records hold: of every workload that was measured on three rungs or more of the CPU, or of one graphics adapter.
pub fn ladders(records: &[Record]) -> Vec<Ladder<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for record in records {
        for cell in &record.cells {
            if cell.status != Status::Measured {
                continue;
            }
            let rung = Rung {
                cell,
                clock: &record.clock,
                v8: record.machine.node.as_ref().map(|node| node.v8.as_str()),
            };
            match groups.iter_mut().find(|group| is_same_work(group.rungs[0].cell, cell)) {
                Some(group) if group.rungs.iter().any(|known| known.cell.rung == cell.rung) => group.repeated += 1,
                Some(group) => group.rungs.push(rung),
                None => groups.push(Group {
                    rungs: vec![rung],
                    repeated: 0,
                }),
            }
        }
    }
    groups.into_iter().filter_map(ladder).collect()
}

/// Rungs of the same work.
struct Group<'a> {
    rungs: Vec<Rung<'a>>,
    repeated: usize,
}

#[derive(Clone, Copy)]
pub(crate) struct Rung<'a> {
    pub(crate) cell: &'a Cell,
    clock: &'a ClockFacts,
    /// Version of Node's V8, of rungs in Node.
    pub(crate) v8: Option<&'a str>,
}

impl Rung<'_> {
    fn is_in_browser(&self) -> bool {
        self.cell.rung.environment == EnvironmentKind::Browser
    }

    fn is_relaxed(&self) -> bool {
        self.cell.rung.vector_level == RELAXED_SIMD
    }
}

fn is_same_work(a: &Cell, b: &Cell) -> bool {
    (
        &a.engine.name,
        &a.engine.version,
        &a.model.sha256,
        a.load,
        &a.rung.precision,
    ) == (
        &b.engine.name,
        &b.engine.version,
        &b.model.sha256,
        b.load,
        &b.rung.precision,
    ) && a.model.sha256.is_some()
        && have_same_inputs(a, b)
        && adapters::difference(a.adapter.as_ref(), b.adapter.as_ref()).is_none()
        && agreement::difference(a, b).is_ok()
}

fn ladder(Group { mut rungs, repeated }: Group<'_>) -> Option<Ladder<'_>> {
    rungs.sort_by_key(|rung| {
        let is_relaxed = rung.is_relaxed();
        let Cell { rung, .. } = rung.cell;
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
            .map(|limit| VECTOR_LIMITS.iter().position(|known| known == limit));
        (place, narrowed, rung.wgsl_asked, is_relaxed, threads)
    });
    // Steps to relaxed SIMD and to the browser's threads begin at the module that has neither.
    let is_plain = |rung: &Rung<'_>| rung.cell.rung.threads == 1 && !rung.is_relaxed();
    let has_plain = rungs.iter().any(|rung| rung.is_in_browser() && is_plain(rung));
    rungs.retain(|rung| has_plain || !rung.is_in_browser() || is_plain(rung));
    let fewest = match rungs.first()?.cell.adapter {
        None => FEWEST_RUNGS,
        Some(_) => FEWEST_RUNGS_ON_ADAPTERS,
    };
    if rungs.len() < fewest {
        return None;
    }
    let series: Vec<Series> = rungs.iter().map(|rung| Series::new(rung.cell, rung.clock)).collect();
    let medians = series.iter().map(Series::median).collect::<Option<Vec<Estimate>>>()?;
    let steps = rungs
        .windows(2)
        .zip(series.windows(2))
        .map(|(rungs, series)| {
            let (cause, detail) = cause(rungs[0], rungs[1]);
            Some(Step {
                cause,
                detail,
                ratio: ratio(&series[0], &series[1])?,
            })
        })
        .collect::<Option<Vec<Step>>>()?;
    Some(Ladder {
        shares: shares(&steps, &series)?,
        whole: ratio(series.first()?, series.last()?)?,
        rungs: rungs.iter().map(|rung| rung.cell).collect(),
        medians,
        steps,
        repeated,
    })
}

/// Neighbouring steps that answer one question as one: those of one cause, and wasm with the browser.
fn shares(steps: &[Step], series: &[Series]) -> Option<Vec<(Cause, Estimate)>> {
    let question = |step: &Step| match step.cause {
        Cause::Wasm | Cause::Browser => Cause::WasmAndBrowser,
        cause => cause,
    };
    let mut shares = Vec::new();
    let mut first = 0;
    for alike in steps.chunk_by(|a, b| question(a) == question(b)) {
        let last = first + alike.len();
        let cause = if alike.len() == 1 {
            alike[0].cause
        } else {
            question(&alike[0])
        };
        shares.push((cause, ratio(&series[first], &series[last])?));
        first = last;
    }
    Some(shares)
}

/// What to say of a ratio that may be none.
fn doubt(ratio: &Estimate) -> &'static str {
    if ratio.low <= 1.0 && 1.0 <= ratio.high {
        " (cannot be told from 1x)"
    } else {
        ""
    }
}

impl Ladder<'_> {
    /// What the ladder says, in one sentence.
    pub fn sentence(&self) -> String {
        let shares: Vec<String> = self
            .shares
            .iter()
            .map(|(cause, ratio)| format!("{} {}{}", format::ratio(ratio.value), cause.as_str(), doubt(ratio)))
            .collect();
        let (first, last) = (self.rungs[0], self.rungs[self.rungs.len() - 1]);
        let place = |cell| {
            let rung = rung(cell);
            rung.split_once(", ")
                .map_or(rung.clone(), |(place, how)| format!("{place} ({how})"))
        };
        format!(
            "{} on {}: {} takes {}{} the time of {}, which is {}",
            first.model.name,
            first.engine.name,
            place(last),
            format::ratio(self.whole.value),
            doubt(&self.whole),
            place(first),
            shares.join(" \u{d7} ")
        )
    }

    /// The factors of the sentence, each with its interval.
    pub(crate) fn factors(&self) -> Vec<String> {
        let shares = self.shares.iter();
        shares
            .map(|(cause, ratio)| {
                format!(
                    "{} {} (95 % interval {})",
                    format::ratio(ratio.value),
                    cause.as_str(),
                    format::ratios(ratio)
                )
            })
            .collect()
    }

    /// What a reader of several records must know, if anything.
    pub(crate) fn note(&self) -> Option<String> {
        (self.repeated > 0).then(|| {
            format!(
                "cells left out, because an earlier record holds their rungs: {}",
                self.repeated
            )
        })
    }

    /// The ladder for programs.
    pub(crate) fn json(&self) -> serde_json::Value {
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|step| serde_json::json!({ "cause": step.cause.as_str(), "detail": step.detail, "ratio": format::json(&step.ratio) }))
            .collect();
        serde_json::json!({
            "model": self.rungs[0].model.name,
            "engine": self.rungs[0].engine.name,
            "rungs": self.rungs.iter().map(|cell| &cell.rung).collect::<Vec<_>>(),
            "median_ns": self.medians.iter().map(|median| median.value).collect::<Vec<_>>(),
            "steps": steps,
            "whole": format::json(&self.whole),
            "repeated": self.repeated,
            "sentence": self.sentence(),
        })
    }

    pub(crate) const HEADINGS: [&'static str; 5] = ["where", "why", "median", "factor", "95 % interval"];

    /// Under [`Self::HEADINGS`], a row for every rung; the last one is the whole.
    pub(crate) fn rows(&self) -> Vec<[String; 5]> {
        let factor = |ratio: &Estimate| [format::ratio(ratio.value), format::ratios(ratio)];
        let mut rows = Vec::new();
        for (number, (cell, median)) in self.rungs.iter().zip(&self.medians).enumerate() {
            let step = number.checked_sub(1).map(|before| &self.steps[before]);
            let [value, interval] = step.map_or_else(|| ["-".into(), "-".into()], |step| factor(&step.ratio));
            let cause = step.map_or_else(
                || "-".into(),
                |step| format!("{}: {}", step.cause.as_str(), step.detail),
            );
            rows.push([rung(cell), cause, format::duration(median.value), value, interval]);
        }
        let [value, interval] = factor(&self.whole);
        rows.push(["the whole gap".into(), "-".into(), "-".into(), value, interval]);
        rows
    }
}
