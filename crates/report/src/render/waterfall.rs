use maud::html;
use tare_findings::format;

use super::rows::{Row, Rows, percent};
use crate::figure::WaterfallRow;

const HEIGHT: f64 = 16.0;

/// The thinnest bar that can be seen, as a share of the width.
const THIN: f64 = 0.004;

/// A row for each rung, with a bar from the time of the rung before to its own. The axis is logarithmic, so that equal factors have
/// equal lengths and the bars add up to the whole gap.
pub(super) fn waterfall(rows: &[WaterfallRow]) -> Rows {
    let medians = rows.iter().map(|row| row.median_ns);
    let least = medians.clone().fold(f64::MAX, f64::min);
    let most = medians.fold(f64::MIN_POSITIVE, f64::max);
    // Rungs that are all alike still make a picture.
    let logarithms = (most / least).ln().max(0.01);
    let x = |ns: f64| (ns / least).ln() / logarithms * (1.0 - THIN);
    let mut before = None;
    let drawn = rows.iter().map(|row| {
        let to = x(row.median_ns);
        let from = before.replace(to).unwrap_or(to);
        let class = if row.step.is_some() && to >= from { "other" } else { "native" };
        Row {
            label: row.label.clone(),
            value: format::duration(row.median_ns),
            note: row.step.map_or_else(String::new, |(factor, why)| format!("{} {why}", format::ratio(factor))),
            drawing: html! {
                // Where this bar starts: the end of the one above.
                line x1=(percent(from)) x2=(percent(from)) y1="0" y2=(HEIGHT) stroke="currentColor" stroke-opacity="0.4" {}
                rect class=(class) stroke="none" x=(percent(from.min(to))) y="2" width=(percent((to - from).abs().max(THIN))) height=(HEIGHT - 4.0) {}
            },
            height: HEIGHT,
        }
    });
    Rows::first(drawn)
}
