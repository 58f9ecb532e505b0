use maud::html;

use super::rows::{Row, Rows, part, percent};
use crate::figure::Parts;

const HEIGHT: f64 = 16.0;

/// A bar for each whole, on one axis that starts at zero, in parts.
pub(super) fn parts_plot(parts: &Parts) -> Rows {
    let whole = |values: &[f64]| values.iter().sum::<f64>();
    let largest = parts
        .rows
        .iter()
        .map(|row| whole(&row.parts))
        .fold(f64::MIN_POSITIVE, f64::max);
    let drawn = parts.rows.iter().map(|row| {
        let mut from = 0.0;
        let placed: Vec<(usize, f64, f64)> = row
            .parts
            .iter()
            .enumerate()
            .map(|(number, value)| {
                let start = from;
                from += value;
                (number, start, *value)
            })
            .filter(|(.., value)| *value > 0.0)
            .collect();
        Row {
            label: row.label.clone(),
            value: parts.of.text(whole(&row.parts)),
            note: row.note.clone(),
            drawing: html! {
                @for (number, start, value) in placed {
                    rect class=(part(number)) x=(percent(start / largest)) y="1" width=(percent(value / largest)) height=(HEIGHT - 2.0) {
                        title { (parts.names[number]) ": " (parts.of.text(value)) }
                    }
                }
            },
            height: HEIGHT,
        }
    });
    Rows {
        // One color needs no name.
        legend: if parts.names.len() > 1 {
            parts.names.clone()
        } else {
            vec![]
        },
        axis: vec![],
        ..Rows::first(drawn)
    }
}
