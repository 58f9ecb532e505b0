//! Whether fewer bits are worth it.

use tare_record::{Precision, Question};

use crate::finding::{Answer, Figure, Finding, Quantity};
use crate::format;
use crate::measured::{Measured, groups, inverse, is_different, sampled};

/// Results agree if the largest element is the same in this share of all rows,
const SAME_TOP: f64 = 0.99;

/// or if every output points in the same direction: embeddings are compared by their angles.
const SAME_DIRECTION: f64 = 0.999;

pub(crate) fn findings(cells: &[Measured<'_>]) -> Vec<Finding> {
    let usable = sampled(cells, Question::Precision);
    let groups = groups(usable, |cell| {
        (
            cell.place,
            cell.model().to_owned(),
            cell.engine(),
            cell.threads(),
            cell.cell.load.batch,
        )
    });
    groups.iter().flat_map(|group| of_model(group)).collect()
}

fn of_model(group: &[&Measured<'_>]) -> Vec<Finding> {
    let precision = |cell: &Measured<'_>| cell.cell.options.precision;
    let Some(whole) = group.iter().find(|cell| precision(cell).is_none()) else {
        return vec![];
    };
    let converted = group.iter().filter(|cell| precision(cell).is_some());
    converted.filter_map(|cell| finding(whole, cell)).collect()
}

fn finding(whole: &Measured<'_>, converted: &Measured<'_>) -> Option<Finding> {
    let precision = converted.cell.options.precision?;
    let speed = inverse(&converted.ratio(whole)?, 1.0);
    let mut figures = vec![Figure::new("as fast as in f32", Quantity::Ratio(speed))];
    let sizes = converted.cell.model.size_bytes.zip(whole.cell.model.size_bytes);
    let download = sizes.map(|(converted, whole)| converted as f64 / whole as f64);
    figures.extend(download.map(|share| Figure::new("download of that in f32", Quantity::Share(share))));
    let memory = converted.memory_bytes().zip(whole.memory_bytes());
    let memory = memory.map(|(converted, whole)| converted as f64 / whole as f64);
    figures.extend(memory.map(|share| Figure::new("peak memory of that in f32", Quantity::Share(share))));
    let accuracy = converted.cell.accuracy.as_ref();
    let mut agreement = None;
    let mut agrees = true;
    if let Some(accuracy) = accuracy.filter(|accuracy| accuracy.rows > 0) {
        let share = |count: u64| count as f64 / accuracy.rows as f64;
        agreement = Some(share(accuracy.same_top1));
        agrees = share(accuracy.same_top1) >= SAME_TOP || accuracy.worst_cosine >= SAME_DIRECTION;
        figures.push(Figure::new(
            "smallest cosine to the output in f32",
            Quantity::Number(accuracy.worst_cosine),
        ));
        figures.push(Figure::new("inputs compared", Quantity::Count(accuracy.inputs)));
        figures.push(Figure::new(
            "rows with the same largest element",
            Quantity::Share(share(accuracy.same_top1)),
        ));
        figures.push(Figure::new(
            "rows with the same five largest",
            Quantity::Share(share(accuracy.same_top5)),
        ));
        figures.push(Figure::new(
            "largest difference, of the largest element",
            Quantity::Share(accuracy.max_scaled),
        ));
        if let Some([before, after]) = accuracy.right {
            figures.push(Figure::new("right answers in f32", Quantity::Count(before)));
            figures.push(Figure::new(
                format!("right answers in {precision}"),
                Quantity::Count(after),
            ));
        }
    }
    let parts = [
        Some(match is_different(&speed) {
            true => format!("it runs {} as fast", Quantity::Ratio(speed)),
            false => format!(
                "its speed is the same as far as can be seen ({})",
                format::ratios(&speed)
            ),
        }),
        download.map(|share| format!("the download shrinks to {}", format::percent(share))),
        memory.map(|share| format!("peak memory is {} of that in f32", format::percent(share))),
        accuracy.zip(agreement).map(|(accuracy, share)| {
            format!(
                "the largest element is the same in {} of all rows, and the cosine to the output in f32 at least {:.4}",
                format::percent(share),
                accuracy.worst_cosine
            )
        }),
        accuracy
            .and_then(|accuracy| accuracy.right)
            .map(|[before, after]| format!("{after} instead of {before} answers are right")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let verdict = match agrees {
        false => "changes results",
        true if speed.low > 1.0 => "is worth it",
        true if speed.high < 1.0 => "pays for the download alone, and costs speed",
        true => "is worth it for the download alone",
    };
    Some(Finding {
        question: Question::Precision,
        answer: Answer::Told(format!(
            "{}, {} in {precision} on {} {verdict}: {}.",
            converted.where_it_ran(),
            converted.model(),
            converted.engine_in_words(),
            parts.join(", ")
        )),
        figures,
        assumptions: vec![
            match precision {
                Precision::Int8Dynamic => {
                    "Matrix products with constant weights are computed in int8, everything else in f32.".into()
                }
                Precision::F16 => "All floats are f16 on the device.".into(),
                Precision::F16Weights | Precision::Int8Weights => {
                    "Weights become f32 again when the model is loaded or run, so arithmetic stays that of f32.".into()
                }
            },
            match precision {
                Precision::F16 => {
                    "Agreement is with the same engine in f32 in the same place, over inputs drawn from the seed."
                        .into()
                }
                _ => "Agreement was computed natively, over inputs drawn from the seed.".into(),
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use tare_record::{Accuracy, Precision, Question};

    use crate::simulated::{Simulated, answers};

    fn cells(run_ms: f64, same: u64) -> [Simulated; 2] {
        let whole = Simulated {
            model_bytes: 100_000_000,
            ..Simulated::default()
        };
        let converted = Simulated {
            model_bytes: 25_000_000,
            precision: Some(Precision::Int8Weights),
            run_ms,
            accuracy: Some(Accuracy {
                inputs: 100,
                rows: 100,
                same_top1: same,
                worst_cosine: 0.99,
                ..Accuracy::default()
            }),
            ..Simulated::default()
        };
        [whole, converted]
    }

    #[test]
    fn fewer_bits_are_judged_by_speed_and_results() {
        for (run_ms, same, expected) in [
            (50.0, 100, "is worth it: it runs 2.00x"),
            (100.0, 100, "is worth it for the download alone"),
            (120.0, 100, "costs speed"),
            (50.0, 80, "changes results"),
        ] {
            let found = answers(Question::Precision, &cells(run_ms, same));
            assert!(found[0].contains(expected), "{found:?} lacks {expected}");
            assert!(found[0].contains("the download shrinks to 25 %"), "{found:?}");
        }
        assert!(answers(Question::Precision, &cells(50.0, 100)[1..]).is_empty());
    }
}
