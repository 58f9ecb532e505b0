//! What the harness itself takes of a run.

use tare_record::Question;

use crate::finding::{Answer, Figure, Finding, Quantity};
use crate::format;
use crate::labels;
use crate::measured::{Measured, groups, sampled};

/// The network that only copies its input.
pub(crate) const NULL: &str = "null";

pub(crate) fn findings(cells: &[Measured<'_>]) -> Vec<Finding> {
    let usable = sampled(cells, Question::Floor);
    let groups = groups(usable, |cell| (cell.place, cell.engine()));
    groups.iter().filter_map(|group| finding(group)).collect()
}

fn finding(group: &[&Measured<'_>]) -> Option<Finding> {
    let floor = group.iter().find(|cell| cell.model() == NULL)?;
    let floor_median = floor.median()?;
    let others = group.iter().filter(|cell| cell.model() != NULL);
    let shares = others.filter_map(|cell| Some((cell, floor_median.value / cell.median()?.value)));
    let (smallest, share) = shares.max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Finding {
        question: Question::Floor,
        answer: Answer::Told(format!(
            "{}, a run on {} takes {} without any computation: {} of a run of {}, the shortest of the others.",
            floor.where_it_ran(),
            floor.engine(),
            format::duration(floor_median.value),
            format::percent(share),
            labels::workload(smallest.cell)
        )),
        figures: vec![
            Figure::new("run of null", Quantity::Duration(floor_median)),
            Figure::new(
                format!("of a run of {}", labels::workload(smallest.cell)),
                Quantity::Share(share),
            ),
        ],
        assumptions: vec![],
    })
}

#[cfg(test)]
mod tests {
    use tare_record::Question;

    use crate::simulated::{Simulated, answers};

    #[test]
    fn the_floor_is_compared_with_the_shortest_run() {
        let of = |model, run_ms| Simulated {
            model,
            run_ms,
            ..Simulated::default()
        };
        let found = answers(Question::Floor, &[of("null", 0.1), of("a", 10.0), of("b", 1_000.0)]);
        assert!(
            found[0].contains("takes 100 \u{b5}s without any computation: 1.0 % of a run of a"),
            "{found:?}"
        );
        assert!(answers(Question::Floor, &[of("a", 10.0)]).is_empty());
        assert!(answers(Question::Floor, &[of("null", 0.1)]).is_empty());
    }
}
