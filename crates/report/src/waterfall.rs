//! A ladder as a picture, as SVG.

use maud::{Markup, html};

use crate::format::{self, coordinate};
use crate::ladder::Ladder;
use crate::text::rung;

const WIDTH: f64 = 720.0;
/// Room for the names of the rungs.
const LEFT: f64 = 220.0;
/// Room for the factors.
const RIGHT: f64 = 70.0;
const ROW: f64 = 30.0;

/// A row for each rung, with a bar from the time of the rung before it to its own: on a logarithmic axis, where equal factors
/// have equal lengths, so that the bars add up to the whole gap.
pub(crate) fn waterfall(ladder: &Ladder<'_>) -> Markup {
    let medians: Vec<f64> = ladder.medians.iter().map(|median| median.value).collect();
    let (least, most) = medians
        .iter()
        .fold((f64::MAX, f64::MIN_POSITIVE), |(least, most), &ns| {
            (least.min(ns), most.max(ns))
        });
    // Rungs that are all alike still make a picture.
    let decades = (most / least).ln().max(0.01);
    let x = |ns: f64| LEFT + (ns / least).ln() / decades * (WIDTH - LEFT - RIGHT);
    let height = ROW * (medians.len() as f64) + 24.0;
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {height}")) width=(WIDTH) role="img" aria-label=(format!("Ladder: {}", ladder.sentence())) {
            @for (number, (cell, &ns)) in ladder.rungs.iter().zip(&medians).enumerate() {
                @let y = ROW * number as f64;
                text x="0" y=(coordinate(y + 19.0)) { (rung(cell)) }
                @if let Some(before) = number.checked_sub(1) {
                    @let (from, to) = (x(medians[before]), x(ns));
                    // Down from the bar above, so that the eye finds where this one begins.
                    line x1=(coordinate(from)) x2=(coordinate(from)) y1=(coordinate(y - 5.0)) y2=(coordinate(y + 6.0)) stroke="currentColor" stroke-opacity="0.4" {}
                    rect class=(if to >= from { "other" } else { "native" }) x=(coordinate(from.min(to))) y=(coordinate(y + 6.0)) width=(coordinate((to - from).abs().max(1.5))) height=(ROW - 11.0) {}
                    text x=(coordinate(from.max(to) + 6.0)) y=(coordinate(y + 19.0)) { (format::ratio(ladder.steps[before].ratio.value)) }
                } @else {
                    rect class="native" x=(coordinate(x(ns))) y=(coordinate(y + 6.0)) width="3" height=(ROW - 11.0) {}
                }
            }
            text x=(LEFT) y=(height - 6.0) { (format::duration(least)) }
            text x=(WIDTH - RIGHT) y=(height - 6.0) text-anchor="end" { (format::duration(most)) " per run, logarithmic" }
        }
    }
}
