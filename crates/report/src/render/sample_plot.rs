use maud::{Markup, html};
use tare_core::run_durations_ns;
use tare_core::stats::{Estimate, quantile};
use tare_findings::format::{self, coordinate};

use super::rows::{Row, Rows, percent};
use crate::figure::SampleRow;

const HEIGHT: f64 = 52.0;
/// Dots of a row at most (Kay, Kola, Hullman and Munson 2016: quantile dot plots).
const DOTS: usize = 60;
/// Dots that share a column stand on each other.
const COLUMNS: f64 = 110.0;
/// Room for a stack of dots.
const STACK: f64 = 38.0;

/// How the samples of each cell are distributed, on one axis that starts at zero.
pub(super) fn sample_plot(rows: &[SampleRow<'_>]) -> Rows {
    let sorted: Vec<Vec<f64>> = rows.iter().map(sorted).collect();
    let end = edge(&sorted);
    let drawn = rows.iter().zip(&sorted).enumerate().map(|(index, (row, samples))| Row {
        label: row.label.to_owned(),
        value: format::duration(row.median.value),
        note: beyond(samples, end),
        drawing: dots(&row.median, samples, end, index == 0),
        height: HEIGHT,
    });
    Rows {
        axis: vec![(0.0, "0".into()), (1.0, format!("{} per run", format::duration(end)))],
        ..Rows::first(drawn)
    }
}

fn sorted(row: &SampleRow<'_>) -> Vec<f64> {
    let mut samples = run_durations_ns(row.cell).concat();
    samples.sort_unstable_by(f64::total_cmp);
    samples
}

/// Where the axis ends: a few outliers do not squash all others.
pub(super) fn edge(sorted: &[Vec<f64>]) -> f64 {
    let largest = sorted
        .iter()
        .filter_map(|samples| samples.last())
        .copied()
        .fold(f64::MIN_POSITIVE, f64::max);
    let most = sorted
        .iter()
        .filter_map(|samples| quantile(samples, 0.95))
        .fold(f64::MIN_POSITIVE, f64::max);
    largest.min(most * 1.2)
}

/// What the axis does not reach.
pub(super) fn beyond(sorted: &[f64], end: f64) -> String {
    let count = sorted.iter().filter(|&&ns| ns > end).count();
    match sorted.last() {
        Some(&last) if count > 0 => format!(
            "{count} of {} beyond the edge, up to {}",
            sorted.len(),
            format::duration(last)
        ),
        _ => String::new(),
    }
}

fn dots(median: &Estimate, samples: &[f64], end: f64, is_first: bool) -> Markup {
    let count = samples.len().min(DOTS);
    let quantiles = (0..count).filter_map(|number| quantile(samples, (number as f64 + 0.5) / count as f64));
    let columns: Vec<i64> = quantiles
        .filter(|&ns| ns <= end)
        .map(|ns| {
            #[allow(clippy::cast_possible_truncation, reason = "a share of the width in columns")]
            let column = (ns / end * COLUMNS).floor() as i64;
            column
        })
        .collect();
    let stacks: Vec<(i64, usize)> = columns
        .chunk_by(|a, b| a == b)
        .map(|stack| (stack[0], stack.len()))
        .collect();
    let tallest = stacks.iter().map(|(_, count)| *count).max().unwrap_or(1);
    let step = (STACK / tallest as f64).min(4.5);
    let Estimate { value, low, high } = median;
    html! {
        g class=(if is_first { "native" } else { "other" }) {
            @for (column, count) in &stacks {
                @for number in 0..*count {
                    circle cx=(percent((*column as f64 + 0.5) / COLUMNS)) cy=(coordinate(STACK + 2.0 - (number as f64 + 0.5) * step)) r="2.2" stroke="none" {}
                }
            }
            line x1=(percent(low / end)) x2=(percent(high / end)) y1=(HEIGHT - 6.0) y2=(HEIGHT - 6.0) stroke-width="4" {}
            line x1=(percent(value / end)) x2=(percent(value / end)) y1="2" y2=(HEIGHT - 2.0) stroke-width="1.5" {}
        }
    }
}
