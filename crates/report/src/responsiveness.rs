//! Whether a page reacts while a model runs.

use tare_core::stats::{median, quantile};
use tare_record::{Record, Responsiveness, Situation};

use crate::format;

pub(crate) const TITLE: &str = "Does the page react while a model runs?";
pub(crate) const CAPTION: &str = "The page was watched for some seconds while nothing ran, while the model ran in a worker, and while it ran on the page's own thread with a pause after every run, which applications \
    should not do and tare does for this table alone. A frame counts as dropped for each that would have fit into a gap between two frames, at the pace of the page when nothing ran. Delays are those of messages that a \
    worker sends every 10 ms, as a browser tells a page of a key or a click.";
pub(crate) const HEADINGS: [&str; 9] = [
    "model",
    "engine",
    "where it runs",
    "runs",
    "frames",
    "dropped",
    "longest gap",
    "delay, median",
    "delay, p95",
];

/// Rows under [`HEADINGS`].
pub(crate) fn rows(records: &[Record]) -> Vec<[String; 9]> {
    records.iter().flat_map(rows_of).collect()
}

fn rows_of(record: &Record) -> Vec<[String; 9]> {
    let situations = &record.responsiveness;
    let idle = situations.iter().find(|seen| seen.situation == Situation::Idle);
    let frame_ns = idle.and_then(|seen| median(&floats(&seen.frames_ns)));
    situations.iter().map(|seen| row(seen, frame_ns)).collect()
}

fn floats(lengths_ns: &[u64]) -> Vec<f64> {
    lengths_ns.iter().map(|&ns| ns as f64).collect()
}

/// `frame_ns` is the time between two frames when nothing runs.
fn row(seen: &Responsiveness, frame_ns: Option<f64>) -> [String; 9] {
    let told = |ns: Option<f64>| ns.map_or_else(|| "-".into(), format::duration);
    let gaps = floats(&seen.frames_ns);
    let mut delays = floats(&seen.delays_ns);
    delays.sort_by(f64::total_cmp);
    let dropped = frame_ns.map(|frame_ns| dropped(&gaps, frame_ns));
    let share = |dropped: f64| format!("{:.0} %", dropped / (dropped + gaps.len() as f64) * 100.0);
    [
        seen.model.clone(),
        seen.engine.to_string(),
        seen.situation.as_str().to_owned(),
        seen.runs.to_string(),
        gaps.len().to_string(),
        dropped.filter(|_| !gaps.is_empty()).map_or_else(|| "-".into(), share),
        told(gaps.iter().copied().reduce(f64::max)),
        told(quantile(&delays, 0.5)),
        told(quantile(&delays, 0.95)),
    ]
}

/// Frames that would have fit into the gaps between those that came.
fn dropped(gaps: &[f64], frame_ns: f64) -> f64 {
    gaps.iter().map(|gap| ((gap / frame_ns).round() - 1.0).max(0.0)).sum()
}

#[cfg(test)]
mod tests {
    use tare_record::EngineName;

    use super::*;

    #[test]
    fn frames_that_did_not_come_are_counted() {
        let seen = |situation, frames_ns: &[u64], delays_ns: &[u64]| Responsiveness {
            situation,
            model: "net.onnx".into(),
            engine: EngineName::Tract,
            runs: 3,
            frames_ns: frames_ns.into(),
            delays_ns: delays_ns.into(),
        };
        let idle = seen(Situation::Idle, &[16_000_000, 17_000_000, 16_700_000], &[100_000; 20]);
        let frame_ns = median(&floats(&idle.frames_ns));
        let busy = seen(Situation::MainThread, &[16_700_000, 50_100_000], &[200_000, 40_000_000]);
        // Two frames came, and two more would have fit into the second gap.
        assert_eq!(
            row(&busy, frame_ns)[4..],
            ["2", "50 %", "50.1 ms", "20.1 ms", "38.0 ms"]
        );
        assert_eq!(row(&idle, frame_ns)[5], "0 %");
        assert_eq!(row(&seen(Situation::Worker, &[], &[]), None)[5..], ["-"; 4]);
    }
}
