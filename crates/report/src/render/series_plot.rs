use std::fmt::Write;

use maud::{Markup, html};
use tare_core::{run_durations_ns, steady_rounds};
use tare_findings::format;
use tare_record::{Cell, Round};

use super::rows::{Row, Rows, percent};
use super::sample_plot::{beyond, edge};
use crate::figure::SampleRow;

const HEIGHT: f64 = 48.0;
/// Samples that are drawn at most; of more, every n-th.
const DRAWN: usize = 160;
/// A processor that takes this much longer for its fixed work was slowed down.
const SLOWED: f64 = 1.1;

/// The samples of each cell in the order in which they were taken, each row on an axis of its own.
pub(super) fn series_plot(rows: &[SampleRow<'_>]) -> Rows {
    let drawn = rows.iter().enumerate().map(|(index, row)| {
        let rounds = run_durations_ns(row.cell);
        let mut sorted = rounds.concat();
        sorted.sort_unstable_by(f64::total_cmp);
        let end = edge(std::slice::from_ref(&sorted));
        let least = sorted.first().copied().unwrap_or_default();
        Row {
            label: row.label.to_owned(),
            value: format!("{} to {}", format::duration(least), format::duration(end)),
            note: beyond(&sorted, end),
            drawing: line(&rounds, &bands(row.cell, &rounds), least, end, index == 0),
            height: HEIGHT,
        }
    });
    Rows {
        axis: vec![(0.0, "first sample".into()), (1.0, "last".into())],
        ..Rows::first(drawn)
    }
}

/// A part of the samples with a background of its own, as shares of all.
struct Band {
    from: f64,
    width: f64,
    class: Option<&'static str>,
    opacity: f64,
}

/// Every other round, the samples that still warmed up, and the rounds in which the processor was slower.
fn bands(cell: &Cell, rounds: &[Vec<f64>]) -> Vec<Band> {
    let count = rounds.iter().map(Vec::len).sum::<usize>().max(1) as f64;
    // Under load all samples count.
    let warming: Vec<usize> = match cell.load.requests {
        None => steady_rounds(cell).iter().map(|round| round.left_out).collect(),
        Some(_) => vec![],
    };
    let mut bands = Vec::new();
    let mut taken = 0;
    for (number, round) in rounds.iter().enumerate() {
        let mut push = |samples: usize, class, opacity| {
            if samples > 0 {
                bands.push(Band {
                    from: taken as f64 / count,
                    width: samples as f64 / count,
                    class,
                    opacity,
                });
            }
        };
        if cell.rounds.get(number).is_some_and(was_slowed) {
            push(round.len(), Some("slow"), 0.25);
        } else if number % 2 == 1 {
            push(round.len(), None, 0.07);
        }
        push(warming.get(number).copied().unwrap_or_default(), None, 0.2);
        taken += round.len();
    }
    bands
}

/// Whether the processor was throttled, or did its fixed work more slowly afterwards.
fn was_slowed(round: &Round) -> bool {
    let throttled = round.machine.and_then(|machine| machine.throttled).unwrap_or_default() > 0;
    let slower = round
        .calibration
        .as_ref()
        .is_some_and(|speed| speed.after_ns as f64 > speed.before_ns as f64 * SLOWED);
    throttled || slower
}

fn line(rounds: &[Vec<f64>], bands: &[Band], least: f64, end: f64, is_first: bool) -> Markup {
    let count = rounds.iter().map(Vec::len).sum::<usize>().max(1);
    let every = count.div_ceil(DRAWN);
    let range = (end - least).max(f64::MIN_POSITIVE);
    let mut path = String::new();
    let mut taken = 0;
    for round in rounds {
        for (place, ns) in round.iter().enumerate().step_by(every) {
            let x = (taken + place) as f64 / count as f64 * 1000.0;
            let y = HEIGHT - 3.0 - ((ns - least) / range).clamp(0.0, 1.0) * (HEIGHT - 6.0);
            // Writing to a string does not fail. A new round is a new line.
            let _ = write!(path, "{}{x:.0} {y:.0}", if place == 0 { 'M' } else { 'L' });
        }
        taken += round.len();
    }
    html! {
        @for band in bands {
            @let fill = band.class.is_none().then_some("currentColor");
            rect class=[band.class] x=(percent(band.from)) width=(percent(band.width)) height=(HEIGHT) fill=[fill] fill-opacity=(band.opacity) {}
        }
        svg viewBox=(format!("0 0 1000 {HEIGHT}")) width="100%" height=(HEIGHT) preserveAspectRatio="none" {
            g class=(if is_first { "native" } else { "other" }) { path d=(path) fill="none" stroke-width="1.5" vector-effect="non-scaling-stroke" {} }
        }
    }
}
