//! The roofline of a profiled cell (Williams, Waterman and Patterson 2009).

use tare_findings::{OperatorTime, OperatorTimes};
use tare_record::PeakSpeed;

use crate::figure::{AxisOf, ChartLine, ChartPoint, Figure, exactly};
use crate::rate::RateOf;

const CAPTION: &str = "The roof is what the machine allows: to the left the speed of memory, to the right that of arithmetic. \
    An operator below the roof could be faster; one above it finds its values in caches. Operators without products are not shown.";

/// Operators that take less of a run are not drawn.
const LEAST_SHARE: f64 = 0.005;

/// `None` without peaks, or without an operator that computes products.
pub(super) fn figure<'a>(title: &str, times: &OperatorTimes, is_native: bool) -> Option<Figure<'a>> {
    let peak = times.peak.as_ref()?;
    let drawn = times
        .operators
        .iter()
        .filter(|operator| operator.share >= LEAST_SHARE && operator.multiply_accumulates > 0 && operator.bytes > 0);
    let points: Vec<ChartPoint> = drawn
        .map(|operator| ChartPoint {
            x: intensity(operator),
            y: exactly(operator.flops_per_s()),
            label: Some(operator.operator.clone()),
        })
        .collect();
    if points.is_empty() {
        return None;
    }
    let all: Vec<String> = points
        .iter()
        .map(|point| {
            format!(
                "{} {} at {:.1} FLOP per byte",
                point.label.as_deref().unwrap_or_default(),
                AxisOf::Rate(RateOf::Flops).text(point.y.value),
                point.x
            )
        })
        .collect();
    let roof = ChartLine {
        label: "roof".into(),
        is_joined: true,
        is_bare: true,
        points: roof(peak, &points),
        ..ChartLine::default()
    };
    let operators = ChartLine {
        is_native,
        points,
        ..ChartLine::default()
    };
    Some(Figure::chart(
        format!("Roofline of {title}: {}", all.join("; ")),
        format!("{title}. {CAPTION}"),
        [
            ("FLOP per byte that is read or written", AxisOf::Number),
            ("arithmetic", AxisOf::Rate(RateOf::Flops)),
        ],
        vec![roof, operators],
    ))
}

fn intensity(operator: &OperatorTime) -> f64 {
    2.0 * operator.multiply_accumulates as f64 / operator.bytes as f64
}

/// From the left of all points over the ridge to the right of them.
fn roof(peak: &PeakSpeed, points: &[ChartPoint]) -> Vec<ChartPoint> {
    let flops = 2.0 * peak.multiply_accumulates_per_s as f64;
    let bytes = peak.copied_bytes_per_s as f64;
    let ridge = flops / bytes;
    let least = points.iter().fold(ridge, |least, point| least.min(point.x)) / 2.0;
    let most = points.iter().fold(ridge, |most, point| most.max(point.x)) * 2.0;
    let at = |x: f64| ChartPoint {
        x,
        y: exactly((x * bytes).min(flops)),
        label: None,
    };
    vec![at(least), at(ridge), at(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roof_bends_at_the_ridge() {
        let peak = PeakSpeed {
            multiply_accumulates_per_s: 50,
            copied_bytes_per_s: 10,
        };
        let points = [ChartPoint {
            x: 100.0,
            y: exactly(1.0),
            label: None,
        }];
        let drawn: Vec<(f64, f64)> = roof(&peak, &points)
            .iter()
            .map(|point| (point.x, point.y.value))
            .collect();
        assert_eq!(drawn, [(5.0, 50.0), (10.0, 100.0), (200.0, 100.0)]);
    }
}
