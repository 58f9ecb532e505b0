//! What the report starts with: the answer, and what limits it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use tare_record::{Cell, EngineName, EnvironmentKind, Record, Transport, WarningKind};

use crate::analysis::ladder::Ladder;
use crate::analysis::pairing::{Basis, Comparison, Pair};
use crate::analysis::series::KnownSeries;
use crate::analysis::verdict::verdict;
use crate::figure::{Figure, FigureKind, RatioRow};
use crate::section::{Block, Section, Table, Value};
use tare_findings::{format, labels};

/// More pairs than this share one sentence: a wall of sentences is not read.
const FEW_PAIRS: usize = 3;

/// Multiples that the text in place of their picture names. The table has all.
const MOST_IN_WORDS: usize = 40;

const APART: &str = "The records were made apart, so a machine that changed in between changes the ratios, which the intervals leave out. \
    The command tare bench measures all environments in turn.";

pub(super) fn section<'a, 'r>(
    records: &'r [Record],
    known: &KnownSeries<'r>,
    comparison: &Comparison<'_>,
    ladders: &[Ladder<'_>],
) -> Section<'a> {
    let shown = shown(comparison);
    let mut blocks = Vec::new();
    if shown.len() <= FEW_PAIRS {
        blocks.extend(sentences(&shown, ladders).into_iter().map(Block::Verdict));
    } else {
        blocks.extend(range(&shown).map(Block::Verdict));
    }
    if !shown.is_empty() {
        blocks.push(Block::Figure(ratios(&shown)));
        blocks.push(Block::Fold {
            summary: "The same as a table".into(),
            blocks: vec![Block::Table(table(&shown))],
        });
    }
    if shown.iter().any(|pair| !matches!(pair.basis, Basis::Pairs(_))) {
        blocks.push(Block::Text(APART.into()));
    }
    blocks.extend(warnings(records, known, &comparison.pairs));
    let advice = if records.is_empty() {
        Some("There is no record.")
    } else if comparison.pairs.is_empty() {
        Some(
            "Nothing can be compared yet. A comparison needs a record of the command tare run and one of a browser, with the same models and inputs.",
        )
    } else {
        None
    };
    blocks.extend(advice.map(|advice| Block::Text(advice.into())));
    Section::answer("summary", "What does the browser cost?", blocks)
}

/// From the smallest multiple to the largest.
fn range(pairs: &[&Pair<'_>]) -> Option<String> {
    let by_ratio = |a: &&&Pair<'_>, b: &&&Pair<'_>| a.ratio.value.total_cmp(&b.ratio.value);
    let (least, most) = (pairs.iter().min_by(by_ratio)?, pairs.iter().max_by(by_ratio)?);
    let of = |pair: &Pair<'_>| {
        let place = labels::place(pair.other);
        format!(
            "{} ({} in {place})",
            format::ratio(pair.ratio.value),
            labels::work(pair.other)
        )
    };
    let faster = match pairs.iter().filter(|pair| pair.ratio.high < 1.0).count() {
        0 => String::new(),
        count => format!("; {count} of them are faster than native"),
    };
    Some(format!(
        "Of {} comparisons, the browser takes from {} to {} the native time{faster}",
        pairs.len(),
        of(least),
        of(most)
    ))
}

fn ratios<'a>(pairs: &[&Pair<'_>]) -> Figure<'a> {
    let places = has_several(pairs, |pair| pair.other.configuration.browser.as_ref());
    let rows = pairs.iter().map(|pair| {
        let [native, other] = pair.medians.map(|median| format::duration(median.value));
        RatioRow {
            label: format!("{}, {}", labels::work(pair.other), on(pair, places)),
            note: format!("{} \u{b7} {other} vs. {native}", format::ratios(&pair.ratio)),
            ratio: pair.ratio,
        }
    });
    let rows: Vec<RatioRow> = rows.collect();
    let in_words = rows
        .iter()
        .take(MOST_IN_WORDS)
        .map(|row| format!("{}: {}", row.label, format::ratio(row.ratio.value)));
    Figure {
        alternative: format!("Time as a multiple of native. {}", in_words.collect::<Vec<_>>().join("; ")),
        caption: "Time of one inference as a multiple of the native time, which the dashed line marks. The stroke is the 95 % interval: where it crosses the line, \
            no difference was shown."
            .into(),
        kind: FigureKind::Ratios(rows, "native"),
    }
}

/// All warnings of the records, of what is compared, and of what stands alone.
pub(super) fn warnings<'a, 'r>(
    records: &'r [Record],
    known: &KnownSeries<'r>,
    pairs: &[Pair<'_>],
) -> Option<Block<'a>> {
    let of_records = records.iter().flat_map(|record| {
        let place = labels::environment(&record.machine);
        let warnings = record.warnings.iter();
        warnings.map(move |warning| (warning.kind, format!("{place}: {}", warning.message)))
    });
    let of_pairs = pairs.iter().flat_map(|pair| {
        let subject = labels::work(pair.other);
        let warnings = pair.warnings.iter();
        warnings.map(move |warning| (warning.kind, format!("{subject}: {}", warning.message)))
    });
    let both = pairs.iter().flat_map(|pair| [pair.native, pair.other]);
    let compared: HashSet<*const Cell> = both.map(std::ptr::from_ref).collect();
    let cells = records
        .iter()
        .flat_map(|record| record.cells.iter().map(move |cell| (record, cell)));
    let alone = cells.filter(|(_, cell)| !compared.contains(&std::ptr::from_ref(*cell)));
    let of_others = alone.flat_map(|(record, cell)| {
        let (subject, place) = (labels::work(cell), labels::place(cell));
        let own = cell.warnings.iter();
        let own = own.map(|warning| (warning.kind, format!("{subject}: {place}: {}", warning.message)));
        // These name the place themselves.
        let series = known.of(cell, &record.clock);
        let of_series = series
            .warnings()
            .iter()
            .map(|warning| (warning.kind, format!("{subject}: {}", warning.message)));
        own.chain(of_series).collect::<Vec<_>>()
    });
    warning_block(of_records.chain(of_pairs).chain(of_others))
}

/// Warnings under one line that counts them.
pub(super) fn warning_block<'a>(warnings: impl Iterator<Item = (WarningKind, String)>) -> Option<Block<'a>> {
    let mut items: Vec<String> = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (kind, text) in warnings {
        if seen.insert(text.clone()) {
            items.push(text);
            *kinds.entry(labels::warning(kind)).or_default() += 1;
        }
    }
    let counted = |(kind, count): (&str, usize)| match count {
        1 => kind.to_owned(),
        count => format!("{kind} ({count})"),
    };
    let summary: Vec<String> = kinds.into_iter().map(counted).collect();
    (!items.is_empty()).then(|| Block::Warnings {
        summary: format!("Warnings: {}", summary.join(", ")),
        items,
    })
}

/// Cells that look alike but may not be compared, and why.
pub(super) fn refusals<'a>(comparison: &Comparison<'_>) -> Option<Section<'a>> {
    let refusals = comparison.refusals.iter();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for refusal in refusals {
        *counts
            .entry(format!("{}: {}", refusal.subject, refusal.reason))
            .or_default() += 1;
    }
    let counted = |(text, count): (String, usize)| match count {
        1 => text,
        count => format!("{text} ({count} times)"),
    };
    let items: Vec<String> = counts.into_iter().map(counted).collect();
    (!items.is_empty()).then(|| Section::reason("not-compared", "Not compared", vec![Block::List(items)]))
}

/// All pairs with browsers that computed themselves, and those with Node that no browser ran: next to a browser, Node is a step of the explanation.
fn shown<'a>(comparison: &'a Comparison<'a>) -> Vec<&'a Pair<'a>> {
    let is_node = |pair: &&Pair<'_>| pair.other.configuration.environment == EnvironmentKind::Node;
    // A server computes there, and not the browser.
    let is_served = |pair: &&Pair<'_>| pair.other.load.transport.is_some_and(Transport::needs_server);
    let computed = comparison.pairs.iter().filter(|pair| !is_served(pair));
    let (in_node, mut shown): (Vec<_>, Vec<_>) = computed.partition(is_node);
    let others = in_node
        .into_iter()
        .filter(|pair| !shown.iter().any(|browser| work(browser.other) == work(pair.other)));
    let others: Vec<_> = others.collect();
    shown.extend(others);
    shown
}

fn work(cell: &Cell) -> (String, EngineName) {
    (labels::workload(cell), cell.engine.name)
}

/// For each model and engine what the browser costs, and then why.
fn sentences(pairs: &[&Pair<'_>], ladders: &[Ladder<'_>]) -> Vec<String> {
    let mut lines: Vec<_> = pairs.iter().map(|pair| (work(pair.other), verdict(pair))).collect();
    // A ladder of two rungs says what its pair says.
    for ladder in ladders
        .iter()
        .filter(|ladder| ladder.steps.len() > 1 || pairs.is_empty())
    {
        let work = work(ladder.rungs[0]);
        let after = lines.iter().rposition(|(known, _)| *known == work);
        lines.insert(after.map_or(lines.len(), |last| last + 1), (work, ladder.sentence()));
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

fn table(pairs: &[&Pair<'_>]) -> Table {
    let of_load = if pairs.iter().any(|pair| pair.other.load.requests.is_some()) {
        " (under load, from the arrival of a request to its answer)"
    } else {
        ""
    };
    let mut table = Table::new(
        format!(
            "Time of one inference, from inputs in memory to outputs in memory{of_load}, as a multiple of the native time. If the interval includes 1x, \
             no difference was shown. With one round, the interval leaves out how much two processes differ."
        ),
        &[
            ("model", "model"),
            ("engine", "engine"),
            ("on", "runs on"),
            ("ratio", "vs. native"),
            ("ratio_interval", "95 % interval"),
            ("median", "time"),
            ("native_median", "native time"),
            ("rounds", "rounds"),
        ],
    );
    let has_several_browsers = has_several(pairs, |pair| pair.other.configuration.browser.as_ref());
    for pair in pairs {
        let [native, other] = pair.medians.map(|median| Value::Duration(median.value));
        let [ratio, interval] = Value::ratios(&pair.ratio);
        table.push(vec![
            Value::Text(labels::workload(pair.other)),
            Value::text(pair.other.engine.name.as_str()),
            Value::Text(on(pair, has_several_browsers)),
            ratio,
            interval,
            other,
            native,
            Value::Count(match pair.basis {
                Basis::Samples(_) => 1,
                Basis::Rounds(rounds) | Basis::Pairs(rounds) => rounds as u64,
            }),
        ]);
    }
    table
}

fn has_several<'p, T: PartialEq + 'p>(pairs: &[&'p Pair<'p>], of: impl Fn(&'p Pair<'p>) -> Option<&'p T>) -> bool {
    let mut all = pairs.iter().filter_map(|pair| of(pair));
    let first = all.next();
    all.any(|one| Some(one) != first)
}

/// What computes there. Short, so that the factor next to it fits on a phone: a browser is named if there are several.
fn on(pair: &Pair<'_>, has_several_browsers: bool) -> String {
    let configuration = &pair.other.configuration;
    let how = match &pair.other.adapter {
        Some(adapter) if adapter.software => "WebGPU on the CPU".into(),
        Some(_) => "WebGPU".into(),
        None => labels::threads(configuration.threads),
    };
    match (configuration.environment, &configuration.browser) {
        (EnvironmentKind::Node, _) => format!("Node, {how}"),
        (_, Some(name)) if has_several_browsers => format!("{name}, {how}"),
        _ => how,
    }
}
