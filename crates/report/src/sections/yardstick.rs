use tare_findings::{format, labels};

use crate::analysis::yardstick::{YardstickPair, Yardsticks};
use crate::figure::{Figure, FigureKind, RatioRow};
use crate::section::{Block, Section, Table, Value};

/// How far the engines are from one of others, in the same place.
pub(super) fn section<'a>(yardsticks: &Yardsticks<'_>) -> Option<Section<'a>> {
    let pairs = &yardsticks.pairs;
    if pairs.is_empty() {
        return None;
    }
    let blocks = vec![
        Block::Text(
            "Engine by engine in the same place: the same bytes, inputs and threads. What is left is the quality of the kernels and of what is around \
             them, with nothing of the environment in it; natively on a GPU also what they reach it through, such as CUDA or Vulkan."
                .into(),
        ),
        Block::Figure(figure(pairs)),
        Block::Table(table(pairs)),
    ];
    Some(Section::reason("yardstick", "Next to a yardstick", blocks))
}

fn figure<'a>(pairs: &[YardstickPair<'_>]) -> Figure<'a> {
    let rows = pairs.iter().map(|pair| {
        let [yardstick, own] = pair.medians.map(|median| format::duration(median.value));
        RatioRow {
            label: format!(
                "{}, {}, vs. {}",
                labels::work(pair.cell),
                labels::configuration(pair.cell),
                pair.yardstick.engine.name
            ),
            note: format!("{} \u{b7} {own} vs. {yardstick}", format::ratios(&pair.ratio)),
            ratio: pair.ratio,
        }
    });
    let rows: Vec<RatioRow> = rows.collect();
    let in_words = rows
        .iter()
        .map(|row| format!("{}: {}", row.label, format::ratio(row.ratio.value)));
    Figure {
        alternative: format!(
            "Time as a multiple of the yardstick's. {}",
            in_words.collect::<Vec<_>>().join("; ")
        ),
        caption: "Time of one inference as a multiple of the yardstick's, which the dashed line marks. The stroke is the 95 % interval.".into(),
        kind: FigureKind::Ratios(rows, "yardstick"),
    }
}

fn table(pairs: &[YardstickPair<'_>]) -> Table {
    let mut table = Table::new(
        "Medians of one run, and the ratio of both. Above 1x the yardstick is faster. Rounds of one run are compared in pairs.",
        &[
            ("model", "model"),
            ("engine", "engine"),
            ("configuration", "where"),
            ("median", "median"),
            ("yardstick", "yardstick"),
            ("yardstick_median", "its median"),
            ("ratio", "multiple"),
            ("ratio_interval", "95 % interval"),
        ],
    );
    for pair in pairs {
        let [ratio, interval] = Value::ratios(&pair.ratio);
        let [yardstick, own] = pair.medians.map(|median| Value::Duration(median.value));
        table.push(vec![
            Value::Text(labels::workload(pair.cell)),
            Value::text(pair.cell.engine.name.as_str()),
            Value::Text(labels::configuration(pair.cell)),
            own,
            Value::Text(format!(
                "{} {}",
                pair.yardstick.engine.name, pair.yardstick.engine.version
            )),
            yardstick,
            ratio,
            interval,
        ]);
    }
    table
}
