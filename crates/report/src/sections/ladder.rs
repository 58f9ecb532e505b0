use tare_core::stats::Estimate;

use crate::analysis::ladder::Ladder;
use crate::figure::{Figure, FigureKind, WaterfallRow};
use crate::section::{Block, Section, Table, Value};
use tare_findings::{format, labels};

/// Why a workload takes longer in the browser, step by step.
pub(super) fn section<'a>(ladder: &Ladder<'a>) -> Section<'a> {
    let first = ladder.rungs[0];
    let factors = ladder.shares.iter().map(|(kind, ratio)| {
        format!(
            "{} {} (95 % interval {})",
            format::ratio(ratio.value),
            kind.as_str(),
            format::ratios(ratio)
        )
    });
    let mut blocks = vec![
        Block::Verdict(ladder.sentence()),
        Block::Text(
            "The gap is the product of these factors. A factor below 1x makes it smaller. Threads come off first and, where the browser has them, go back on last, so that everything between is compared on one thread."
                .into(),
        ),
        Block::List(factors.collect()),
        Block::Figure(waterfall(ladder)),
        Block::Table(table(ladder)),
    ];
    if ladder.repeated > 0 {
        blocks.push(Block::Text(format!(
            "Cells left out because an earlier record has the same rung: {}.",
            ladder.repeated
        )));
    }
    let id = format!("ladder-{}-{}", first.model.name, first.engine.name);
    let browser = ladder.rungs.last().and_then(|rung| rung.configuration.browser.as_ref());
    let place = browser.map_or_else(String::new, |name| format!(" in {name}"));
    Section::new(id, format!("Why: {}{place}", labels::work(first)), blocks)
}

fn waterfall<'a>(ladder: &Ladder<'_>) -> Figure<'a> {
    let rungs = ladder.rungs.iter().zip(&ladder.medians).enumerate();
    let rows = rungs.map(|(number, (cell, median))| WaterfallRow {
        label: labels::configuration(cell),
        median_ns: median.value,
        factor: number.checked_sub(1).map(|before| ladder.steps[before].ratio.value),
    });
    Figure {
        alternative: format!("Ladder: {}", ladder.sentence()),
        caption: "Each bar leads from the time of the rung above to its own. Equal lengths are equal factors.".into(),
        kind: FigureKind::Waterfall(rows.collect()),
    }
}

fn table(ladder: &Ladder<'_>) -> Table {
    let mut table = Table::new(
        "All rungs computed the same: model, inputs and batch size are equal by SHA-256, and every output was verified. Vector instructions, widest first: \
         amx and avx512 have 512 bits, fma 256 bits and fused multiply-add, sse2 and wasm's simd 128 bits, neon and wasm's relaxed SIMD 128 bits and fused multiply-add.",
        &[
            ("configuration", "where"),
            ("step", "why"),
            ("median", "median"),
            ("factor", "factor"),
            ("factor_interval", "95 % interval"),
        ],
    );
    let row = |place: String, why: Value, median: Value, ratio: Option<&Estimate>| {
        let [factor, interval] = ratio.map_or([Value::Missing, Value::Missing], Value::ratios);
        vec![Value::Text(place), why, median, factor, interval]
    };
    for (number, (cell, median)) in ladder.rungs.iter().zip(&ladder.medians).enumerate() {
        let step = number.checked_sub(1).map(|before| &ladder.steps[before]);
        let why = Value::or_missing(step, |step| {
            Value::Text(format!("{}: {}", step.kind.as_str(), step.detail))
        });
        table.push(row(
            labels::configuration(cell),
            why,
            Value::Duration(median.value),
            step.map(|step| &step.ratio),
        ));
    }
    let whole = Value::text("the product of all factors");
    table.push(row("first to last".into(), whole, Value::Missing, Some(&ladder.whole)));
    table
}
