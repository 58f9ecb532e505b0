//! The time of a run by operator, and how close each comes to what the machine allows.

use crate::sorting::sort_by;
use tare_core::run_durations_ns;
use tare_core::stats::{Estimate, median, rounds_estimate, rounds_ratio};
use tare_record::{Cell, OperatorProfile, PeakSpeed, ProfiledNode};

/// Seed of the bootstrap, so that the same records always give the same figures.
const SEED: u64 = 1;

/// The profile of a cell by operator.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorTimes {
    /// The operators, the one with the longest total first.
    pub operators: Vec<OperatorTime>,
    /// Share of a profiled run that is in none of them.
    pub outside: f64,
    /// Duration of a profiled run as a multiple of that of a sampled run: what profiling costs.
    pub cost: Option<Estimate>,
    /// Median peaks of all rounds, if they were measured.
    pub peak: Option<PeakSpeed>,
}

/// All nodes of an operator.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorTime {
    /// ONNX's name, or the engine's if the engine added the nodes.
    pub operator: String,
    /// Number of nodes.
    pub nodes: usize,
    /// Time of a run, in nanoseconds.
    pub duration_ns: Estimate,
    /// The same for each round.
    pub rounds_ns: Vec<f64>,
    /// Share of a profiled run.
    pub share: f64,
    /// Multiply-accumulates of a run.
    pub multiply_accumulates: u64,
    /// Bytes that a run reads and writes.
    pub bytes: u64,
}

/// What keeps an operator from being faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The speed of arithmetic.
    Compute,
    /// The speed of memory.
    Memory,
}

impl Bound {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Bound::Compute => "arithmetic",
            Bound::Memory => "memory",
        }
    }
}

impl OperatorTimes {
    /// `None` if the cell was not profiled, or all its times are zero.
    pub fn of(cell: &Cell) -> Option<Self> {
        let profile = cell.profile.as_ref()?;
        let profiled: Vec<Vec<f64>> = profile.rounds.iter().map(|round| floats(&round.runs_ns)).collect();
        let means: Option<Vec<f64>> = profiled.iter().map(|runs| mean(runs)).collect();
        let run = mean(&means?)?;
        let mut operators: Vec<OperatorTime> = names(profile)
            .into_iter()
            .filter_map(|name| OperatorTime::of(name, profile, run))
            .collect();
        sort_by(&mut operators, |a, b| b.share.total_cmp(&a.share));
        let inside_ns = profile.nodes.iter().flat_map(|node| &node.rounds_ns).sum::<u64>() as f64;
        let inside = inside_ns / profile.rounds.len() as f64 / run;
        Some(Self {
            operators,
            outside: (1.0 - inside).max(0.0),
            cost: rounds_ratio(&profiled, &run_durations_ns(cell), SEED),
            peak: median_peak(profile),
        })
    }
}

impl OperatorTime {
    fn of(name: &str, profile: &OperatorProfile, run_ns: f64) -> Option<Self> {
        let nodes: Vec<&ProfiledNode> = profile.nodes.iter().filter(|node| node.operator == name).collect();
        let in_round = |round| nodes.iter().filter_map(|node| node.rounds_ns.get(round)).sum::<u64>() as f64;
        let rounds_ns: Vec<f64> = (0..profile.rounds.len()).map(in_round).collect();
        // On a coarse clock, an operator may take no time that can be seen.
        let duration_ns = rounds_estimate(&singly(&rounds_ns))?;
        Some(Self {
            operator: name.to_owned(),
            nodes: nodes.len(),
            share: mean(&rounds_ns)? / run_ns,
            duration_ns,
            rounds_ns,
            multiply_accumulates: nodes.iter().map(|node| node.multiply_accumulates).sum(),
            bytes: nodes.iter().map(|node| node.bytes).sum(),
        })
    }

    /// Floating-point operations per second: two for each multiply-accumulate.
    pub fn flops_per_s(&self) -> f64 {
        2e9 * self.multiply_accumulates as f64 / self.duration_ns.value
    }

    /// Bytes read and written per second.
    pub fn bytes_per_s(&self) -> f64 {
        1e9 * self.bytes as f64 / self.duration_ns.value
    }

    /// What bounds it, and the share of that peak that it reaches: the roofline (Williams, Waterman and Patterson,
    /// 2009). More than 1 is possible where operands come from caches, which are faster than the memory whose speed was
    /// measured.
    /// `None` if it neither computes nor moves anything.
    pub fn roofline(&self, peak: &PeakSpeed) -> Option<(Bound, f64)> {
        let ns = |amount: u64, per_s: u64| amount as f64 * 1e9 / per_s.max(1) as f64;
        let compute_ns = ns(self.multiply_accumulates, peak.multiply_accumulates_per_s);
        let memory_ns = ns(self.bytes, peak.copied_bytes_per_s);
        let (bound, shortest_ns) = if compute_ns >= memory_ns {
            (Bound::Compute, compute_ns)
        } else {
            (Bound::Memory, memory_ns)
        };
        (shortest_ns > 0.0).then(|| (bound, shortest_ns / self.duration_ns.value))
    }

    /// Time as a multiple of that of the same operator elsewhere.
    pub fn ratio(&self, other: &Self) -> Option<Estimate> {
        rounds_ratio(&singly(&self.rounds_ns), &singly(&other.rounds_ns), SEED)
    }
}

/// Operators in the order in which they first run.
fn names(profile: &OperatorProfile) -> Vec<&str> {
    let mut names = Vec::new();
    for node in &profile.nodes {
        if !names.contains(&node.operator.as_str()) {
            names.push(&node.operator);
        }
    }
    names
}

fn median_peak(profile: &OperatorProfile) -> Option<PeakSpeed> {
    let peaks: Vec<PeakSpeed> = profile.rounds.iter().filter_map(|round| round.peak).collect();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the median of u64 that are far smaller"
    )]
    let of = |part: fn(&PeakSpeed) -> u64| {
        let values: Vec<f64> = peaks.iter().map(|peak| part(peak) as f64).collect();
        median(&values).map(|median| median as u64)
    };
    Some(PeakSpeed {
        multiply_accumulates_per_s: of(|peak| peak.multiply_accumulates_per_s)?,
        copied_bytes_per_s: of(|peak| peak.copied_bytes_per_s)?,
    })
}

fn floats(values: &[u64]) -> Vec<f64> {
    values.iter().map(|&value| value as f64).collect()
}

/// Rounds of one value each.
fn singly(values: &[f64]) -> Vec<Vec<f64>> {
    values.iter().map(|&value| vec![value]).collect()
}

fn mean(values: &[f64]) -> Option<f64> {
    let total: f64 = values.iter().sum();
    (total > 0.0).then(|| total / values.len() as f64)
}
