//! Which chunk size is best for a model that decodes in chunks.

use tare_record::Question;

use crate::finding::{Answer, Figure, Finding, Quantity};
use crate::format;
use crate::measured::{Measured, groups, inverse, is_different, sampled, sort_by_number};

pub(crate) fn findings(cells: &[Measured<'_>]) -> Vec<Finding> {
    let usable = sampled(cells, Question::Chunks).filter(|cell| cell.cell.options.chunk.is_some());
    let groups = groups(usable, |cell| {
        (
            cell.place,
            cell.model().to_owned(),
            cell.engine(),
            cell.threads(),
            cell.cell.options.steps,
            cell.cell.options.precision,
        )
    });
    groups.into_iter().filter_map(finding).collect()
}

fn finding(mut group: Vec<&Measured<'_>>) -> Option<Finding> {
    let chunk = |cell: &Measured<'_>| cell.cell.options.chunk.unwrap_or_default();
    sort_by_number(&mut group, chunk);
    if group.len() < 2 {
        return None;
    }
    let mut figures = Vec::new();
    let mut timed = Vec::new();
    for &cell in &group {
        let median = cell.median()?;
        figures.push(Figure::new(
            format!("run with chunks of {}", chunk(cell)),
            Quantity::Duration(median),
        ));
        timed.push((cell, median.value));
    }
    let by_time = |a: &&(&Measured<'_>, f64), b: &&(&Measured<'_>, f64)| a.1.total_cmp(&b.1);
    let (best, worst) = (timed.iter().min_by(by_time)?, timed.iter().max_by(by_time)?);
    let gain = inverse(&best.0.ratio(worst.0)?, 1.0);
    figures.push(Figure::new("fastest over slowest", Quantity::Ratio(gain)));
    let subject = format!(
        "{}, {} on {}",
        best.0.where_it_ran(),
        best.0.model(),
        best.0.engine_in_words()
    );
    let text = if is_different(&gain) {
        format!(
            "{subject} is fastest with chunks of {}: {} as fast as with {} ({} instead of {}).",
            chunk(best.0),
            Quantity::Ratio(gain),
            chunk(worst.0),
            format::duration(best.1),
            format::duration(worst.1)
        )
    } else {
        format!(
            "{subject}: no chunk size is faster that can be seen ({}).",
            Quantity::Ratio(gain)
        )
    };
    Some(Finding {
        question: Question::Chunks,
        answer: Answer::Told(text),
        figures,
        assumptions: vec![],
    })
}

#[cfg(test)]
mod tests {
    use tare_record::Question;

    use crate::simulated::{Simulated, answers};

    #[test]
    fn the_best_chunk_is_named() {
        let of = |chunk, run_ms| Simulated {
            chunk: Some(chunk),
            run_ms,
            ..Simulated::default()
        };
        let found = answers(Question::Chunks, &[of(1024, 90.0), of(4096, 60.0), of(16_384, 75.0)]);
        assert!(found[0].contains("fastest with chunks of 4096: 1.50x"), "{found:?}");
        let found = answers(Question::Chunks, &[of(1024, 60.0), of(4096, 60.0)]);
        assert!(found[0].contains("no chunk size is faster"), "{found:?}");
        assert!(answers(Question::Chunks, &[of(1024, 60.0)]).is_empty());
    }
}
