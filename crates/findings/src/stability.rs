//! How steady runs are over a long series, and which of what was watched goes with it.

use tare_core::stats::{median, trend};
use tare_record::{Question, Round};

use crate::finding::{Answer, Figure, Finding, Quantity};
use crate::format;
use crate::labels;
use crate::measured::{Measured, sampled};

/// Fewer rounds show nothing about what goes with what.
const MIN_ROUNDS: usize = 8;

/// A run that takes this many times the median is a spike.
const SPIKE: f64 = 1.5;

/// Rounds of each side in a comparison, by default.
const ROUNDS_COMPARED: f64 = 5.0;

/// Quantile 0.975 of Student's distribution with 8 degrees of freedom: two sides of five rounds.
const STUDENT_8: f64 = 2.306;

/// What is watched.
type Cause = (&'static str, fn(&Round) -> Option<f64>);

const CAUSES: [Cause; 8] = [
    ("the processor's speed, by the fixed work before and after", |round| {
        let calibration = round.calibration?;
        Some((calibration.before_ns + calibration.after_ns) as f64)
    }),
    ("time that other virtual machines took", |round| {
        Some(round.machine?.steal_permille? as f64)
    }),
    ("how busy the machine was", |round| {
        Some(round.machine?.busy_permille? as f64)
    }),
    ("the frequency", |round| Some(round.machine?.frequency_mhz? as f64)),
    ("the temperature", |round| {
        Some(round.machine?.temperature_celsius? as f64)
    }),
    ("throttling", |round| Some(round.machine?.throttled? as f64)),
    ("garbage collections", |round| Some(round.browser?.collections? as f64)),
    ("whether the tab was hidden", |round| {
        Some(f64::from(u8::from(round.browser?.was_hidden)))
    }),
];

pub(crate) fn findings(cells: &[Measured<'_>]) -> Vec<Finding> {
    let usable = sampled(cells, Question::Stability);
    usable.filter_map(finding).collect()
}

/// Share of the variation of `values` that goes with `cause` in a straight line (the square of Pearson's correlation),
/// if it is more than chance: Student's test at 5 %.
fn explained(values: &[f64], cause: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (y, x) = (mean(values), mean(cause));
    let sum = |of: &dyn Fn(f64, f64) -> f64| values.iter().zip(cause).map(|(&b, &a)| of(a - x, b - y)).sum::<f64>();
    let (xx, yy, xy) = (sum(&|a, _| a * a), sum(&|_, b| b * b), sum(&|a, b| a * b));
    if xx <= 0.0 || yy <= 0.0 {
        return None;
    }
    let share = (xy * xy / (xx * yy)).min(1.0 - 1e-12);
    let student = (share * (count - 2.0) / (1.0 - share)).sqrt();
    // Quantile 0.975 for 6 degrees of freedom, the fewest here: cautious for more.
    (student > 2.447).then_some(share)
}

fn finding(cell: &Measured<'_>) -> Option<Finding> {
    let rounds = cell.rounds();
    let medians: Vec<f64> = rounds.iter().filter_map(|(_, runs)| median(runs)).collect();
    let of_cell = &cell.cell.rounds;
    if medians.len() < MIN_ROUNDS || of_cell.len() != medians.len() {
        return None;
    }
    let middle = median(&medians)?;
    let (fastest, slowest) = medians
        .iter()
        .fold((f64::INFINITY, 0.0_f64), |(low, high), &m| (low.min(m), high.max(m)));
    let logarithms: Vec<f64> = medians.iter().map(|ns| ns.ln()).collect();
    let count = logarithms.len() as f64;
    let mean = logarithms.iter().sum::<f64>() / count;
    let deviation = (logarithms.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    let unseen = (STUDENT_8 * deviation * (2.0 / ROUNDS_COMPARED).sqrt()).exp() - 1.0;
    let runs = cell.runs_ns();
    let spikes = runs.iter().filter(|&&run| run > SPIKE * middle).count();
    let mut figures = vec![
        Figure::new("rounds", Quantity::Count(medians.len() as u64)),
        Figure::new(
            "medians of rounds scatter by (standard deviation)",
            Quantity::Share(deviation),
        ),
        Figure::new("runs", Quantity::Count(runs.len() as u64)),
        Figure::new(
            format!("runs over {SPIKE} times the median"),
            Quantity::Count(spikes as u64),
        ),
        Figure::new(
            "smallest difference that two sides of five rounds show",
            Quantity::Share(unseen),
        ),
    ];
    let drift = match trend(&medians) {
        Some(change) => {
            figures.push(Figure::new(
                "drift from the first round to the last",
                Quantity::Share(change),
            ));
            format!("they drifted by {}", signed(change))
        }
        None => "they did not drift that can be seen".into(),
    };
    let (mut watched, mut causes) = (Vec::new(), Vec::new());
    for (name, of) in CAUSES {
        let values: Option<Vec<f64>> = of_cell.iter().map(of).collect();
        let Some(values) = values else { continue };
        watched.push(name);
        if let Some(share) = explained(&logarithms, &values) {
            figures.push(Figure::new(
                format!("variation that goes with {name}"),
                Quantity::Share(share),
            ));
            causes.push((name, share));
        }
    }
    // Of equal ones the first.
    let largest = causes.iter().rev().max_by(|a, b| a.1.total_cmp(&b.1));
    let why = match (largest, watched.is_empty()) {
        (Some((name, share)), _) => format!("{} of the variation goes with {name}", format::percent(*share)),
        (None, true) => "nothing was watched that could explain it".into(),
        (None, false) => format!(
            "nothing that was watched explains the variation ({})",
            watched.join("; ")
        ),
    };
    Some(Finding {
        question: Question::Stability,
        answer: Answer::Told(format!(
            "{}, {} on {}: in {} rounds the slowest took {} longer than the fastest ({} and {}), {drift}, and {spikes} of {} runs took over {SPIKE} \
             times the median; {why}. Five rounds on each side of a comparison made apart would show differences from {}.",
            cell.where_it_ran(),
            labels::workload(cell.cell),
            cell.engine_in_words(),
            medians.len(),
            format::percent(slowest / fastest - 1.0),
            format::duration(slowest),
            format::duration(fastest),
            runs.len(),
            format::percent(unseen)
        )),
        figures,
        assumptions: vec![
            "What goes with the variation need not be its cause, and several may go with each other.".into(),
        ],
    })
}

fn signed(share: f64) -> String {
    let sign = if share < 0.0 { "-" } else { "+" };
    format!("{sign}{}", format::percent(share.abs()))
}

#[cfg(test)]
mod tests {
    use tare_record::Question;

    use crate::simulated::{Simulated, answers};

    fn series(rounds: usize, slowdown: fn(usize) -> f64, steal: fn(usize) -> u64) -> Vec<Simulated> {
        vec![Simulated {
            rounds,
            slowdown,
            steal_permille: Some(steal),
            ..Simulated::default()
        }]
    }

    #[test]
    fn what_goes_with_the_slowdown_is_named() {
        let stolen = |round: usize| [0, 200, 50, 0][round % 4];
        let slowed = |round: usize| 1.0 + [0.0, 0.2, 0.05, 0.0][round % 4];
        let found = answers(Question::Stability, &series(12, slowed, stolen));
        for expected in [
            "the slowest took 20 % longer",
            "of the variation goes with time that other virtual machines took",
        ] {
            assert!(found[0].contains(expected), "{found:?} lacks {expected}");
        }
        let found = answers(Question::Stability, &series(12, slowed, |_| 0));
        assert!(
            found[0].contains("nothing that was watched explains the variation"),
            "{found:?}"
        );
    }

    #[test]
    fn drift_is_told() {
        let found = answers(
            Question::Stability,
            &series(20, |round| 1.0 + 0.01 * round as f64, |_| 0),
        );
        assert!(found[0].contains("they drifted by +"), "{found:?}");
        let found = answers(Question::Stability, &series(20, |_| 1.0, |_| 0));
        assert!(found[0].contains("did not drift"), "{found:?}");
    }

    #[test]
    fn few_rounds_show_nothing() {
        assert!(answers(Question::Stability, &series(5, |_| 1.0, |_| 0)).is_empty());
    }
}
