use maud::{Markup, html};

use crate::figure::{Axis, Chart, ChartLine, ChartPoint};
use tare_findings::format::coordinate;
use tare_findings::sorting::sort_by;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 358.0;
const LEFT: f64 = 100.0;
/// Room for the names of lines.
const RIGHT: f64 = 210.0;
const TOP: f64 = 22.0;
/// Room for the axis, its title, and what the chosen point says.
const BOTTOM: f64 = 62.0;
/// Names of lines are this far apart at least.
const NAME: f64 = 15.0;
/// So much of the range is left free at each end.
const MARGIN: f64 = 0.04;

/// Steps of a decade for a range that is a small part of it.
const CLOSE: [f64; 17] = [
    1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0,
];

/// The range of an axis, logarithmic.
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// From `from` to `to` on the drawing, for all positive values.
    fn new(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let logarithms = values.filter(|value| *value > 0.0 && value.is_finite()).map(f64::ln);
        let low = logarithms.clone().fold(f64::INFINITY, f64::min);
        let high = logarithms.fold(f64::NEG_INFINITY, f64::max);
        // Values that are all alike still make a picture.
        let (low, high) = if high - low < 0.02 {
            (low - 0.5, high + 0.5)
        } else {
            (low, high)
        };
        Self { low, high, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value.max(f64::MIN_POSITIVE).ln() - self.low) / (self.high - self.low);
        self.from + (self.to - self.from) * (MARGIN + (1.0 - 2.0 * MARGIN) * share.clamp(0.0, 1.0))
    }

    /// Round numbers in the range: the ends of decades, or more if these are too few.
    fn ticks(&self) -> Vec<f64> {
        let of = |steps: &[f64]| -> Vec<f64> {
            let decades = (self.low / std::f64::consts::LN_10).floor()..=(self.high / std::f64::consts::LN_10).ceil();
            let (first, last) = decades.into_inner();
            #[allow(clippy::cast_possible_truncation, reason = "logarithms of f64 are at most 308")]
            let exponents = first as i32..=last as i32;
            let all = exponents.flat_map(|exponent| steps.iter().map(move |step| step * 10f64.powi(exponent)));
            all.filter(|tick| (self.low - 1e-9..=self.high + 1e-9).contains(&tick.ln()))
                .collect()
        };
        let mut ticks = of(&[1.0]);
        for steps in [
            &[1.0, 3.0][..],
            &[1.0, 2.0, 5.0],
            &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0],
            &CLOSE,
        ] {
            if ticks.len() < 3 {
                ticks = of(steps);
            }
        }
        ticks
    }
}

/// Lines and points over two logarithmic axes, as SVG.
pub(super) fn chart(chart: &Chart, alternative: &str) -> Markup {
    let points = || chart.lines.iter().flat_map(|line| &line.points);
    let x = Scale::new(points().map(|point| point.x), LEFT, WIDTH - RIGHT);
    let ends = points().flat_map(|point| [point.y.low, point.y.value, point.y.high]);
    let y = Scale::new(ends, HEIGHT - BOTTOM, TOP);
    let names = names(&chart.lines, &y);
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) width=(WIDTH) role="img" aria-label=(alternative) {
            title { (chart.y.title) " by " (chart.x.title) }
            text x="0" y="13" { (chart.y.title) }
            text x=(WIDTH - RIGHT) y=(HEIGHT - 22.0) text-anchor="end" { (chart.x.title) }
            @for tick in ticks(&chart.y, &y, points().map(|point| point.y.value)) {
                line x1=(LEFT) x2=(WIDTH - RIGHT) y1=(coordinate(y.at(tick))) y2=(coordinate(y.at(tick))) stroke="currentColor" stroke-opacity="0.15" {}
                text x=(LEFT - 8.0) y=(coordinate(y.at(tick) + 4.0)) text-anchor="end" { (chart.y.of.text(tick)) }
            }
            @for tick in ticks(&chart.x, &x, points().map(|point| point.x)) {
                text x=(coordinate(x.at(tick))) y=(HEIGHT - BOTTOM + 18.0) text-anchor="middle" { (chart.x.of.text(tick)) }
            }
            line x1=(LEFT) x2=(WIDTH - RIGHT) y1=(HEIGHT - BOTTOM) y2=(HEIGHT - BOTTOM) stroke="currentColor" {}
            @for (line, name) in chart.lines.iter().zip(&names) {
                g class=(if line.is_native { "native" } else { "other" }) {
                    @if line.has_band {
                        polygon points=(band(line, &x, &y)) fill-opacity="0.12" stroke="none" {}
                    }
                    @if line.is_joined {
                        @let joined: Vec<String> = line.points.iter().map(|point| format!("{},{}", coordinate(x.at(point.x)), coordinate(y.at(point.y.value)))).collect();
                        polyline points=(joined.join(" ")) fill="none" stroke-width="1.5" stroke-dasharray=[line.is_dashed.then_some("5 4")] {}
                    }
                    @for point in line.points.iter().filter(|_| !line.is_bare) {
                        @let (px, py) = (coordinate(x.at(point.x)), coordinate(y.at(point.y.value)));
                        g class="point" tabindex="0" {
                            line x1=(px) x2=(px) y1=(coordinate(y.at(point.y.low))) y2=(coordinate(y.at(point.y.high))) stroke-width="1.5" {}
                            circle cx=(px) cy=(py) r="3.5" stroke="none" {}
                            @if let Some(label) = &point.label {
                                text x=(coordinate(x.at(point.x) + 6.0)) y=(coordinate(y.at(point.y.value) - 5.0)) stroke="none" { (label) }
                            }
                            text class="readout" x="0" y=(HEIGHT - 4.0) stroke="none" { (readout(chart, line, point)) }
                        }
                    }
                    @if let Some((at, last)) = name {
                        line x1=(coordinate(x.at(last.0) + 6.0)) x2=(WIDTH - RIGHT + 8.0) y1=(coordinate(y.at(last.1))) y2=(coordinate(*at)) stroke-opacity="0.4" {}
                        text x=(WIDTH - RIGHT + 12.0) y=(coordinate(at + 4.0)) stroke="none" { (line.label) }
                    }
                }
            }
        }
    }
}

/// The outline of all intervals: along their upper ends, and back along the lower ones.
fn band(line: &ChartLine, x: &Scale, y: &Scale) -> String {
    let upper = line.points.iter().map(|point| (point.x, point.y.high));
    let lower = line.points.iter().rev().map(|point| (point.x, point.y.low));
    let outline = upper.chain(lower);
    let outline: Vec<String> = outline
        .map(|(of_x, of_y)| format!("{},{}", coordinate(x.at(of_x)), coordinate(y.at(of_y))))
        .collect();
    outline.join(" ")
}

/// What a point says when a reader chooses it.
fn readout(chart: &Chart, line: &ChartLine, point: &ChartPoint) -> String {
    let text = |value: f64| chart.y.of.text(value);
    let of = [Some(&line.label), point.label.as_ref()];
    let of: Vec<&str> = of
        .into_iter()
        .flatten()
        .map(String::as_str)
        .filter(|name| !name.is_empty())
        .collect();
    let interval = if point.y.low < point.y.high {
        format!(" ({} to {})", text(point.y.low), text(point.y.high))
    } else {
        String::new()
    };
    format!(
        "{}: {} at {}{interval}",
        of.join(", "),
        text(point.y.value),
        chart.x.of.text(point.x)
    )
}

/// The values themselves if they are few and counted, or round numbers.
fn ticks(axis: &Axis, scale: &Scale, values: impl Iterator<Item = f64>) -> Vec<f64> {
    if !axis.of.is_counted() {
        return scale.ticks();
    }
    let mut all: Vec<f64> = values.collect();
    all.sort_unstable_by(f64::total_cmp);
    all.dedup();
    if all.len() > 8 { scale.ticks() } else { all }
}

/// Where the name of each line stands, and the point that it belongs to: next to its last point, or below the name of
/// another line.
#[allow(clippy::type_complexity, reason = "a height, and a point")]
fn names(lines: &[ChartLine], y: &Scale) -> Vec<Option<(f64, (f64, f64))>> {
    let mut wanted: Vec<(usize, (f64, f64))> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !line.label.is_empty())
        .filter_map(|(index, line)| line.points.last().map(|last| (index, (last.x, last.y.value))))
        .collect();
    sort_by(&mut wanted, |a, b| y.at(a.1.1).total_cmp(&y.at(b.1.1)));
    let mut names = vec![None; lines.len()];
    let mut free = TOP;
    for (index, last) in wanted {
        let at = y.at(last.1).max(free);
        free = at + NAME;
        names[index] = Some((at, last));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_in_the_range() {
        for (low, high, expected) in [
            (1.0, 1000.0, vec![1.0, 10.0, 100.0, 1000.0]),
            (2.0, 40.0, vec![3.0, 10.0, 30.0]),
            (20.0, 60.0, vec![20.0, 30.0, 40.0, 50.0]),
            (17.0, 23.0, vec![18.0, 20.0, 22.0]),
        ] {
            let scale = Scale::new([low, high].into_iter(), 0.0, 1.0);
            let found = scale.ticks();
            let is_equal =
                found.len() == expected.len() && found.iter().zip(&expected).all(|(a, b)| (a / b - 1.0).abs() < 1e-9);
            assert!(is_equal, "{low} to {high}: {found:?}");
        }
    }

    #[test]
    fn values_that_are_alike_lie_in_the_middle() {
        let scale = Scale::new([5.0, 5.0].into_iter(), 0.0, 100.0);
        assert!((scale.at(5.0) - 50.0).abs() < 1e-9);
        assert!(scale.at(0.0).is_finite());
    }
}
