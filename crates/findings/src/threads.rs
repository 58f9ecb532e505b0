//! How many threads are best, and whether all of them are slower or less steady.

use tare_core::stats::quantile;
use tare_record::{DeviceKind, EngineName, Question};

use crate::finding::{Answer, Figure, Finding, Quantity};
use crate::format;
use crate::labels;
use crate::measured::{Measured, groups, inverse, is_different, sampled, sort_by_number};

/// A run that takes this many times the median is a spike.
const SPIKE: f64 = 1.5;

/// Spread of runs on all threads that is news, as a multiple of that on the best number.
const UNSTEADY: f64 = 2.0;

/// An interval whose ends are this far apart says nothing worth saying.
const TOO_WIDE: f64 = 2.0;

/// A smaller spread is never news.
const STEADY: f64 = 0.05;

pub(crate) fn findings(cells: &[Measured<'_>]) -> Vec<Finding> {
    let on_cpu = |cell: &&Measured<'_>| cell.engine().spec().device == DeviceKind::Cpu;
    let usable = sampled(cells, Question::Threads);
    let groups = groups(usable.filter(on_cpu), |cell| {
        (
            cell.place,
            cell.model().to_owned(),
            cell.engine(),
            cell.cell.load.batch,
            cell.cell.options.clone(),
        )
    });
    groups.into_iter().filter_map(finding).collect()
}

/// Distance of the 90th from the 10th percentile of all runs, as a share of the median.
fn spread(cell: &Measured<'_>) -> Option<f64> {
    let mut runs = cell.runs_ns();
    runs.sort_unstable_by(f64::total_cmp);
    Some((quantile(&runs, 0.9)? - quantile(&runs, 0.1)?) / quantile(&runs, 0.5)?)
}

fn spikes(cell: &Measured<'_>) -> usize {
    let runs = cell.runs_ns();
    let median = cell.median().map_or(f64::INFINITY, |median| median.value);
    runs.iter().filter(|&&run| run > SPIKE * median).count()
}

fn finding(mut group: Vec<&Measured<'_>>) -> Option<Finding> {
    sort_by_number(&mut group, |cell| cell.threads());
    group.dedup_by_key(|cell| cell.threads());
    let (&fewest, &all) = (group.first()?, group.last()?);
    if group.len() < 2 {
        return None;
    }
    let mut figures = Vec::new();
    let mut best = (fewest, f64::INFINITY);
    for &cell in &group {
        let median = cell.median()?;
        let name = labels::threads(cell.threads());
        figures.push(Figure::new(format!("run on {name}"), Quantity::Duration(median)));
        figures.push(Figure::new(
            format!("runs scatter on {name} (10th to 90th percentile)"),
            Quantity::Share(spread(cell)?),
        ));
        figures.push(Figure::new(
            format!("runs on {name} over {SPIKE} times the median"),
            Quantity::Count(spikes(cell) as u64),
        ));
        if median.value < best.1 {
            best = (cell, median.value);
        }
    }
    let best = best.0;
    let subject = format!(
        "{}, {} on {}",
        all.where_it_ran(),
        labels::workload(all.cell),
        all.engine()
    );
    let answer = match comparison(&group, best, &mut figures)? {
        Ok(text) => Answer::Told(format!("{subject} {text}.")),
        Err(text) => Answer::CannotTell(format!("{subject}: {text}.")),
    };
    Some(Finding {
        question: Question::Threads,
        answer,
        figures,
        assumptions: assumptions(all),
    })
}

/// What the best number of threads gains over the fewest, and what all of them do. `Err` if it cannot be told.
fn comparison(
    group: &[&Measured<'_>],
    best: &Measured<'_>,
    figures: &mut Vec<Figure>,
) -> Option<Result<String, String>> {
    let (fewest, all) = (group.first()?, group.last()?);
    let mut figure = |name: String, ratio| figures.push(Figure::new(name, Quantity::Ratio(ratio)));
    // The number that the best one is compared with: it differs from it.
    let other = if best.threads() == fewest.threads() {
        all
    } else {
        fewest
    };
    let gain = inverse(&best.ratio(other)?, 1.0);
    figure(
        format!("speed on {} over {}", labels::threads(best.threads()), other.threads()),
        gain,
    );
    if !is_different(&gain) {
        let ratio = Quantity::Ratio(gain);
        return Some(if gain.high / gain.low > TOO_WIDE {
            Err(format!(
                "runs scatter too widely to tell whether {} are faster than {} ({ratio})",
                labels::threads(best.threads()),
                other.threads()
            ))
        } else {
            Ok(format!(
                "is as fast on {} as on {}, as far as can be seen: {ratio}",
                labels::threads(fewest.threads()),
                all.threads()
            ))
        });
    }
    let mut text = format!("is fastest on {}", labels::threads(best.threads()));
    if best.threads() > fewest.threads() {
        let ideal = best.threads() as f64 / fewest.threads() as f64;
        text += &format!(
            ": {} as fast as on {}, a parallel efficiency of {}",
            Quantity::Ratio(gain),
            fewest.threads(),
            format::percent(gain.value / ideal)
        );
    }
    if best.threads() < all.threads() {
        let slower = all.ratio(best)?;
        figure(
            format!(
                "time on all {} threads as a multiple of that on {}",
                all.threads(),
                best.threads()
            ),
            slower,
        );
        if slower.low > 1.0 {
            text += &format!(
                ". All {} threads take {} longer ({} to {})",
                all.threads(),
                format::percent(slower.value - 1.0),
                format::percent(slower.low - 1.0),
                format::percent(slower.high - 1.0)
            );
        } else {
            text += &format!(". All {} threads are no slower that can be seen", all.threads());
        }
        let (steady, unsteady) = (spread(best)?, spread(all)?);
        if unsteady > STEADY && unsteady > UNSTEADY * steady {
            text += &format!(
                ", and their runs scatter by {} instead of {}",
                format::percent(unsteady),
                format::percent(steady)
            );
        }
    }
    Some(Ok(text))
}

fn assumptions(cell: &Measured<'_>) -> Vec<String> {
    let mut assumptions = Vec::new();
    if cell.engine() == EngineName::Tract && !cell.is_native() {
        assumptions
            .push("In browsers tract uses relaxed SIMD on several threads only, which is part of their gain.".into());
    }
    if !is_all(cell) {
        assumptions.push("The machine has more threads than were measured.".into());
    }
    assumptions
}

fn is_all(cell: &Measured<'_>) -> bool {
    let logical = cell.record.machine.logical_cores;
    cell.threads() >= logical
}

#[cfg(test)]
mod tests {
    use tare_record::Question;

    use crate::simulated::{Simulated, answers};

    fn series(times_ms: &[(usize, f64)], spread: f64) -> Vec<Simulated> {
        let of = |&(threads, run_ms): &(usize, f64)| Simulated {
            threads,
            run_ms,
            spread: if threads == 8 { spread } else { 0.01 },
            ..Simulated::default()
        };
        times_ms.iter().map(of).collect()
    }

    #[test]
    fn the_best_number_of_threads_is_named() {
        for (times_ms, spread, expected) in [
            (
                &[(1, 400.0), (2, 220.0), (4, 130.0)][..],
                0.01,
                "is fastest on 4 threads: 3.0",
            ),
            (
                &[(1, 400.0), (2, 220.0), (4, 130.0)],
                0.01,
                "a parallel efficiency of 77 %",
            ),
            (
                &[(4, 130.0), (8, 169.0)],
                0.01,
                "is fastest on 4 threads. All 8 threads take 30 % longer",
            ),
            (&[(4, 130.0), (8, 169.0)], 0.4, "and their runs scatter by 6"),
            (&[(1, 100.0), (2, 99.9)], 0.01, "is as fast on 1 thread as on 2"),
        ] {
            let found = answers(Question::Threads, &series(times_ms, spread));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(expected), "{:?} lacks {expected:?}", found[0]);
        }
    }

    #[test]
    fn one_number_of_threads_asks_nothing() {
        assert!(answers(Question::Threads, &series(&[(2, 100.0)], 0.01)).is_empty());
    }
}
