//! Which operators take the time of a run, what bounds them, and what the browser costs each.

use tare_core::stats::Estimate;
use tare_record::Question;

use crate::finding::{Answer, Figure, Finding, Quantity};
use crate::format;
use crate::labels;
use crate::measured::{Measured, groups, sampled};
use crate::operator_times::{Bound, OperatorTime, OperatorTimes};

/// An operator that reaches less than this share of its peak is bound by neither arithmetic nor memory.
const CLOSE_TO_PEAK: f64 = 0.2;

/// Factors of operators that take less than this share of a run are left out: they depend on the clock.
const LEAST_SHARE: f64 = 0.01;

/// A profile of runs that take this many times as long as others shows the profiler.
const MOST_COST: f64 = 1.1;

pub(crate) fn findings(cells: &[Measured<'_>]) -> Vec<Finding> {
    let usable = || sampled(cells, Question::Operators).filter(|cell| cell.cell.profile.is_some());
    let dominating = usable().filter_map(dominating);
    let groups = groups(usable(), |cell| {
        (
            cell.record.run.clone(),
            cell.model().to_owned(),
            cell.engine(),
            cell.threads(),
            cell.cell.load.batch,
            cell.cell.options.clone(),
        )
    });
    dominating.chain(groups.iter().flat_map(|group| costs(group))).collect()
}

/// The operator that takes most of a run.
fn dominating(cell: &Measured<'_>) -> Option<Finding> {
    let times = OperatorTimes::of(cell.cell)?;
    let longest = times.operators.first()?;
    let mut figures = vec![
        Figure::new(
            format!("{} in a run", longest.operator),
            Quantity::Duration(longest.duration_ns),
        ),
        Figure::new(format!("share of {}", longest.operator), Quantity::Share(longest.share)),
    ];
    figures.extend(
        times
            .cost
            .map(|cost| Figure::new("profiled run over a sampled run", Quantity::Ratio(cost))),
    );
    let is_gpu = cell.engine().is_on_gpu();
    let outside = if is_gpu {
        "The device finished each node before the next began, so nodes do not overlap as they do in a run.".into()
    } else {
        figures.push(Figure::new("outside the operators", Quantity::Share(times.outside)));
        format!(
            "{} of the run is outside the operators.",
            format::percent(times.outside)
        )
    };
    Some(Finding {
        question: Question::Operators,
        answer: Answer::Told(format!(
            "{}, {} takes {} of a run of {} on {}. {} {outside}",
            cell.where_it_ran(),
            longest.operator,
            format::percent(longest.share),
            labels::workload(cell.cell),
            cell.engine_in_words(),
            bound(longest, &times),
        )),
        figures,
        assumptions: assumptions(&times),
    })
}

/// What bounds an operator, in a sentence.
fn bound(operator: &OperatorTime, times: &OperatorTimes) -> String {
    let Some(peak) = &times.peak else {
        return "What bounds it cannot be told, because no peak was measured there.".into();
    };
    let Some((bound, reached)) = operator.roofline(peak) else {
        return "It neither computes nor moves anything.".into();
    };
    let (speed, peak) = match bound {
        Bound::Compute => (
            format::flops_rate(operator.flops_per_s()),
            "the peak of arithmetic there",
        ),
        Bound::Memory => (format::bytes_rate(operator.bytes_per_s()), "the speed of copies there"),
    };
    let reached_text = format::percent(reached);
    match bound {
        _ if reached < CLOSE_TO_PEAK => format!(
            "Neither arithmetic nor memory bounds it: at {speed}, it reaches {reached_text} of {peak}, so its kernel has \
             room to improve."
        ),
        Bound::Memory if reached > 1.0 => {
            format!("It is bound by memory: {speed}, {reached_text} of {peak}, so much of the data comes from caches.")
        }
        bound => format!("It is bound by {}: {speed}, {reached_text} of {peak}.", bound.as_str()),
    }
}

fn assumptions(times: &OperatorTimes) -> Vec<String> {
    let mut assumptions = vec![
        "Every value is read and written once, and only the products of convolutions and matrix products are \
         arithmetic."
            .into(),
    ];
    assumptions.extend(times.cost.filter(|cost| cost.low > MOST_COST).map(|cost| {
        format!(
            "Profiled runs took {} as long as others: shares are those of nodes that are run one by one.",
            Quantity::Ratio(cost)
        )
    }));
    assumptions
}

/// What the operators of a workload cost elsewhere, compared with the native cell.
fn costs(group: &[&Measured<'_>]) -> Vec<Finding> {
    let Some(native) = group.iter().find(|cell| cell.is_native()) else {
        return vec![];
    };
    let others = group.iter().filter(|cell| !cell.is_native());
    others.filter_map(|other| cost(native, other)).collect()
}

fn cost(native: &Measured<'_>, other: &Measured<'_>) -> Option<Finding> {
    let (before, after) = (OperatorTimes::of(native.cell)?, OperatorTimes::of(other.cell)?);
    let pairs = after.operators.iter().filter_map(|operator| {
        let same = before
            .operators
            .iter()
            .find(|same| same.operator == operator.operator)?;
        let extra_ns = operator.duration_ns.value - same.duration_ns.value;
        Some((operator, extra_ns, operator.ratio(same)?))
    });
    let pairs: Vec<(&OperatorTime, f64, Estimate)> = pairs.collect();
    let extra_ns: f64 = pairs.iter().map(|(_, extra_ns, _)| extra_ns.max(0.0)).sum();
    let most = pairs.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let seen = pairs.iter().filter(|(operator, ..)| operator.share >= LEAST_SHARE);
    let factor = seen.max_by(|a, b| a.2.value.total_cmp(&b.2.value))?;
    let subject = format!(
        "{}, {} on {}",
        other.where_it_ran(),
        labels::workload(other.cell),
        other.engine_in_words()
    );
    let text = if most.2.low <= 1.0 || extra_ns <= 0.0 {
        format!(
            "{subject}: no operator takes measurably longer than it does natively; {} takes {}.",
            most.0.operator,
            Quantity::Ratio(most.2)
        )
    } else {
        let also = if factor.0.operator == most.0.operator {
            "No other operator slows down more.".into()
        } else {
            format!("{} slows down most: {}.", factor.0.operator, Quantity::Ratio(factor.2))
        };
        format!(
            "{subject}: {} accounts for {} of the extra time over native, with {} more, {} as long. {also}",
            most.0.operator,
            format::percent(most.1 / extra_ns),
            format::duration(most.1),
            Quantity::Ratio(most.2),
        )
    };
    let figures = pairs.iter().filter(|(operator, ..)| operator.share >= LEAST_SHARE);
    Some(Finding {
        question: Question::Operators,
        answer: Answer::Told(text),
        figures: figures
            .map(|(operator, _, ratio)| {
                Figure::new(format!("{} over native", operator.operator), Quantity::Ratio(*ratio))
            })
            .collect(),
        assumptions: assumptions(&after),
    })
}

#[cfg(test)]
mod tests {
    use tare_record::{EngineName, EnvironmentKind, PeakSpeed, Question};

    use crate::simulated::{Simulated, SimulatedOperator, answers};

    const PEAK: PeakSpeed = PeakSpeed {
        multiply_accumulates_per_s: 100_000_000_000,
        copied_bytes_per_s: 20_000_000_000,
    };

    /// A 100 ms run: 90 ms in one operator, 8 ms in another, and 2 ms outside both.
    fn profiled(operator: &'static str, multiply_accumulates: u64, bytes: u64) -> Simulated {
        let of = |operator, share, multiply_accumulates, bytes| SimulatedOperator {
            operator,
            share,
            multiply_accumulates,
            bytes,
        };
        Simulated {
            operators: vec![
                of(operator, 0.9, multiply_accumulates, bytes),
                of("Relu", 0.08, 0, 1_000_000),
            ],
            peak: Some(PEAK),
            ..Simulated::default()
        }
    }

    #[test]
    fn the_dominating_operator_and_its_bound_are_named() {
        for (multiply_accumulates, bytes, expected) in [
            // 4.5 G in 90 ms is half the peak.
            (
                4_500_000_000,
                1_000_000,
                "bound by arithmetic: 100 GFLOP/s, 50 % of the peak",
            ),
            (
                0,
                900_000_000,
                "bound by memory: 10.0 GB/s, 50 % of the speed of copies there.",
            ),
            (
                0,
                3_600_000_000,
                "200 % of the speed of copies there, so much of the data comes from caches",
            ),
            (0, 9_000_000, "Neither arithmetic nor memory bounds it: at 100 MB/s"),
        ] {
            let found = answers(Question::Operators, &[profiled("Conv", multiply_accumulates, bytes)]);
            assert!(
                found[0].contains("Conv takes 90 % of a run of net on tract"),
                "{found:?}"
            );
            assert!(found[0].contains(expected), "{found:?} lacks {expected}");
            assert!(
                found[0].contains("2.0 % of the run is outside the operators"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn without_peak_or_profile_less_is_said() {
        let without_peak = Simulated {
            peak: None,
            ..profiled("Conv", 1, 1)
        };
        let found = answers(Question::Operators, &[without_peak]);
        assert!(found[0].contains("no peak was measured there"), "{found:?}");
        assert!(answers(Question::Operators, &[Simulated::default()]).is_empty());
        let on_gpu = Simulated {
            engine: EngineName::BurnWgpu,
            ..profiled("Conv", 1, 1)
        };
        let found = answers(Question::Operators, &[on_gpu]);
        assert!(
            found[0].contains("do not overlap") && !found[0].contains("outside"),
            "{found:?}"
        );
    }

    #[test]
    fn the_operator_that_the_browser_costs_most_is_named() {
        let in_browser = |run_ms| Simulated {
            environment: EnvironmentKind::Browser,
            run_ms,
            ..profiled("Conv", 1, 1)
        };
        let found = answers(Question::Operators, &[profiled("Conv", 1, 1), in_browser(300.0)]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found[2].contains("Conv accounts for 92 % of the extra time over native, with 180 ms more, 3.00x"),
            "{found:?}"
        );
        let found = answers(Question::Operators, &[profiled("Conv", 1, 1), in_browser(100.0)]);
        assert!(found[2].contains("no operator takes measurably longer"), "{found:?}");
        let found = answers(Question::Operators, &[in_browser(300.0)]);
        assert_eq!(found.len(), 1, "without the native side nothing is compared: {found:?}");
    }
}
