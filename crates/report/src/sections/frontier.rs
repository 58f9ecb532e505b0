//! Throughput against latency: what more clients gain, and what they wait.

use tare_findings::{LoadParts, labels};
use tare_record::{Arrivals, Cell, Record, Status};

use crate::analysis::series::KnownSeries;
use crate::figure::{AxisOf, ChartLine, ChartPoint, Figure};
use crate::rate::RateOf;

const CAPTION: &str = "Median time of a request against the items answered per second, on logarithmic axes. The number beside each dot is the number of clients. \
    Where a line turns upward, more clients only wait.";

/// A chart for each place, with a line for each batch size, if it was measured with several numbers of clients.
pub(super) fn figures<'a, 'r>(records: &'r [Record], known: &KnownSeries<'r>) -> Vec<Figure<'a>> {
    let mut charts: Vec<(String, Vec<ChartLine>)> = Vec::new();
    for (number, record) in records.iter().enumerate() {
        for cell in record.cells.iter().filter(|cell| cell.status == Status::Measured) {
            let Some((clients, mut point)) = point(cell, record, known) else {
                continue;
            };
            point.label = Some(clients.to_string());
            let precision = cell
                .options
                .precision
                .map_or_else(String::new, |precision| format!(" in {precision}"));
            let title = format!(
                "{}{precision} on {} ({}), record {}",
                cell.model.name,
                cell.engine.name,
                labels::configuration(cell),
                number + 1
            );
            let place = charts.iter().position(|(known, _)| *known == title);
            let place = place.unwrap_or_else(|| {
                charts.push((title, vec![]));
                charts.len() - 1
            });
            let lines = &mut charts[place].1;
            let label = match cell.load.transport {
                None => format!("batch {}", cell.load.batch),
                Some(transport) => format!("batch {}, {transport}", cell.load.batch),
            };
            match lines.iter_mut().find(|line| line.label == label) {
                Some(line) => line.points.push(point),
                None => lines.push(ChartLine {
                    label,
                    is_native: labels::place(cell) == "native",
                    is_joined: true,
                    points: vec![point],
                    ..ChartLine::default()
                }),
            }
        }
    }
    let drawn = charts.into_iter().filter_map(|(title, mut lines)| {
        lines.retain(|line| line.points.len() > 1);
        (!lines.is_empty()).then(|| figure(&title, lines))
    });
    drawn.collect()
}

/// The number of clients, and the point. `None` without a closed load of single runs and sessions.
fn point<'r>(cell: &'r Cell, record: &Record, known: &KnownSeries<'r>) -> Option<(usize, ChartPoint)> {
    let load = cell.load.requests?;
    let Arrivals::Clients(clients) = load.arrivals else {
        return None;
    };
    if load.batching.is_some() || load.sessions.is_some() || load.submissions.is_some() {
        return None;
    }
    let rate = LoadParts::of(cell)?.rate?;
    let point = ChartPoint {
        x: rate.value,
        y: known.of(cell, &record.clock).median()?,
        label: None,
    };
    Some((clients, point))
}

fn figure<'a>(title: &str, lines: Vec<ChartLine>) -> Figure<'a> {
    let of_point = |point: &ChartPoint| {
        format!(
            "{} clients {} at {}",
            point.label.as_deref().unwrap_or_default(),
            AxisOf::Rate(RateOf::Items).text(point.x),
            AxisOf::Duration.text(point.y.value)
        )
    };
    let of_line = |line: &ChartLine| {
        let points: Vec<String> = line.points.iter().map(of_point).collect();
        format!("{}: {}", line.label, points.join(", "))
    };
    let all: Vec<String> = lines.iter().map(of_line).collect();
    Figure::chart(
        format!("{title}, throughput and latency. {}", all.join("; ")),
        format!("{title}. {CAPTION}"),
        [
            ("throughput", AxisOf::Rate(RateOf::Items)),
            ("median time of a request", AxisOf::Duration),
        ],
        lines,
    )
}
