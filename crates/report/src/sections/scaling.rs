//! Speed by the number of threads and by batch size: one chart for each model, with every environment and engine in it.

use std::collections::BTreeMap;

use tare_findings::labels;
use tare_findings::sorting::sort_by;
use tare_record::{Cell, Question, RELAXED_SIMD, Record, Status};

use crate::analysis::series::KnownSeries;
use crate::figure::{AxisOf, ChartLine, ChartPoint, Figure};
use crate::rate::RateOf;
use crate::section::{Block, Section};

/// What a chart has on its axis to the right.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Threads,
    Batch,
}

impl By {
    fn title(self) -> &'static str {
        match self {
            By::Threads => "threads",
            By::Batch => "batch size",
        }
    }

    fn of(self, cell: &Cell) -> usize {
        match self {
            By::Threads => cell.configuration.threads,
            By::Batch => cell.load.batch,
        }
    }

    /// The question that a plan asks about it.
    fn question(self) -> Question {
        match self {
            By::Threads => Question::Threads,
            By::Batch => Question::Batch,
        }
    }

    /// What the points of a chart have in common.
    fn chart(self, cell: &Cell) -> String {
        match self {
            By::Threads => labels::workload(cell),
            By::Batch => format!(
                "{}, {}",
                labels::workload_in_any_batch(cell),
                labels::threads(cell.configuration.threads)
            ),
        }
    }
}

/// Charts of what was measured with several numbers of threads, or in several batch sizes.
pub(super) fn sections<'a, 'r>(records: &'r [Record], known: &KnownSeries<'r>) -> impl Iterator<Item = Section<'a>> {
    let kinds = [
        (By::Batch, "batch-sizes", "Throughput by batch size"),
        (By::Threads, "scaling", "Scaling with threads"),
    ];
    kinds.into_iter().filter_map(|(by, id, title)| {
        let blocks = charts(records, known, by);
        let is_asked = records.iter().any(|record| record.plan.asks(by.question()));
        match blocks.is_empty() {
            true => None,
            false if is_asked => Some(Section::answer(id, title, blocks)),
            false => Some(Section::reason(id, title, blocks)),
        }
    })
}

fn charts<'a, 'r>(records: &'r [Record], known: &KnownSeries<'r>, by: By) -> Vec<Block<'a>> {
    let plain = || {
        records
            .iter()
            .flat_map(|record| &record.cells)
            .filter(|cell| is_plain(cell))
    };
    let mut sizes = plain().map(|cell| by.of(cell));
    let first = sizes.next();
    if sizes.all(|size| Some(size) == first) {
        return vec![];
    }
    let mut charts: Vec<(String, Vec<ChartLine>)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (number, record) in records.iter().enumerate() {
        for cell in record.cells.iter().filter(|cell| is_plain(cell)) {
            let Some(point) = point(cell, record, known, by) else {
                continue;
            };
            let place = *places.entry(by.chart(cell)).or_insert_with_key(|name| {
                charts.push((name.clone(), vec![]));
                charts.len() - 1
            });
            let is_first = records[..number]
                .iter()
                .all(|earlier| labels::environment(&earlier.machine) != labels::environment(&record.machine));
            let which = if is_first {
                String::new()
            } else {
                format!(" in record {}", number + 1)
            };
            let label = format!("{}{which}, {}", labels::place(cell), cell.engine.name);
            let lines = &mut charts[place].1;
            match lines.iter_mut().find(|line| line.label == label) {
                Some(line) => line.points.push(point),
                None => lines.push(ChartLine {
                    points: vec![point],
                    ..line_of(cell, label)
                }),
            }
        }
    }
    let blocks = charts.into_iter().filter_map(|(name, mut lines)| {
        for line in &mut lines {
            sort_by(&mut line.points, |a, b| a.x.total_cmp(&b.x));
        }
        lines.retain(|line| line.points.first().map(|point| point.x) != line.points.last().map(|point| point.x));
        (!lines.is_empty()).then(|| Block::Figure(figure(&name, lines, by)))
    });
    blocks.collect()
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

fn line_of(cell: &Cell, label: String) -> ChartLine {
    let is_native = labels::place(cell) == "native";
    ChartLine {
        label,
        is_native,
        is_joined: true,
        has_band: true,
        is_dashed: cell.engine.name != tare_record::EngineName::Tract,
        ..ChartLine::default()
    }
}

fn point<'r>(cell: &'r Cell, record: &Record, known: &KnownSeries<'r>, by: By) -> Option<ChartPoint> {
    let median = known.of(cell, &record.clock).median()?;
    let rate = |ns: f64| cell.load.batch as f64 * 1e9 / ns;
    Some(ChartPoint {
        x: by.of(cell) as f64,
        y: tare_core::stats::Estimate {
            value: rate(median.value),
            low: rate(median.high),
            high: rate(median.low.max(1.0)),
        },
        label: None,
    })
}

fn figure<'a>(name: &str, lines: Vec<ChartLine>, by: By) -> Figure<'a> {
    let of_line = |line: &ChartLine| {
        let points = line.points.iter();
        let points: Vec<String> = points
            .map(|point| format!("{} on {}", AxisOf::Rate(RateOf::Items).text(point.y.value), point.x))
            .collect();
        format!("{}: {}", line.label, points.join(", "))
    };
    let all: Vec<String> = lines.iter().map(of_line).collect();
    let title = by.title();
    Figure::chart(
        format!("{name}, by {title}. {}", all.join("; ")),
        format!(
            "{name}. Items per second by {title}, on logarithmic axes, where equal gains have equal slopes. \
             Bands and strokes are 95 % intervals."
        ),
        [(title, AxisOf::Count), ("throughput", AxisOf::Rate(RateOf::Items))],
        lines,
    )
}
