//! Which batch size answers the most items per second, what doubling gains, and where throughput collapses.

use crate::sorting::sort_by;
use tare_core::stats::Estimate;
use tare_record::{Question, Status};

use crate::finding::{Answer, Figure, Finding, Quantity};
use crate::format;
use crate::measured::{Measured, groups, inverse, listed, sampled, sort_by_number};

/// If batches may gain this much and may gain nothing, nothing can be told.
const TOO_WIDE: f64 = 1.5;

/// A fall of throughput by more than this is a collapse.
const COLLAPSE: f64 = 0.1;

/// Memory beyond this share of what there is makes a machine swap or reclaim, or an engine do without.
const MEMORY_FULL: f64 = 0.9;

pub(crate) fn findings(cells: &[Measured<'_>]) -> Vec<Finding> {
    let usable = sampled(cells, Question::Batch);
    let groups = groups(usable, |cell| {
        (
            cell.place,
            cell.model().to_owned(),
            cell.engine(),
            cell.threads(),
            cell.cell.options.steps,
            cell.cell.options.precision,
            cell.cell.options.chunk,
        )
    });
    groups.into_iter().filter_map(finding).collect()
}

/// Items per second of the larger batch as a multiple of the smaller's.
fn gain(larger: &Measured<'_>, smaller: &Measured<'_>) -> Option<Estimate> {
    let items = larger.cell.load.batch as f64 / smaller.cell.load.batch as f64;
    Some(inverse(&larger.ratio(smaller)?, items))
}

fn finding(mut group: Vec<&Measured<'_>>) -> Option<Finding> {
    sort_by_number(&mut group, |cell| cell.cell.load.batch);
    group.dedup_by_key(|cell| cell.cell.load.batch);
    if group.len() < 2 {
        return None;
    }
    let batch = |cell: &Measured<'_>| cell.cell.load.batch;
    let mut rates = Vec::new();
    let mut figures = Vec::new();
    for &cell in &group {
        let rate = inverse(&cell.median()?, batch(cell) as f64 * 1e9);
        figures.push(Figure::new(
            format!("items at batch {}", batch(cell)),
            Quantity::Rate(rate),
        ));
        rates.push((cell, rate));
    }
    let mut gains = Vec::new();
    for pair in group.windows(2) {
        let gain = gain(pair[1], pair[0])?;
        figures.push(Figure::new(
            format!("gain from batch {} to {}", batch(pair[0]), batch(pair[1])),
            Quantity::Ratio(gain),
        ));
        gains.push(format::ratio(gain.value));
    }
    figures.extend(group.iter().filter_map(|cell| {
        let bytes = cell.memory_bytes()?;
        Some(Figure::new(
            format!("peak memory at batch {}", batch(cell)),
            Quantity::Bytes(bytes),
        ))
    }));
    let first = group[0];
    let (best, best_rate) = rates.iter().max_by(|a, b| a.1.value.total_cmp(&b.1.value)).copied()?;
    let subject = format!(
        "{}, {} on {}",
        first.where_it_ran(),
        first.model(),
        first.engine_in_words()
    );
    let text = if batch(best) == batch(first) {
        format!(
            "{subject} answers the most items one at a time{}: {}. Larger batches give {}",
            if batch(first) == 1 {
                ""
            } else {
                " at the smallest batch"
            },
            Quantity::Rate(best_rate),
            listed(&gains)
        )
    } else {
        let over_first = gain(best, first)?;
        if over_first.low <= 1.0 {
            let says = if over_first.high > TOO_WIDE {
                "scatters too widely to tell what batches gain"
            } else {
                "gains nothing from batches that can be seen"
            };
            format!(
                "{subject} {says}: {} at batch {} and {} at batch {}",
                format::items_rate(rates[0].1.value),
                batch(first),
                Quantity::Rate(best_rate),
                batch(best)
            )
        } else {
            format!(
                "{subject} answers the most items at batch {}: {}, {} as many as at batch {}. Each next size gives {}",
                batch(best),
                Quantity::Rate(best_rate),
                Quantity::Ratio(over_first),
                batch(first),
                listed(&gains)
            )
        }
    };
    let collapse = collapse(&group, &mut figures).unwrap_or_default();
    let failed = failed(first)
        .map(|batches| format!(" Batch {batches} failed."))
        .unwrap_or_default();
    Some(Finding {
        question: Question::Batch,
        answer: Answer::Told(format!("{text}.{collapse}{failed}")),
        figures,
        assumptions: vec![],
    })
}

/// The batch sizes of the same work that could not be measured.
fn failed(first: &Measured<'_>) -> Option<String> {
    let own = first.cell;
    let mut batches: Vec<usize> = first
        .record
        .cells
        .iter()
        .filter(|cell| matches!(cell.status, Status::Failed(_) | Status::TimedOut(_)))
        .filter(|cell| cell.model.name == own.model.name && cell.engine.name == own.engine.name)
        .filter(|cell| cell.configuration.threads == own.configuration.threads)
        .filter(|cell| cell.load.requests.is_none() && cell.load.transport.is_none())
        .map(|cell| cell.load.batch)
        .collect();
    sort_by(&mut batches, Ord::cmp);
    batches.dedup();
    let names: Vec<String> = batches.iter().map(ToString::to_string).collect();
    (!names.is_empty()).then(|| listed(&names))
}

/// Where throughput falls for the first time by more than [`COLLAPSE`] below the best smaller batch, if anywhere, with
/// the likely cause.
fn collapse(group: &[&Measured<'_>], figures: &mut Vec<Figure>) -> Option<String> {
    for (index, &cell) in group.iter().enumerate().skip(1) {
        let smaller = group[..index]
            .iter()
            .filter_map(|&smaller| Some((smaller, gain(cell, smaller)?)));
        let (before, left) = smaller.min_by(|a, b| a.1.value.total_cmp(&b.1.value))?;
        if left.high >= 1.0 - COLLAPSE {
            continue;
        }
        let (from, to) = (before.cell.load.batch, cell.cell.load.batch);
        figures.push(Figure::new(
            format!("items left at batch {to} of those at {from}"),
            Quantity::Ratio(left),
        ));
        let fall = |left: f64| format::percent(1.0 - left);
        return Some(format!(
            " Throughput falls by {} ({} to {}) from batch {from} to {to}: {}.",
            fall(left.value),
            fall(left.high),
            fall(left.low),
            cause(cell)
        ));
    }
    None
}

/// What explains that a batch is slow, as far as the record tells.
fn cause(cell: &Measured<'_>) -> String {
    let machine = cell.record.machine.native.as_ref().map(|native| native.memory_bytes);
    let (most, whose) = if cell.is_native() {
        (machine, "this machine's ")
    } else {
        (Some(tare_core::WASM_MEMORY_BYTES), "")
    };
    match cell.memory_bytes().zip(most) {
        Some((used, all)) if used as f64 > MEMORY_FULL * all as f64 => format!(
            "it needs {} of {whose}{}, so memory is the likely cause",
            format::bytes(used),
            format::bytes(all)
        ),
        Some((used, all)) => format!(
            "not for want of memory ({} of {}); caches or threads may be the cause, and these figures cannot tell which",
            format::bytes(used),
            format::bytes(all)
        ),
        _ => "these figures cannot tell whether memory, caches or threads are the cause".into(),
    }
}

#[cfg(test)]
mod tests {
    use tare_record::Question;

    use crate::simulated::{Simulated, answers};

    fn series(times_ms: &[(usize, f64)]) -> Vec<Simulated> {
        let of = |&(batch, ms): &(usize, f64)| Simulated {
            batch,
            run_ms: ms,
            ..Simulated::default()
        };
        times_ms.iter().map(of).collect()
    }

    #[test]
    fn the_best_batch_is_named() {
        for (times_ms, expected) in [
            (
                &[(1, 100.0), (2, 150.0), (4, 240.0)][..],
                "answers the most items at batch 4: 16.7 items/s",
            ),
            (
                &[(1, 100.0), (2, 240.0), (4, 500.0)],
                "answers the most items one at a time: 10.0 items/s",
            ),
            (&[(1, 100.0), (2, 199.9)], "gains nothing from batches that can be seen"),
            (
                &[(1, 100.0), (2, 150.0), (4, 250.0), (8, 3600.0)],
                "Throughput falls by 86 % (86 % to 86 %) from batch 4 to 8: not for want of memory",
            ),
        ] {
            let found = answers(Question::Batch, &series(times_ms));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(expected), "{:?} lacks {expected:?}", found[0]);
        }
    }

    #[test]
    fn a_full_memory_is_the_likely_cause_of_a_collapse() {
        let mut cells = series(&[(1, 100.0), (16, 9_000.0)]);
        cells[1].memory_bytes = 15_500_000_000;
        let found = answers(Question::Batch, &cells);
        assert!(found[0].contains("memory is the likely cause"), "{found:?}");
    }

    #[test]
    fn batches_that_failed_are_named() {
        let mut cells = series(&[(1, 100.0), (4, 500.0), (8, 1_000.0)]);
        cells[2].fails = true;
        let found = answers(Question::Batch, &cells);
        assert!(found[0].ends_with("Batch 8 failed."), "{found:?}");
    }

    #[test]
    fn one_batch_size_asks_nothing() {
        assert!(answers(Question::Batch, &series(&[(4, 100.0)])).is_empty());
    }
}
