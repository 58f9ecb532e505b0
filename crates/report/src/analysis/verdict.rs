//! What a pair says, in sentences.

use tare_core::stats::{Estimate, more_needed};

use tare_record::Cell;

use super::pairing::{Basis, Pair};
use tare_findings::{format, labels};

/// An interval around 1 that reaches further than this says nothing worth saying.
const CANNOT_TELL_PERCENT: f64 = 50.0;

/// It is no advice to take more samples or rounds than this many times those there are.
const PRACTICAL_FACTOR: usize = 20;

/// Users seldom care about smaller differences.
const WORTH_TELLING_PERCENT: f64 = 2.0;

/// What a pair compares: workload and engine, with threads on the CPU.
pub(crate) fn subject(pair: &Pair<'_>) -> String {
    work_on_threads(pair.other)
}

/// Workload and engine of a cell, with threads on the CPU.
pub(crate) fn work_on_threads(cell: &Cell) -> String {
    let mut subject = labels::work(cell);
    if cell.adapter.is_none() {
        subject += &format!(", {}", labels::threads(cell.configuration.threads));
    }
    subject
}

/// What a pair says, in one sentence.
pub fn verdict(pair: &Pair<'_>) -> String {
    let ratio = &pair.ratio;
    let (subject, place) = (subject(pair), labels::place(pair.other));
    let [native, other] = pair.medians.map(|median| format::duration(median.value));
    let times = format!("{other} instead of {native}, 95 % interval {}", format::ratios(ratio));
    if ratio.low > 1.0 || ratio.high < 1.0 {
        let faster = if ratio.value < 1.0 { ", so it is faster" } else { "" };
        let ratio = format::ratio(ratio.value);
        return format!("{subject}: {place} takes {ratio} the native time{faster} ({times})");
    }
    let bound = (ratio.high - 1.0).max(1.0 - ratio.low) * 100.0;
    let (count, unit) = match pair.basis {
        Basis::Samples(count) => (count, "samples"),
        Basis::Rounds(count) | Basis::Pairs(count) => (count, "rounds"),
    };
    let more = match more_needed(count, bound, WORTH_TELLING_PERCENT) {
        0 => String::new(),
        // Nobody waits that long: another machine or a quieter one helps.
        more if more > PRACTICAL_FACTOR * count => String::new(),
        more => format!("; about {more} more {unit} on each side would show {WORTH_TELLING_PERCENT} %"),
    };
    if bound > CANNOT_TELL_PERCENT {
        format!("{subject}: cannot tell native and {place} apart, their {unit} scatter too widely ({times}){more}")
    } else {
        format!("{subject}: no difference between native and {place} above {bound:.1} % ({times}){more}")
    }
}

/// What a pair says about each part of a run, one line each.
pub(crate) fn stage_verdicts(pair: &Pair<'_>) -> Vec<String> {
    let verdict = |(name, ratio): &(String, Estimate)| {
        format!(
            "{name}: {} (95 % interval {})",
            format::ratio(ratio.value),
            format::ratios(ratio)
        )
    };
    pair.stages.iter().map(verdict).collect()
}
