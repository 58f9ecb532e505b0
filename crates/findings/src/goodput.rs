//! How many requests are answered in time.

use tare_record::{Arrivals, Question};

use crate::finding::{Answer, Figure, Finding, Quantity};
use crate::format;
use crate::labels;
use crate::load_parts::LoadParts;
use crate::measured::{Measured, asking, scaled};

pub(crate) fn findings(cells: &[Measured<'_>]) -> Vec<Finding> {
    let usable = asking(cells, Question::Load);
    usable.flat_map(of_cell).collect()
}

fn of_cell(cell: &Measured<'_>) -> Vec<Finding> {
    match cell.cell.load.requests.map(|load| load.arrivals) {
        Some(Arrivals::Goal(_)) => searched(cell).into_iter().collect(),
        Some(Arrivals::Poisson(_) | Arrivals::Constant(_)) => {
            let budgets = cell.record.plan.budgets_ms.iter();
            budgets.filter_map(|&budget_ms| in_time(cell, budget_ms)).collect()
        }
        Some(Arrivals::Clients(_)) | None => vec![],
    }
}

fn subject(cell: &Measured<'_>) -> String {
    format!(
        "{}, {} on {}",
        cell.where_it_ran(),
        labels::workload(cell.cell),
        cell.engine_in_words()
    )
}

/// The rate that keeps a goal.
fn searched(cell: &Measured<'_>) -> Option<Finding> {
    let rate = LoadParts::of(cell.cell)?.rate?;
    Some(Finding {
        question: Question::Load,
        answer: Answer::Told(format!("{}: {}.", subject(cell), Quantity::Rate(rate))),
        figures: vec![Figure::new("items at that rate", Quantity::Rate(rate))],
        assumptions: vec![
            "The rate was searched in several trials of each round, to within about 5 %, or more with batching or few requests."
                .into(),
        ],
    })
}

/// The share of a schedule's requests that are answered within a budget.
fn in_time(cell: &Measured<'_>, budget_ms: u64) -> Option<Finding> {
    let rate = LoadParts::of(cell.cell)?.rate?;
    let budget_ns = budget_ms.saturating_mul(1_000_000);
    let all = cell.cell.samples_ns.len().max(1) as f64;
    let share = cell.cell.samples_ns.iter().filter(|&&ns| ns <= budget_ns).count() as f64 / all;
    let goodput = scaled(&rate, share);
    Some(Finding {
        question: Question::Load,
        answer: Answer::Told(format!(
            "{}: {} of the requests are answered within {budget_ms} ms, a goodput of {}.",
            subject(cell),
            format::percent(share),
            format::items_rate(goodput.value)
        )),
        figures: vec![
            Figure::new(format!("answered within {budget_ms} ms"), Quantity::Share(share)),
            Figure::new("goodput", Quantity::Rate(goodput)),
        ],
        assumptions: vec![],
    })
}

#[cfg(test)]
mod tests {
    use tare_record::{Load, Question};

    use crate::simulated::{Simulated, answers};

    fn under(arrivals: &str, run_ms: f64) -> Simulated {
        Simulated {
            load: Some(Load::new(arrivals.parse().unwrap())),
            load_per_second: 20.0,
            run_ms,
            ..Simulated::default()
        }
    }

    /// Whether one of the answers contains a text.
    fn says(cell: Simulated, expected: &str) -> bool {
        let found = answers(Question::Load, &[cell]);
        found.iter().any(|text| text.contains(expected))
    }

    #[test]
    fn what_is_answered_in_time_is_goodput() {
        assert!(says(
            under("poisson 20/s", 50.0),
            "100 % of the requests are answered within 100 ms, a goodput of 20"
        ));
        assert!(says(
            under("poisson 20/s", 200.0),
            "0 % of the requests are answered within 100 ms"
        ));
    }

    #[test]
    fn the_rate_of_a_goal_is_told() {
        let cell = under("95% within 100 ms", 50.0);
        assert!(says(
            cell,
            "the largest rate with 95 % within 100 ms on tract on 1 thread: 20"
        ));
    }
}
