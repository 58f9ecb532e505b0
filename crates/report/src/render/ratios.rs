use maud::html;
use tare_findings::format;

use super::rows::{Row, Rows, percent};
use crate::figure::RatioRow;

const HEIGHT: f64 = 18.0;

/// An interval that reaches further than this many times the largest multiple is cut off.
const FURTHEST: f64 = 1.5;

/// A bar for each multiple from zero, with its interval as a stroke and a dashed line at `one`.
pub(super) fn ratios(rows: &[RatioRow], one: &str) -> Rows {
    let largest = rows.iter().map(|row| row.ratio.value).fold(1.0, f64::max);
    let reached = rows.iter().map(|row| row.ratio.high).fold(1.0, f64::max);
    let end = reached.min(largest * FURTHEST) * 1.02;
    let at = |multiple: f64| percent(multiple / end);
    let drawn = rows.iter().map(|row| {
        let ratio = &row.ratio;
        let class = if ratio.value <= 1.0 { "native" } else { "other" };
        Row {
            label: row.label.clone(),
            value: format::ratio(ratio.value),
            note: row.note.clone(),
            drawing: html! {
                rect class=(class) fill-opacity="0.3" stroke="none" y="3" width=(at(ratio.value)) height=(HEIGHT - 6.0) {}
                line class=(class) x1=(at(ratio.low)) x2=(at(ratio.high)) y1=(HEIGHT / 2.0) y2=(HEIGHT / 2.0) stroke-width="3" {}
                line x1=(at(1.0)) x2=(at(1.0)) y1="0" y2=(HEIGHT) stroke="currentColor" stroke-dasharray="3 2" {}
            },
            height: HEIGHT,
        }
    });
    Rows {
        axis: vec![(1.0 / end, one.into())],
        ..Rows::first(drawn)
    }
}
