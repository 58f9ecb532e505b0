use std::fmt::Write;

use maud::{Markup, html};
use tare_core::run_durations_ns;
use tare_findings::format;

use super::rows::{Row, Rows, percent};
use super::sample_plot::{beyond, edge};
use crate::figure::SampleRow;

const HEIGHT: f64 = 48.0;
/// Samples that are drawn at most; of more, every n-th.
const DRAWN: usize = 160;

/// The samples of each cell in the order in which they were taken, each row on an axis of its own.
pub(super) fn series_plot(rows: &[SampleRow<'_>]) -> Rows {
    let drawn = rows.iter().enumerate().map(|(index, row)| {
        let rounds = run_durations_ns(row.cell);
        let mut sorted = rounds.concat();
        sorted.sort_by(f64::total_cmp);
        let end = edge(std::slice::from_ref(&sorted));
        let least = sorted.first().copied().unwrap_or_default();
        Row {
            label: row.label.to_owned(),
            value: format!("{} to {}", format::duration(least), format::duration(end)),
            note: beyond(&sorted, end),
            drawing: line(&rounds, least, end, index == 0),
            height: HEIGHT,
        }
    });
    Rows {
        rows: drawn.collect(),
        axis: vec![(0.0, "first sample".into()), (1.0, "last".into())],
        ..Rows::default()
    }
}

fn line(rounds: &[Vec<f64>], least: f64, end: f64, is_first: bool) -> Markup {
    let count = rounds.iter().map(Vec::len).sum::<usize>().max(1);
    let every = count.div_ceil(DRAWN);
    let range = (end - least).max(f64::MIN_POSITIVE);
    let mut path = String::new();
    let mut bands = Vec::new();
    let mut taken = 0;
    for (number, round) in rounds.iter().enumerate() {
        if number % 2 == 1 {
            bands.push((taken as f64 / count as f64, round.len() as f64 / count as f64));
        }
        for (place, ns) in round.iter().enumerate().step_by(every) {
            let x = (taken + place) as f64 / count as f64 * 1000.0;
            let y = HEIGHT - 3.0 - ((ns - least) / range).clamp(0.0, 1.0) * (HEIGHT - 6.0);
            // Writing to a string does not fail. A new round is a new line.
            let _ = write!(path, "{}{x:.0} {y:.0}", if place == 0 { 'M' } else { 'L' });
        }
        taken += round.len();
    }
    html! {
        @for (from, width) in bands {
            rect x=(percent(from)) width=(percent(width)) height=(HEIGHT) fill="currentColor" fill-opacity="0.07" {}
        }
        svg viewBox=(format!("0 0 1000 {HEIGHT}")) width="100%" height=(HEIGHT) preserveAspectRatio="none" {
            g class=(if is_first { "native" } else { "other" }) { path d=(path) fill="none" stroke-width="1.5" vector-effect="non-scaling-stroke" {} }
        }
    }
}
