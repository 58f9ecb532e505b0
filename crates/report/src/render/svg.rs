use maud::{Markup, html};

use super::chart::chart;
use super::flame::flame;
use super::matrix::matrix;
use super::parts_plot::parts_plot;
use super::ratios::ratios;
use super::rows::Rows;
use super::sample_plot::sample_plot;
use super::series_plot::series_plot;
use super::style::PARTS;
use super::waterfall::waterfall;
use crate::figure::{Figure, FigureKind};

/// Colors of a picture that stands alone, in light and dark; the same as in reports.
const STYLE: &str = "svg { color: #1c1e21; background: #fff; } text { fill: currentColor; font: 13px system-ui, sans-serif; } \
.native { fill: #1f5fbf; stroke: #1f5fbf; } .other { fill: #b3470b; stroke: #b3470b; } .slow { fill: #8a5a00; } \
@media (prefers-color-scheme: dark) { svg { color: #e8eaed; background: #16181b; } .native { fill: #7eb0ff; stroke: #7eb0ff; } \
.other { fill: #ffa26b; stroke: #ffa26b; } .slow { fill: #f0c060; } } .readout { visibility: hidden; }";

/// A picture as an SVG file.
pub fn svg(figure: &Figure<'_>) -> String {
    let drawn = match drawing(figure) {
        Drawing::Rows(rows) => rows.alone(&figure.alternative),
        Drawing::Whole(drawn) => drawn,
    };
    let drawn = drawn.into_string();
    // After the opening tag, whose attributes are quoted and hold no such character.
    let (tag, rest) = drawn.split_once('>').unwrap_or((&drawn, ""));
    format!("{tag}><style>{STYLE}{PARTS}</style>{rest}\n")
}

/// A picture as a part of a page.
pub(super) fn on_page(figure: &Figure<'_>) -> Markup {
    match drawing(figure) {
        Drawing::Rows(rows) => rows.on_page(&figure.alternative),
        Drawing::Whole(drawn) => html! { div class="scroll" tabindex="0" { (drawn) } },
    }
}

enum Drawing {
    Rows(Rows),
    Whole(Markup),
}

fn drawing(figure: &Figure<'_>) -> Drawing {
    let alternative = &figure.alternative;
    Drawing::Rows(match &figure.kind {
        FigureKind::Ratios(rows, one) => ratios(rows, one),
        FigureKind::Samples(rows) => sample_plot(rows),
        FigureKind::Series(rows) => series_plot(rows),
        FigureKind::Waterfall(rows) => waterfall(rows),
        FigureKind::Parts(parts) => parts_plot(parts),
        FigureKind::Flame(parts) => return Drawing::Whole(flame(parts, alternative)),
        FigureKind::Matrix(data) => return Drawing::Whole(matrix(data, alternative)),
        FigureKind::Chart(data) => return Drawing::Whole(chart(data, alternative)),
    })
}
