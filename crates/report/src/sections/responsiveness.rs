use tare_core::stats::{median, quantile};
use tare_record::{Record, Responsiveness, Situation};

use crate::section::{Section, Table, Value};
use tare_findings::labels;

/// Whether a page responds while a model runs.
pub(super) fn section<'a>(records: &[Record]) -> Option<Section<'a>> {
    let mut table = Table::new(
        "The page was watched for a few seconds while nothing ran, while the model ran in a worker, and while it ran on the page's own thread with a pause \
         after every run, which applications should not do and tare does for this table only. Dropped: frames that would have fit into the gaps between those \
         that came, at the pace of the idle page. Delays: of messages that another worker sends every 10 ms, which reach the page as a key or a click does.",
        &[
            ("model", "model"),
            ("engine", "engine"),
            ("situation", "where it runs"),
            ("runs", "runs"),
            ("frames", "frames"),
            ("dropped", "dropped"),
            ("longest_gap", "longest gap"),
            ("delay_median", "median delay"),
            ("delay_p95", "p95 delay"),
        ],
    );
    for record in records {
        let idle = record
            .responsiveness
            .iter()
            .find(|watched| watched.situation == Situation::Idle);
        let frame_ns = idle.and_then(|watched| median(&floats(&watched.frames_ns)));
        let watched = record.responsiveness.iter();
        watched.for_each(|watched| table.push(row(watched, frame_ns)));
    }
    let title = "Does the page respond while a model runs?";
    Some(Section::reason("responsiveness", title, vec![table.block()?]))
}

fn floats(durations_ns: &[u64]) -> Vec<f64> {
    durations_ns.iter().map(|&ns| ns as f64).collect()
}

/// `frame_ns` is the time between two frames of the idle page.
fn row(watched: &Responsiveness, frame_ns: Option<f64>) -> Vec<Value> {
    let duration = |ns: Option<f64>| Value::or_missing(ns, Value::Duration);
    let gaps = floats(&watched.frames_ns);
    let mut delays = floats(&watched.delays_ns);
    delays.sort_unstable_by(f64::total_cmp);
    let dropped = frame_ns.filter(|_| !gaps.is_empty()).map(|frame_ns| {
        let dropped = dropped_frames(&gaps, frame_ns);
        dropped / (dropped + gaps.len() as f64)
    });
    vec![
        Value::text(&watched.model),
        Value::text(watched.engine.as_str()),
        Value::text(labels::situation(watched.situation)),
        Value::Count(watched.runs),
        Value::Count(gaps.len() as u64),
        Value::or_missing(dropped, Value::Share),
        duration(gaps.iter().copied().reduce(f64::max)),
        duration(quantile(&delays, 0.5)),
        duration(quantile(&delays, 0.95)),
    ]
}

/// Frames that would have fit into the gaps between those that came.
fn dropped_frames(gaps: &[f64], frame_ns: f64) -> f64 {
    gaps.iter().map(|gap| ((gap / frame_ns).round() - 1.0).max(0.0)).sum()
}

#[cfg(test)]
mod tests {
    use tare_record::EngineName;

    use super::*;

    #[test]
    fn missing_frames_are_counted() {
        let watched = |situation, frames_ns: &[u64], delays_ns: &[u64]| Responsiveness {
            situation,
            model: "net.onnx".into(),
            engine: EngineName::Tract,
            runs: 3,
            frames_ns: frames_ns.into(),
            delays_ns: delays_ns.into(),
        };
        let texts = |watched: &Responsiveness, frame_ns| -> Vec<String> {
            row(watched, frame_ns).iter().map(Value::to_string).collect()
        };
        let idle = watched(Situation::Idle, &[16_000_000, 17_000_000, 16_700_000], &[100_000; 20]);
        let frame_ns = median(&floats(&idle.frames_ns));
        let busy = watched(Situation::MainThread, &[16_700_000, 50_100_000], &[200_000, 40_000_000]);
        // Two frames came, and two more would have fit into the second gap.
        assert_eq!(
            texts(&busy, frame_ns)[4..],
            ["2", "50 %", "50.1 ms", "20.1 ms", "38.0 ms"]
        );
        assert_eq!(texts(&idle, frame_ns)[5], "0 %");
        assert_eq!(texts(&watched(Situation::Worker, &[], &[]), None)[5..], ["-"; 4]);
    }
}
