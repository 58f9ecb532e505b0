//! Pictures of rows: a name, a drawing as wide as the page, and what it says in figures. Places are shares of the width,
//! so that they fit every screen while letters keep their size.

use maud::{Markup, html};
use tare_findings::format::coordinate;

/// Width of a picture that is a file of its own.
const WIDTH: f64 = 720.0;
/// Rows that a page shows before a reader opens the others.
const SHOWN: usize = 12;
/// Rows that are drawn at most.
const MOST: usize = 250;
/// Characters that fit on a line of a picture that stands alone.
const FITTING: usize = 90;
/// Height of a line of text.
const LINE: f64 = 20.0;

/// A row.
pub(super) struct Row {
    pub(super) label: String,
    /// The figure that a reader looks for.
    pub(super) value: String,
    /// Text next to the value.
    pub(super) note: String,
    /// Elements of an SVG whose horizontal places are in percent.
    pub(super) drawing: Markup,
    pub(super) height: f64,
}

impl Row {
    /// Lines of text over the drawing of a picture that stands alone: one if name and figures fit beside each other.
    fn lines(&self) -> f64 {
        let texts = [&self.label, &self.value, &self.note];
        let length: usize = texts.iter().map(|text| text.chars().count()).sum();
        if length > FITTING { 2.0 } else { 1.0 }
    }

    fn on_page(&self) -> Markup {
        html! {
            li {
                span class="label" { (self.label) }
                span class="drawing" {
                    svg width="100%" height=(self.height) aria-hidden="true" { title { (self.label) ": " (self.value) " " (self.note) } (self.drawing) }
                }
                span class="figure" { strong { (self.value) } @if !self.note.is_empty() { " " span class="soft" { (self.note) } } }
            }
        }
    }
}

/// Rows with what they have in common.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    /// Rows after these that are not drawn.
    pub(super) left_out: usize,
    /// Names of colors.
    pub(super) legend: Vec<String>,
    /// Texts below the drawings, with their places as shares of the width.
    pub(super) axis: Vec<(f64, String)>,
}

impl Rows {
    /// The first of `rows`, and how many there are besides.
    pub(super) fn first(rows: impl ExactSizeIterator<Item = Row>) -> Self {
        let left_out = rows.len().saturating_sub(MOST);
        Self {
            rows: rows.take(MOST).collect(),
            left_out,
            ..Self::default()
        }
    }

    /// As a part of a page.
    pub(super) fn on_page(&self, alternative: &str) -> Markup {
        // Not worth a fold for a few.
        let shown = if self.rows.len() > SHOWN + 3 {
            SHOWN
        } else {
            self.rows.len()
        };
        html! {
            @if !self.legend.is_empty() {
                ul class="legend" {
                    @for (number, name) in self.legend.iter().enumerate() {
                        li { svg width="12" height="12" aria-hidden="true" { rect class=(part(number)) width="12" height="12" {} } " " (name) }
                    }
                }
            }
            ol class="rows" aria-label=(alternative) {
                @for row in &self.rows[..shown] { (row.on_page()) }
                @if !self.axis.is_empty() {
                    li aria-hidden="true" { span class="drawing" { svg width="100%" height=(LINE) { (self.axis()) } } }
                }
            }
            @if shown < self.rows.len() {
                details {
                    summary { (self.rows.len() - shown + self.left_out) " more" }
                    ol class="rows" { @for row in &self.rows[shown..] { (row.on_page()) } }
                    @if self.left_out > 0 { p { "The last " (self.left_out) " are not drawn." } }
                }
            }
        }
    }

    /// As an SVG of its own.
    pub(super) fn alone(&self, alternative: &str) -> Markup {
        let mut top = if self.legend.is_empty() { 0.0 } else { LINE };
        let mut placed = Vec::new();
        for row in &self.rows {
            placed.push((row, top));
            top += row.lines() * LINE + row.height + 6.0;
        }
        let lines = usize::from(!self.axis.is_empty()) + usize::from(self.left_out > 0);
        let height = top + lines as f64 * LINE;
        html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}")) width=(WIDTH) role="img" aria-label=(alternative) {
                title { (alternative) }
                @for (number, name) in self.legend.iter().enumerate() {
                    @let x = number as f64 * WIDTH / self.legend.len() as f64;
                    rect class=(part(number)) x=(coordinate(x)) width="12" height="12" {}
                    text x=(coordinate(x + 16.0)) y="11" { (name) }
                }
                @for (row, top) in placed {
                    text x="0" y=(top + LINE - 6.0) { (row.label) }
                    @let below = top + row.lines() * LINE;
                    text x=(WIDTH) y=(below - 6.0) text-anchor="end" { tspan font-weight="600" { (row.value) } " " (row.note) }
                    svg y=(below) width=(WIDTH) height=(row.height) { (row.drawing) }
                }
                svg y=(top) width=(WIDTH) height=(LINE) { (self.axis()) }
                @if self.left_out > 0 { text x="0" y=(height - 6.0) { "The last " (self.left_out) " are not drawn." } }
            }
        }
    }

    fn axis(&self) -> Markup {
        html! {
            @for (place, text) in &self.axis {
                text x=(percent(*place)) y="14" text-anchor=(anchor(*place)) { (text) }
            }
        }
    }
}

/// A share of the width.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2}%", share.clamp(0.0, 1.0) * 100.0)
}

/// The class that colors a part.
pub(super) fn part(number: usize) -> String {
    format!("part-{}", number % 8)
}

/// Keeps a text within the width.
fn anchor(place: f64) -> &'static str {
    match place {
        place if place < 0.15 => "start",
        place if place > 0.85 => "end",
        _ => "middle",
    }
}
