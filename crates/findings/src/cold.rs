//! What the first result costs more than later ones, and which stage takes the most.

use tare_core::stats::{Estimate, median};
use tare_record::{Phase, PhaseName, Question};

use crate::finding::{Answer, Figure, Finding, Quantity};
use crate::format;
use crate::labels;
use crate::measured::{Measured, largest_stage, sampled, scaled};

/// Models of one network have no stages, and their first results stand in the report's table of one-time costs.
pub(crate) fn findings(cells: &[Measured<'_>]) -> Vec<Finding> {
    let usable = sampled(cells, Question::Cold).filter(|cell| cell.cell.stages.len() > 1);
    usable.filter_map(finding).collect()
}

/// Time until the engine computes at its usual speed, and the part of it that a warm-up call would take.
fn cold_ns(phases: &[Phase]) -> Option<(f64, f64)> {
    let of = |name: PhaseName| {
        phases
            .iter()
            .filter(move |phase| phase.name == name)
            .map(|phase| phase.duration_ns as f64)
    };
    let first: f64 = of(PhaseName::FirstRun).next()?;
    let tuning: f64 = of(PhaseName::Tuning).sum();
    let before = phases
        .iter()
        .take_while(|phase| phase.name != PhaseName::FirstRun)
        .map(|phase| phase.duration_ns as f64)
        .sum::<f64>();
    Some((before + first, first + tuning))
}

/// Median with the range of all values, which says more than an interval of few values.
fn ranged(values: &[f64]) -> Option<Estimate> {
    Some(Estimate {
        value: median(values)?,
        low: values.iter().copied().fold(f64::INFINITY, f64::min),
        high: values.iter().copied().fold(0.0, f64::max),
    })
}

fn finding(cell: &Measured<'_>) -> Option<Finding> {
    let rounds = cell.cell.rounds.iter().filter_map(|round| cold_ns(&round.phases));
    let (to_first, warm_up): (Vec<f64>, Vec<f64>) = rounds.unzip();
    let (to_first, warm_up) = (ranged(&to_first)?, ranged(&warm_up)?);
    let warm = cell.median()?;
    let ratio = scaled(&to_first, 1.0 / warm.value);
    let saved = (warm_up.value - warm.value).max(0.0);
    let mut figures = vec![
        Figure::new(
            "time to the first result (smallest to largest round)",
            Quantity::Duration(to_first),
        ),
        Figure::new("later run", Quantity::Duration(warm)),
        Figure::new(
            "first run and tuning (smallest to largest round)",
            Quantity::Duration(warm_up),
        ),
    ];
    let mut text = format!(
        "{}, {} on {} gives its first result after {}, {} the time of later ones ({}). A call before the first user saves {}",
        cell.where_it_ran(),
        labels::workload(cell.cell),
        cell.engine_in_words(),
        format::duration(to_first.value),
        format::ratio(ratio.value),
        format::duration(warm.value),
        format::duration(saved)
    );
    if let Some((name, share)) = largest_stage(cell) {
        figures.push(Figure::new(
            format!("share of {name} in a later run"),
            Quantity::Share(share),
        ));
        text += &format!(". Of a later run, {} is {name}", format::percent(share));
    }
    let device: Vec<f64> = cell.cell.device_runs_ns.iter().map(|&ns| ns as f64).collect();
    if let Some(device) = median(&device) {
        let share = (device / warm.value).min(1.0);
        figures.push(Figure::new(
            "share of a later run in which the device computes",
            Quantity::Share(share),
        ));
        text += &format!(
            ". In a later run, the device computes for {} of the time",
            format::percent(share)
        );
    } else if let Some(busy) = busy_cores(cell) {
        figures.push(Figure::new(
            "time in which the cores are busy, loading included",
            Quantity::Share(busy),
        ));
        text += &format!(
            ". Meanwhile, loading included, the cores of the machine are busy for {} of the time",
            format::percent(busy)
        );
    }
    Some(Finding {
        question: Question::Cold,
        answer: Answer::Told(text + "."),
        figures,
        assumptions: vec!["Files and code may already be in the operating system's cache.".into()],
    })
}

/// Median over the rounds of the share of the time of all cores in which they were busy with anything.
fn busy_cores(cell: &Measured<'_>) -> Option<f64> {
    let rounds = cell.cell.rounds.iter();
    let shares = rounds.filter_map(|round| Some(round.machine?.busy_permille? as f64 / 1e3));
    median(&shares.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use tare_record::Question;

    use crate::simulated::{Simulated, answers};

    #[test]
    fn the_first_result_is_compared_with_later_ones() {
        let cell = |stages| Simulated {
            run_ms: 80.0,
            first_run_ms: 150.0,
            load_ms: 850.0,
            stages,
            ..Simulated::default()
        };
        let found = answers(Question::Cold, &[cell(vec![("sampling", 0.37), ("decoding", 0.63)])]);
        for expected in [
            "first result after 1.00 s, 12.5x the time",
            "saves 70.",
            "63 % is decoding",
        ] {
            assert!(found[0].contains(expected), "{found:?} lacks {expected}");
        }
        assert!(answers(Question::Cold, &[cell(vec![])]).is_empty());
    }
}
