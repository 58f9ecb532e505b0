use tare_core::stats::Estimate;

use crate::analysis::ladder::Ladder;
use crate::analysis::yardstick::Yardsticks;
use crate::figure::{Figure, FigureKind, WaterfallRow};
use crate::section::{Block, Rank, Section, Table, Value};
use tare_findings::{format, labels};
use tare_record::Cell;

/// Why each workload takes longer in the browser, step by step. The one that explains most comes first and is open.
pub(super) fn sections<'a>(ladders: &[Ladder<'a>], yardsticks: &Yardsticks<'_>) -> Vec<Section<'a>> {
    let size = |ladder: &Ladder<'_>| (ladder.rungs.len(), ladder.medians[0].value);
    let first = (0..ladders.len()).max_by(|&a, &b| {
        let (a, b) = (size(&ladders[a]), size(&ladders[b]));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    let rank = |number| {
        if Some(number) == first {
            Rank::Answer
        } else {
            Rank::Reason
        }
    };
    let sections = (0..)
        .zip(ladders)
        .map(|(number, ladder)| section(ladder, yardsticks, rank(number)));
    let (mut answers, reasons): (Vec<_>, Vec<_>) = sections.partition(|section| section.rank == Rank::Answer);
    answers.extend(reasons);
    answers
}

fn section<'a>(ladder: &Ladder<'a>, yardsticks: &Yardsticks<'_>, rank: Rank) -> Section<'a> {
    let first = ladder.rungs[0];
    let factors = ladder.shares.iter().map(|(kind, ratio)| {
        format!(
            "{} from {} (95 % interval {})",
            format::ratio(ratio.value),
            kind.as_str(),
            format::ratios(ratio)
        )
    });
    let mut details = vec![
        Block::Text(
            "The gap is the product of these factors. A factor below 1x makes it smaller. Threads come off first and, where the browser has them, go back on last, so that everything between is compared on one thread."
                .into(),
        ),
        Block::List(factors.collect()),
        Block::Table(table(ladder, yardsticks)),
    ];
    if ladder.repeated > 0 {
        details.push(Block::Text(format!(
            "Cells left out because an earlier record has the same rung: {}.",
            ladder.repeated
        )));
    }
    let id = format!("ladder-{}-{}", first.model.name, first.engine.name);
    let browser = ladder.rungs.last().and_then(|rung| rung.configuration.browser.as_ref());
    let place = browser.map_or_else(String::new, |name| format!(" in {name}"));
    let title = format!("Why: {}{place}", labels::work(first));
    let blocks = vec![
        Block::Verdict(ladder.sentence()),
        Block::Figure(waterfall(ladder)),
        Block::Fold {
            summary: "The factors and their intervals".into(),
            blocks: details,
        },
    ];
    match rank {
        Rank::Answer => Section::answer(id, title, blocks),
        Rank::Reason | Rank::Detail => Section::reason(id, title, blocks).in_group("Why, for the others"),
    }
}

fn waterfall<'a>(ladder: &Ladder<'_>) -> Figure<'a> {
    let rungs = ladder.rungs.iter().zip(&ladder.medians).enumerate();
    let rows = rungs.map(|(number, (cell, median))| WaterfallRow {
        label: labels::configuration(cell),
        median_ns: median.value,
        step: number.checked_sub(1).map(|before| {
            let step = &ladder.steps[before];
            (step.ratio.value, step.kind.as_str())
        }),
    });
    Figure {
        alternative: format!("Ladder: {}", ladder.sentence()),
        caption: "Each bar leads from the time of the line above to its own. Equal lengths are equal factors.".into(),
        kind: FigureKind::Waterfall(rows.collect()),
    }
}

fn table(ladder: &Ladder<'_>, yardsticks: &Yardsticks<'_>) -> Table {
    let has_yardstick = ladder.rungs.iter().any(|rung| yardsticks.ratio_of(rung).is_some());
    let mut columns = vec![
        ("configuration", "where"),
        ("step", "why"),
        ("median", "median"),
        ("factor", "factor"),
        ("factor_interval", "95 % interval"),
    ];
    if has_yardstick {
        columns.push(("yardstick_ratio", "vs. fastest yardstick"));
    }
    let mut table = Table::new(
        "All rungs computed the same: model, inputs and batch size are equal by SHA-256, and every output was verified. Vector instructions, widest first: \
         amx and avx512 have 512 bits, fma 256 bits and fused multiply-add, sse2 and wasm's simd 128 bits, neon and wasm's relaxed SIMD 128 bits and fused multiply-add.",
        &columns,
    );
    let row = |place: String, why: Value, median: Value, ratio: Option<&Estimate>, rung: Option<&Cell>| {
        let [factor, interval] = ratio.map_or([Value::Missing, Value::Missing], Value::ratios);
        let mut values = vec![Value::Text(place), why, median, factor, interval];
        if has_yardstick {
            let ratio = rung.and_then(|rung| yardsticks.ratio_of(rung));
            values.push(Value::or_missing(ratio, |ratio| Value::Ratio(ratio.value)));
        }
        values
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
            Some(cell),
        ));
    }
    let whole = Value::text("the product of all factors");
    table.push(row(
        "first to last".into(),
        whole,
        Value::Missing,
        Some(&ladder.whole),
        None,
    ));
    table
}
