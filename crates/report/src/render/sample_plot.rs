use maud::{Markup, html};
use tare_core::run_durations_ns;
use tare_core::stats::Estimate;

use crate::figure::SampleRow;
use tare_findings::format::{self, coordinate};

const WIDTH: f64 = 640.0;
const LEFT: f64 = 90.0;
const ROW: f64 = 44.0;

/// Every sample as a dot along one axis that starts at zero, with the median and its interval, as SVG.
pub(super) fn sample_plot(rows: &[SampleRow<'_>], alternative: &str) -> Markup {
    let largest = rows
        .iter()
        .flat_map(|row| run_durations_ns(row.cell).concat())
        .fold(f64::MIN_POSITIVE, f64::max);
    let x = |ns: f64| LEFT + ns / largest * (WIDTH - LEFT - 20.0);
    let axis = ROW * rows.len() as f64 + 8.0;
    let height = axis + 22.0;
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}")) width=(WIDTH) role="img" aria-label=(alternative) {
            @for (index, row) in rows.iter().enumerate() {
                @let y = ROW * (index as f64 + 0.5) + 4.0;
                text x="0" y=(y + 4.0) { (row.label) }
                g class=(if index == 0 { "native" } else { "other" }) {
                    @for (number, ns) in run_durations_ns(row.cell).concat().into_iter().enumerate() {
                        // Spread over the row, so that dots of equal samples can be told apart.
                        circle cx=(coordinate(x(ns))) cy=(coordinate(y + (number % 7) as f64 * 3.0 - 9.0)) r="2" fill-opacity="0.5" stroke="none" {}
                    }
                    @let Estimate { value, low, high } = row.median;
                    line x1=(coordinate(x(low))) x2=(coordinate(x(high))) y1=(y + 15.0) y2=(y + 15.0) stroke-width="4" {}
                    line x1=(coordinate(x(value))) x2=(coordinate(x(value))) y1=(y - 14.0) y2=(y + 18.0) stroke-width="2" {}
                }
            }
            line x1=(LEFT) x2=(WIDTH - 20.0) y1=(axis) y2=(axis) stroke="currentColor" {}
            text x=(LEFT) y=(height - 4.0) { "0" }
            text x=(WIDTH - 20.0) y=(height - 4.0) text-anchor="end" { (format::duration(largest)) " per run" }
        }
    }
}
