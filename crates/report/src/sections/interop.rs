use tare_core::stats::{Estimate, Line, line_estimate};
use tare_record::{InteropCost, Record};

use crate::analysis::pairing::SEED;
use crate::section::{Section, Table, Value};
use tare_findings::labels;

/// What interop costs in a browser.
pub(super) fn section<'a>(records: &[Record]) -> Option<Section<'a>> {
    let mut table = Table::new(
        "A line through the medians of several sizes: the fixed cost of an operation, and what each further call, dispatch or megabyte adds. An interval that \
         starts at 0 gives an upper bound. An inference pays for what its engine does: one dispatch for each kernel, uploads of inputs, read-backs of outputs. \
         A message is posted by the page, answered by a worker that does nothing, and timed until the answer. WebGPU is the browser's adapter, which computes \
         on the CPU on a machine without a GPU.",
        &[
            ("operation", "operation"),
            ("fixed", "fixed cost"),
            ("fixed_interval", "95 % interval"),
            ("per", "and for each"),
            ("each", "adds"),
            ("each_interval", "95 % interval"),
        ],
    );
    let costs = records.iter().flat_map(|record| &record.interop);
    costs.filter_map(row).for_each(|row| table.push(row));
    Some(Section::reason(
        "interop",
        "What interop costs in the browser",
        vec![table.block()?],
    ))
}

fn row(cost: &InteropCost) -> Option<Vec<Value>> {
    let line = line(cost)?;
    let [fixed, fixed_interval] = costs(&line.intercept);
    let [each, each_interval] = costs(&line.slope);
    Some(vec![
        Value::text(labels::operation(cost.operation)),
        fixed,
        fixed_interval,
        Value::text(if cost.operation.counts_bytes() { "MB" } else { "one" }),
        each,
        each_interval,
    ])
}

/// Nothing takes less than no time, so an interval that reaches 0 gives an upper bound.
fn costs(estimate: &Estimate) -> [Value; 2] {
    if estimate.low > 0.0 {
        return Value::durations(Some(estimate));
    }
    [Value::Missing, Value::DurationInterval(0.0, estimate.high.max(0.0))]
}

/// Nanoseconds of one operation by its size: megabytes where it counts bytes.
fn line(cost: &InteropCost) -> Option<Line> {
    let unit = if cost.operation.counts_bytes() { 1e6 } else { 1.0 };
    let points: Vec<(f64, Vec<f64>)> = cost
        .points
        .iter()
        .map(|point| {
            let repeats = f64::from(point.repeats.max(1));
            let durations = point.samples_ns.iter().map(|&ns| ns as f64 / repeats);
            (point.size as f64 / unit, durations.collect())
        })
        .collect();
    line_estimate(&points, SEED)
}

#[cfg(test)]
mod tests {
    use tare_record::{InteropOperation, InteropPoint};

    use super::*;

    #[test]
    fn sizes_are_in_megabytes() {
        let point = |size: u64| InteropPoint {
            size,
            repeats: 4,
            samples_ns: vec![4 * (20_000 + size / 10); 30],
        };
        let cost = InteropCost {
            operation: InteropOperation::PostCopied,
            points: vec![point(0), point(1_000_000), point(8_000_000)],
        };
        let texts: Vec<String> = row(&cost).unwrap().iter().map(Value::to_string).collect();
        assert_eq!(texts[1], "20.0 \u{b5}s");
        assert_eq!(texts[3..5], ["MB", "100 \u{b5}s"]);
    }

    #[test]
    fn a_cost_that_may_be_zero_is_an_upper_bound() {
        let estimate = Estimate {
            value: 3.0,
            low: -2.0,
            high: 8.0,
        };
        assert_eq!(costs(&estimate), [Value::Missing, Value::DurationInterval(0.0, 8.0)]);
    }
}
