use maud::{Markup, html};
use tare_findings::format::{self, coordinate};

use super::rows::part;
use crate::figure::FlamePart;

const WIDTH: f64 = 720.0;
const ROW: f64 = 26.0;
/// Width of a letter, roughly: names that do not fit are left to the title.
const LETTER: f64 = 7.2;

/// A run as a bar, below it its operators, and below each its nodes: as wide as they take time.
pub(super) fn flame(parts: &[FlamePart], alternative: &str) -> Markup {
    let total = parts
        .iter()
        .map(|part| part.duration_ns)
        .sum::<f64>()
        .max(f64::MIN_POSITIVE);
    let width = |ns: f64| ns / total * WIDTH;
    let mut from = 0.0;
    let placed: Vec<(usize, f64, &FlamePart)> = parts
        .iter()
        .enumerate()
        .map(|(number, part)| {
            let start = from;
            from += width(part.duration_ns);
            (number, start, part)
        })
        .collect();
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {}", 3.0 * ROW)) width=(WIDTH) role="img" aria-label=(alternative) {
            title { (alternative) }
            rect width=(WIDTH) height=(ROW) fill="currentColor" fill-opacity="0.1" {}
            text x="6" y=(ROW - 8.0) { "one run, " (format::duration(total)) }
            @for (number, start, operator) in placed {
                g class=(part(number)) { (bar(start, ROW, width(operator.duration_ns), &operator.name, operator.duration_ns, 0.35)) }
                @let ends = ends(operator);
                @for ((name, ns), end) in operator.nodes.iter().zip(ends) {
                    g class=(part(number)) { (bar(start + width(end - ns), 2.0 * ROW, width(*ns), name, *ns, 0.2)) }
                }
            }
        }
    }
}

/// Where each node of an operator ends, in nanoseconds from its beginning.
fn ends(operator: &FlamePart) -> impl Iterator<Item = f64> {
    operator.nodes.iter().scan(0.0, |end, (_, ns)| {
        *end += ns;
        Some(*end)
    })
}

fn bar(x: f64, y: f64, width: f64, name: &str, ns: f64, opacity: f64) -> Markup {
    let says = format!("{name}: {}", format::duration(ns));
    let fits = |text: &str| text.chars().count() as f64 * LETTER + 8.0 < width;
    html! {
        rect x=(coordinate(x)) y=(y + 1.0) width=(coordinate((width - 1.0).max(0.2))) height=(ROW - 1.0) fill-opacity=(opacity) { title { (says) } }
        @if fits(&says) {
            text x=(coordinate(x + 5.0)) y=(y + ROW - 8.0) { (says) }
        } @else if fits(name) {
            text x=(coordinate(x + 5.0)) y=(y + ROW - 8.0) { (name) }
        }
    }
}
