//! What several sessions of a server gain over one.

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
        let without_sessions = cell.cell.load.requests.map(|load| Load { sessions: None, ..load });
        (
            cell.place,
            cell.model().to_owned(),
            cell.engine(),
            cell.threads(),
            cell.cell.load.batch,
            cell.cell.options.clone(),
            cell.transport(),
            without_sessions,
        )
    });
    groups.iter().filter_map(|group| finding(group)).collect()
}

fn finding(group: &[&Measured<'_>]) -> Option<Finding> {
    let one = group.iter().find(|cell| cell.sessions() == 1)?;
    let mut figures = vec![rate(one)?];
    let mut best: Option<(&Measured<'_>, f64)> = None;
    for cell in group.iter().filter(|cell| cell.sessions() > 1) {
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
    figures.push(Figure::new("items over those of one session", Quantity::Ratio(gain)));
    let subject = format!(
        "{}, {} on {}",
        best.where_it_ran(),
        labels::workload(one.cell),
        best.engine_in_words()
    );
    let text = if is_different(&gain) {
        format!(
            "{subject}: {} sessions make {} as many items as one, and a request takes {} the time.",
            best.sessions(),
            Quantity::Ratio(gain),
            format::ratio(slower.value)
        )
    } else {
        format!(
            "{subject}: more sessions than one make no more items that can be seen ({} with {}).",
            Quantity::Ratio(gain),
            best.sessions()
        )
    };
    Some(Finding {
        question: Question::Load,
        answer: Answer::Told(text),
        figures,
        assumptions: vec!["Sessions share the processors of one machine.".into()],
    })
}

fn rate(cell: &Measured<'_>) -> Option<Figure> {
    let sessions = match cell.sessions() {
        1 => "1 session".to_owned(),
        count => format!("{count} sessions"),
    };
    let rate = rounds_estimate(&rates(cell.cell))?;
    Some(Figure::new(format!("items with {sessions}"), Quantity::Rate(rate)))
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
}
