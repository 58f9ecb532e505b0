//! What crossings cost in a browser.

use tare_core::stats::{Estimate, Line, line_estimate};
use tare_record::{BoundaryCost, Record};

use crate::format;
use crate::pairing::SEED;

pub(crate) const TITLE: &str = "What crossings cost in the browser";
pub(crate) const CAPTION: &str = "A line through the medians of several sizes: what a crossing costs however little crosses, and what each further call, dispatch or megabyte adds. None of them is part of an inference but those that the engine makes: one dispatch for each kernel, uploads of the inputs, and read-backs of the outputs. A message \
    is posted by the page, answered by a worker that does nothing, and timed until the answer. WebGPU is that of the adapter which the browser offers: on a machine without a GPU it computes on the CPU.";
pub(crate) const HEADINGS: [&str; 5] = ["crossing", "at least", "95 % interval", "and for each", "95 % interval"];

/// Rows under [`HEADINGS`].
pub(crate) fn rows(records: &[Record]) -> Vec<[String; 5]> {
    let costs = records.iter().flat_map(|record| &record.boundary);
    costs.filter_map(|cost| Some(row(cost, &line(cost)?))).collect()
}

/// Nanoseconds of one crossing by its size: megabytes where it counts bytes.
fn line(cost: &BoundaryCost) -> Option<Line> {
    let unit = if cost.crossing.counts_bytes() { 1e6 } else { 1.0 };
    let points: Vec<(f64, Vec<f64>)> = cost
        .points
        .iter()
        .map(|point| {
            let repeats = f64::from(point.repeats.max(1));
            let lengths = point.samples_ns.iter().map(|&ns| ns as f64 / repeats);
            (point.size as f64 / unit, lengths.collect())
        })
        .collect();
    line_estimate(&points, SEED)
}

/// The lines for programs, in nanoseconds: of a crossing however little crosses, and of each call, dispatch or megabyte.
pub(crate) fn json(records: &[Record]) -> Vec<serde_json::Value> {
    let costs = records.iter().flat_map(|record| &record.boundary);
    costs
        .filter_map(|cost| {
            let line = line(cost)?;
            Some(serde_json::json!({
                "crossing": cost.crossing.as_str(),
                "least_ns": format::json(&line.intercept),
                "each": if cost.crossing.counts_bytes() { "MB" } else { "one" },
                "each_ns": format::json(&line.slope),
            }))
        })
        .collect()
}

fn row(cost: &BoundaryCost, line: &Line) -> [String; 5] {
    // No crossing takes less than no time: an interval that reaches 0 tells the most that it can be.
    let interval = |estimate: &Estimate| match estimate.low > 0.0 {
        true => format::durations(estimate),
        false => format!("up to {}", format::duration(estimate.high.max(0.0))),
    };
    let value = |estimate: &Estimate| match estimate.low > 0.0 {
        true => format::duration(estimate.value),
        false => "nothing that can be told".into(),
    };
    let unit = if cost.crossing.counts_bytes() { "MB" } else { "one" };
    [
        cost.crossing.as_str().to_owned(),
        value(&line.intercept),
        interval(&line.intercept),
        format!("{unit}: {}", value(&line.slope)),
        interval(&line.slope),
    ]
}

#[cfg(test)]
mod tests {
    use tare_record::{BoundaryPoint, Crossing};

    use super::*;

    #[test]
    fn sizes_are_told_in_megabytes() {
        let point = |size: u64| BoundaryPoint {
            size,
            repeats: 4,
            samples_ns: vec![4 * (20_000 + size / 10); 30],
        };
        let cost = BoundaryCost {
            crossing: Crossing::PostCopied,
            points: vec![point(0), point(1_000_000), point(8_000_000)],
        };
        let [crossing, least, _, each, _] = row(&cost, &line(&cost).unwrap());
        assert_eq!(crossing, Crossing::PostCopied.as_str());
        assert_eq!((least.as_str(), each.as_str()), ("20.0 \u{b5}s", "MB: 100 \u{b5}s"));
    }
}
