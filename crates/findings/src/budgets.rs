//! Which time budgets are met, and what would have to fall.

use tare_record::Question;

use crate::finding::{Answer, Figure, Finding, Quantity};
use crate::floor::NULL;
use crate::format;
use crate::labels;
use crate::measured::{Measured, groups, largest_stage, listed, sampled};

pub(crate) fn findings(cells: &[Measured<'_>]) -> Vec<Finding> {
    let usable = sampled(cells, Question::Budgets).filter(|cell| cell.model() != NULL);
    let groups = groups(usable, |cell| {
        (
            cell.place,
            cell.model().to_owned(),
            cell.cell.load.batch,
            cell.cell.options.clone(),
        )
    });
    groups.iter().filter_map(|group| finding(group)).collect()
}

fn finding(group: &[&Measured<'_>]) -> Option<Finding> {
    let timed = group.iter().filter_map(|&cell| Some((cell, cell.median()?)));
    let (fastest, median) = timed.min_by(|a, b| a.1.value.total_cmp(&b.1.value))?;
    let budgets = &fastest.record.plan.budgets_ms;
    if budgets.is_empty() {
        return None;
    }
    let mut figures = vec![Figure::new(
        format!("fastest run, on {}", fastest.engine_in_words()),
        Quantity::Duration(median),
    )];
    // The tail decides where it is known.
    let tail = fastest.percentile(0.95);
    figures.extend(tail.map(|tail| Figure::new("p95 of the same", Quantity::Duration(tail))));
    let judged = tail.unwrap_or(median);
    let (mut met, mut missed, mut open) = (vec![], vec![], vec![]);
    for &budget_ms in budgets {
        let budget_ns = budget_ms as f64 * 1e6;
        let name = format!("{budget_ms} ms");
        if judged.high <= budget_ns {
            met.push(name);
        } else if judged.low > budget_ns {
            missed.push(format!(
                "{name} (it would have to be {} as fast)",
                format::ratio(median.value / budget_ns)
            ));
        } else {
            open.push(name);
        }
    }
    let measure = if tail.is_some() { "p95" } else { "the median" };
    let mut text = format!(
        "{}, {} takes {} on {}",
        fastest.where_it_ran(),
        labels::workload(fastest.cell),
        format::duration(median.value),
        fastest.engine_in_words()
    );
    let mut judgments = Vec::new();
    if !met.is_empty() {
        judgments.push(format!("keeps to {}", listed(&met)));
    }
    if !missed.is_empty() {
        judgments.push(format!("misses {}", listed(&missed)));
    }
    if !open.is_empty() {
        judgments.push(format!("may keep to {}, which lies within the interval", listed(&open)));
    }
    text += &format!(" and {}, by {measure}", listed(&judgments));
    if !missed.is_empty()
        && let Some((name, share)) = largest_stage(fastest)
    {
        figures.push(Figure::new(format!("share of {name}"), Quantity::Share(share)));
        text += &format!(". The largest part, {}, is {name}", format::percent(share));
    }
    Some(Finding {
        question: Question::Budgets,
        answer: Answer::Told(text + "."),
        figures,
        assumptions: vec![],
    })
}

#[cfg(test)]
mod tests {
    use tare_record::{EngineName, Question};

    use crate::simulated::{Simulated, answers};

    #[test]
    fn budgets_are_judged_by_the_fastest_engine() {
        let cells = [
            Simulated {
                run_ms: 60.0,
                stages: vec![("d0", 0.2), ("d2", 0.8)],
                ..Simulated::default()
            },
            Simulated {
                engine: EngineName::BurnFlex,
                run_ms: 600.0,
                ..Simulated::default()
            },
        ];
        let found = answers(Question::Budgets, &cells);
        assert_eq!(found.len(), 1);
        for expected in [
            "takes 60.0 ms on tract on 1 thread and keeps to 100 ms and misses 33 ms (it would have to be 1.82x as fast), by p95",
            "The largest part, 80 %, is d2",
        ] {
            assert!(found[0].contains(expected), "{found:?} lacks {expected}");
        }
    }

    #[test]
    fn a_budget_within_the_interval_is_left_open() {
        let cells = [Simulated {
            run_ms: 100.0,
            samples: 5,
            spread: 0.1,
            ..Simulated::default()
        }];
        let found = answers(Question::Budgets, &cells);
        assert!(
            found[0].contains("may keep to 100 ms") && found[0].contains("by the median"),
            "{found:?}"
        );
    }
}
