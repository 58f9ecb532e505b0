//! What several sessions of a server or of workers gain over one, or several submissions to a GPU.

use tare_core::stats::{rounds_estimate, rounds_ratio};
use tare_record::{Load, Question};

use crate::finding::{Answer, Figure, Finding, Quantity};
use crate::format;
use crate::labels;
use crate::load_parts::rates;
use crate::measured::{Measured, asking, groups, is_different};

/// Seed of the bootstrap.
const SEED: u64 = 1;

pub(crate) fn findings(cells: &[Measured<'_>]) -> Vec<Finding> {
    let usable = asking(cells, Question::Load).filter(|cell| cell.is_under_load());
    let groups = groups(usable, |cell| {
        let otherwise = cell.cell.load.requests.map(|load| Load {
            sessions: None,
            submissions: None,
            ..load
        });
        (
            cell.place,
            cell.model().to_owned(),
            cell.engine(),
            cell.threads(),
            cell.cell.load.batch,
            cell.cell.options.clone(),
            cell.transport(),
            otherwise,
        )
    });
    groups.iter().filter_map(|group| finding(group)).collect()
}

fn finding(group: &[&Measured<'_>]) -> Option<Finding> {
    let ones = || group.iter().filter(|cell| at_once(cell) == 1);
    let one = ones()
        .find(|cell| count_of_submissions(cell).is_some())
        .or_else(|| ones().next())?;
    let mut figures = vec![rate(one)?];
    let mut best: Option<(&Measured<'_>, f64)> = None;
    for cell in group.iter().filter(|cell| at_once(cell) > 1) {
        let figure = rate(cell)?;
        let Quantity::Rate(estimate) = figure.quantity else {
            continue;
        };
        if best.is_none_or(|(_, most)| estimate.value > most) {
            best = Some((cell, estimate.value));
        }
        figures.push(figure);
    }
    let (best, _) = best?;
    let gain = rounds_ratio(&rates(best.cell), &rates(one.cell), SEED)?;
    let slower = best.ratio(one)?;
    let (count, (name, names)) = (at_once(best), names(best));
    figures.push(Figure::new(
        format!("items over those of one {name}"),
        Quantity::Ratio(gain),
    ));
    let subject = format!(
        "{}, {} on {}",
        best.where_it_ran(),
        labels::workload(one.cell),
        best.engine_in_words()
    );
    let text = if is_different(&gain) {
        format!(
            "{subject}: {count} {names} make {} as many items as one, and a request takes {} the time.",
            Quantity::Ratio(gain),
            format::ratio(slower.value)
        )
    } else {
        format!(
            "{subject}: more {names} than one make no more items that can be seen ({} with {count}).",
            Quantity::Ratio(gain)
        )
    };
    Some(Finding {
        question: Question::Load,
        answer: Answer::Told(text),
        figures,
        assumptions: vec![match count_of_submissions(best) {
            None => "Sessions share the processors of one machine.".into(),
            Some(_) => {
                "Submissions share one GPU, which computes them one after the other or mixed, as its driver chooses."
                    .into()
            }
        }],
    })
}

fn count_of_submissions(cell: &Measured<'_>) -> Option<usize> {
    cell.cell.load.requests?.submissions
}

/// How many runs are under way at the same time.
fn at_once(cell: &Measured<'_>) -> usize {
    count_of_submissions(cell).unwrap_or(1) * cell.sessions()
}

/// What these are called: one, and several.
fn names(cell: &Measured<'_>) -> (&'static str, &'static str) {
    match count_of_submissions(cell) {
        None => ("session", "sessions"),
        Some(_) => ("submission", "submissions"),
    }
}

fn rate(cell: &Measured<'_>) -> Option<Figure> {
    let (count, (name, names)) = (at_once(cell), names(cell));
    let rate = rounds_estimate(&rates(cell.cell))?;
    let what = if count == 1 { name } else { names };
    Some(Figure::new(format!("items with {count} {what}"), Quantity::Rate(rate)))
}

#[cfg(test)]
mod tests {
    use tare_record::{Arrivals, Load, Question, Transport};

    use crate::simulated::{Simulated, answers};

    fn with(sessions: Option<usize>, per_second: f64) -> Simulated {
        Simulated {
            load: Some(Load {
                sessions,
                ..Load::new(Arrivals::Clients(3))
            }),
            load_per_second: per_second,
            transport: Some(Transport::Grpc),
            ..Simulated::default()
        }
    }

    /// Whether one of the answers contains a text.
    fn says(cells: &[Simulated], expected: &str) -> bool {
        let found = answers(Question::Load, cells);
        found.iter().any(|text| text.contains(expected))
    }

    #[test]
    fn the_best_number_of_sessions_is_named() {
        let cells = [with(None, 10.0), with(Some(2), 18.0), with(Some(3), 15.0)];
        assert!(says(&cells, "2 sessions make 1.80x"));
        assert!(says(
            &[with(Some(1), 10.0), with(Some(2), 10.0)],
            "no more items that can be seen"
        ));
        assert!(!says(&[with(Some(2), 10.0)], "sessions"));
    }

    #[test]
    fn submissions_are_not_called_sessions() {
        let with = |count, per_second| {
            let mut cell = with(None, per_second);
            cell.transport = None;
            cell.load.as_mut().unwrap().submissions = Some(count);
            cell
        };
        assert!(says(&[with(1, 10.0), with(2, 14.0)], "2 submissions make 1.40x"));
    }
}
