use maud::{Markup, html};

use crate::figure::WaterfallRow;
use tare_findings::format::{self, coordinate};

const WIDTH: f64 = 720.0;
/// Room for the factors.
const RIGHT: f64 = 70.0;
const ROW: f64 = 38.0;
const BAR: f64 = 16.0;
/// From the top of a row to its bar: the name of the rung, which may be long, has a line of its own.
const NAME: f64 = 18.0;

/// A row for each rung, with a bar from the time of the rung before to its own, as SVG. The axis is logarithmic, so that equal factors have
/// equal lengths and the bars add up to the whole gap.
pub(super) fn waterfall(rows: &[WaterfallRow], alternative: &str) -> Markup {
    let medians: Vec<f64> = rows.iter().map(|row| row.median_ns).collect();
    let (least, most) = medians
        .iter()
        .fold((f64::MAX, f64::MIN_POSITIVE), |(least, most), &ns| {
            (least.min(ns), most.max(ns))
        });
    // Rungs that are all alike still make a picture.
    let logarithms = (most / least).ln().max(0.01);
    let x = |ns: f64| (ns / least).ln() / logarithms * (WIDTH - RIGHT);
    let height = ROW * (medians.len() as f64) + 26.0;
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}")) width=(WIDTH) role="img" aria-label=(alternative) {
            @for (number, row) in rows.iter().enumerate() {
                @let y = ROW * number as f64;
                text x="0" y=(coordinate(y + NAME - 4.0)) { (row.label) }
                @if let (Some(before), Some(factor)) = (number.checked_sub(1), row.factor) {
                    @let (from, to) = (x(medians[before]), x(row.median_ns));
                    // Leads down from the bar above, so that the eye finds where this one starts.
                    line x1=(coordinate(from)) x2=(coordinate(from)) y1=(coordinate(y + NAME + BAR - ROW)) y2=(coordinate(y + NAME)) stroke="currentColor" stroke-opacity="0.4" {}
                    rect class=(if to >= from { "other" } else { "native" }) x=(coordinate(from.min(to))) y=(coordinate(y + NAME)) width=(coordinate((to - from).abs().max(1.5))) height=(BAR) {}
                    text x=(coordinate(from.max(to) + 6.0)) y=(coordinate(y + NAME + BAR - 3.0)) { (format::ratio(factor)) }
                } @else {
                    rect class="native" x=(coordinate(x(row.median_ns))) y=(coordinate(y + NAME)) width="3" height=(BAR) {}
                }
            }
            text x="0" y=(height - 6.0) { (format::duration(least)) }
            text x=(WIDTH - RIGHT) y=(height - 6.0) text-anchor="end" { (format::duration(most)) " per run, logarithmic" }
        }
    }
}
