use maud::Markup;

use super::chart::chart;
use super::sample_plot::sample_plot;
use super::waterfall::waterfall;
use crate::figure::{Figure, FigureKind};

/// Colors of a picture that stands alone, in light and dark; the same as in reports.
const STYLE: &str = "<style>svg { color: #1c1e21; background: #fff; } text { fill: currentColor; font: 13px system-ui, sans-serif; } \
.native { fill: #1f5fbf; stroke: #1f5fbf; } .other { fill: #b3470b; stroke: #b3470b; } \
@media (prefers-color-scheme: dark) { svg { color: #e8eaed; background: #16181b; } .native { fill: #7eb0ff; stroke: #7eb0ff; } \
.other { fill: #ffa26b; stroke: #ffa26b; } }</style>";

/// A picture as an SVG file.
pub fn svg(figure: &Figure<'_>) -> String {
    let drawn = drawing(figure).into_string();
    // After the opening tag, whose attributes are quoted and hold no such character.
    let (tag, rest) = drawn.split_once('>').unwrap_or((&drawn, ""));
    format!("{tag}>{STYLE}{rest}\n")
}

/// A picture as a part of a page.
pub(super) fn drawing(figure: &Figure<'_>) -> Markup {
    match &figure.kind {
        FigureKind::Samples(rows) => sample_plot(rows, &figure.alternative),
        FigureKind::Waterfall(rows) => waterfall(rows, &figure.alternative),
        FigureKind::Chart(data) => chart(data, &figure.alternative),
    }
}
