//! Speed by the number of threads: one chart for each workload, with every environment and engine in it.

use tare_findings::labels;
use tare_record::{Cell, RELAXED_SIMD, Record, Status};

use crate::analysis::series::Series;
use crate::figure::{AxisOf, ChartLine, ChartPoint, Figure};
use crate::rate::RateOf;
use crate::section::{Block, Section};

const CAPTION: &str = "Items per second by the number of threads, on logarithmic axes, where equal gains have equal slopes. \
    The strokes through the dots are 95 % intervals.";

/// Charts of the workloads that were measured on several numbers of threads.
pub(super) fn section<'a>(records: &[Record]) -> Option<Section<'a>> {
    let mut charts: Vec<(String, Vec<ChartLine>)> = Vec::new();
    for (number, record) in records.iter().enumerate() {
        for cell in record.cells.iter().filter(|cell| is_plain(cell)) {
            let Some(point) = point(cell, record) else { continue };
            let lines = of(
                &mut charts,
                labels::workload(cell),
                |(name, _)| name,
                |name| (name, vec![]),
            );
            let is_first = records[..number]
                .iter()
                .all(|earlier| labels::environment(&earlier.machine) != labels::environment(&record.machine));
            let which = if is_first {
                String::new()
            } else {
                format!(" in record {}", number + 1)
            };
            let label = format!("{}{which}, {}", labels::place(cell), cell.engine.name);
            let line = of(&mut lines.1, label, |line| &line.label, |label| line_of(cell, label));
            line.points.push(point);
        }
    }
    let blocks = charts.into_iter().filter_map(|(workload, mut lines)| {
        for line in &mut lines {
            line.points.sort_by(|a, b| a.x.total_cmp(&b.x));
        }
        lines.retain(|line| line.points.first().map(|point| point.x) != line.points.last().map(|point| point.x));
        (!lines.is_empty()).then(|| Block::Figure(figure(&workload, lines)))
    });
    let blocks: Vec<Block<'_>> = blocks.collect();
    (!blocks.is_empty()).then(|| Section::new("scaling", "Scaling with threads", blocks))
}

fn is_plain(cell: &Cell) -> bool {
    let load = &cell.load;
    cell.status == Status::Measured
        && cell.adapter.is_none()
        && cell.configuration.vector_limit.is_none()
        // One thread runs without relaxed SIMD too.
        && !(cell.configuration.threads == 1 && cell.configuration.vector_level == RELAXED_SIMD)
        && load.requests.is_none()
        && load.transport.is_none()
}

/// The one with this name, which is added if there is none.
fn of<T>(all: &mut Vec<T>, name: String, name_of: impl Fn(&T) -> &String, new: impl FnOnce(String) -> T) -> &mut T {
    let place = all.iter().position(|one| *name_of(one) == name).unwrap_or(all.len());
    if place == all.len() {
        all.push(new(name));
    }
    &mut all[place]
}

fn line_of(cell: &Cell, label: String) -> ChartLine {
    let is_native = labels::place(cell) == "native";
    ChartLine {
        label,
        is_native,
        is_joined: true,
        is_dashed: cell.engine.name != tare_record::EngineName::Tract,
        ..ChartLine::default()
    }
}

fn point(cell: &Cell, record: &Record) -> Option<ChartPoint> {
    let median = Series::new(cell, &record.clock).median()?;
    let rate = |ns: f64| cell.load.batch as f64 * 1e9 / ns;
    Some(ChartPoint {
        x: cell.configuration.threads as f64,
        y: tare_core::stats::Estimate {
            value: rate(median.value),
            low: rate(median.high),
            high: rate(median.low.max(1.0)),
        },
        label: None,
    })
}

fn figure<'a>(workload: &str, lines: Vec<ChartLine>) -> Figure<'a> {
    let of_line = |line: &ChartLine| {
        let points = line.points.iter();
        let points: Vec<String> = points
            .map(|point| format!("{} on {}", AxisOf::Rate(RateOf::Items).text(point.y.value), point.x))
            .collect();
        format!("{}: {}", line.label, points.join(", "))
    };
    let all: Vec<String> = lines.iter().map(of_line).collect();
    Figure::chart(
        format!("{workload} by threads. {}", all.join("; ")),
        format!("{workload}. {CAPTION}"),
        [("threads", AxisOf::Count), ("answered", AxisOf::Rate(RateOf::Items))],
        lines,
    )
}
