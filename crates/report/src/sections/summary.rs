//! What the report starts with: the answer, and what limits it.

use tare_record::{Cell, EngineName, EnvironmentKind, Record};

use crate::analysis::ladder::Ladder;
use crate::analysis::pairing::{Basis, Comparison, Pair};
use crate::analysis::verdict::verdict;
use crate::section::{Block, Section, Table, Value};
use tare_findings::labels;

/// For more pairs than this the table stands alone, because so many sentences are a wall.
const FEW_PAIRS: usize = 3;

const APART: &str = "The records were made apart, so a machine that changed in between changes the ratios, and the intervals do not tell. \
    `tare bench` measures all environments in turn.";

pub(super) fn section<'a>(records: &[Record], comparison: &Comparison<'_>, ladders: &[Ladder<'_>]) -> Section<'a> {
    let shown = shown(comparison);
    let mut blocks = Vec::new();
    if shown.len() <= FEW_PAIRS {
        blocks.extend(sentences(&shown, ladders).into_iter().map(Block::Verdict));
    }
    blocks.extend(table(&shown).block());
    if shown.iter().any(|pair| !matches!(pair.basis, Basis::Pairs(_))) {
        blocks.push(Block::Text(APART.into()));
    }
    for record in records {
        let place = labels::environment(&record.machine);
        let warnings = record.warnings.iter();
        blocks.extend(warnings.map(|warning| Block::Warning(format!("{place}: {}", warning.message))));
    }
    let advice = if records.is_empty() {
        Some("There is no record.")
    } else if comparison.pairs.is_empty() {
        Some(
            "Nothing can be compared yet. A comparison needs a record of `tare run` and one of a browser, with the same models and inputs.",
        )
    } else {
        None
    };
    blocks.extend(advice.map(|advice| Block::Text(advice.into())));
    Section::new("summary", "What does the browser cost?", blocks)
}

/// Cells that look alike but may not be compared, and why.
pub(super) fn refusals<'a>(comparison: &Comparison<'_>) -> Option<Section<'a>> {
    let refusals = comparison.refusals.iter();
    let items: Vec<String> = refusals
        .map(|refusal| format!("{}: {}", refusal.subject, refusal.reason))
        .collect();
    (!items.is_empty()).then(|| Section::new("not-compared", "Not compared", vec![Block::List(items)]))
}

/// All pairs with browsers, and those with Node that no browser ran: next to a browser, Node is a step of the explanation.
fn shown<'a>(comparison: &'a Comparison<'a>) -> Vec<&'a Pair<'a>> {
    let is_node = |pair: &&Pair<'_>| pair.other.configuration.environment == EnvironmentKind::Node;
    let (in_node, mut shown): (Vec<_>, Vec<_>) = comparison.pairs.iter().partition(is_node);
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
    let mut browsers = pairs
        .iter()
        .filter_map(|pair| pair.other.configuration.browser.as_ref());
    let first = browsers.next();
    let has_several_browsers = browsers.any(|name| Some(name) != first);
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
