//! Pictures of samples, as SVG.

use maud::{Markup, html};
use tare_core::run_lengths_ns;
use tare_core::stats::Estimate;

use crate::format::{self, coordinate};
use crate::pairing::Pair;

const WIDTH: f64 = 640.0;
const LEFT: f64 = 70.0;
const ROW: f64 = 44.0;

/// Every sample of both cells as a dot along one axis that begins at zero, with the median and its interval.
pub(crate) fn samples(pair: &Pair<'_>) -> Markup {
    let rows = [
        ("native", "native", pair.native, pair.medians[0]),
        (place(pair), "other", pair.other, pair.medians[1]),
    ];
    let largest = rows
        .iter()
        .flat_map(|(_, _, cell, _)| run_lengths_ns(cell).concat())
        .fold(f64::MIN_POSITIVE, f64::max);
    let x = |ns: f64| LEFT + ns / largest * (WIDTH - LEFT - 20.0);
    let height = ROW * 2.0 + 30.0;
    let label = format!(
        "Samples of {} on {}: {}",
        pair.other.model.name,
        pair.other.engine.name,
        crate::text::verdict(pair)
    );
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {height}")) width=(WIDTH) role="img" aria-label=(label) {
            @for (index, (name, class, cell, median)) in rows.iter().enumerate() {
                @let y = ROW * (index as f64 + 0.5) + 4.0;
                text x="0" y=(y + 4.0) { (name) }
                g class=(class) {
                    @for (number, ns) in run_lengths_ns(cell).concat().into_iter().enumerate() {
                        // Spread over the row, so that dots of equal samples can be told apart.
                        circle cx=(coordinate(x(ns))) cy=(coordinate(y + (number % 7) as f64 * 3.0 - 9.0)) r="2" fill-opacity="0.5" stroke="none" {}
                    }
                    @let Estimate { value, low, high } = *median;
                    line x1=(coordinate(x(low))) x2=(coordinate(x(high))) y1=(y + 15.0) y2=(y + 15.0) stroke-width="4" {}
                    line x1=(coordinate(x(value))) x2=(coordinate(x(value))) y1=(y - 14.0) y2=(y + 18.0) stroke-width="2" {}
                }
            }
            line x1=(LEFT) x2=(WIDTH - 20.0) y1=(ROW * 2.0 + 8.0) y2=(ROW * 2.0 + 8.0) stroke="currentColor" {}
            text x=(LEFT) y=(height - 4.0) { "0" }
            text x=(WIDTH - 20.0) y=(height - 4.0) text-anchor="end" { (format::duration(largest)) " per run" }
        }
    }
}

fn place(pair: &Pair<'_>) -> &'static str {
    match pair.other.rung.environment {
        tare_record::EnvironmentKind::Node => "Node",
        _ => "browser",
    }
}
