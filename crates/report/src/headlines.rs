//! What a report begins with: sentences if they are few, otherwise a table.

use tare_record::{Cell, EngineName, EnvironmentKind};

use crate::format;
use crate::ladder::Ladder;
use crate::pairing::{Basis, Comparison, Pair};
use crate::text::{threads, verdict};

/// More sentences than of so many pairs are a wall.
const FEW_PAIRS: usize = 3;

pub(crate) fn is_short(comparison: &Comparison<'_>) -> bool {
    pairs(comparison).len() <= FEW_PAIRS
}

/// All pairs with browsers, and of those with Node what no browser ran: beside a browser, Node is a step of the explanation.
fn pairs<'a>(comparison: &'a Comparison<'a>) -> Vec<&'a Pair<'a>> {
    let is_node = |pair: &&Pair<'_>| pair.other.rung.environment == EnvironmentKind::Node;
    let (in_node, mut shown): (Vec<_>, Vec<_>) = comparison.pairs.iter().partition(is_node);
    let others = in_node
        .into_iter()
        .filter(|pair| !shown.iter().any(|browser| work(browser.other) == work(pair.other)));
    let others: Vec<_> = others.collect();
    shown.extend(others);
    shown
}

fn work(cell: &Cell) -> (&str, EngineName) {
    (&cell.model.name, cell.engine.name)
}

/// For each model and engine what the browser costs, and then why.
pub(crate) fn sentences(comparison: &Comparison<'_>, ladders: &[Ladder<'_>]) -> Vec<String> {
    let mut lines: Vec<_> = pairs(comparison)
        .into_iter()
        .map(|pair| (work(pair.other), verdict(pair)))
        .collect();
    // One of two rungs says what its pair says.
    for ladder in ladders
        .iter()
        .filter(|ladder| ladder.steps.len() > 1 || comparison.pairs.is_empty())
    {
        let work = work(ladder.rungs[0]);
        let after = lines.iter().rposition(|(known, _)| *known == work);
        lines.insert(after.map_or(lines.len(), |last| last + 1), (work, ladder.sentence()));
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

pub(crate) const CAPTION: &str = "What one inference takes in the browser, from inputs in memory to outputs in memory, as a multiple of the same natively, and the medians of both. A factor whose interval holds 1x cannot be told from none. Of one round, the interval does not hold how much two processes differ.";
pub(crate) const HEADINGS: [&str; 7] = ["model", "engine", "on", "takes", "95 % interval", "there", "native"];

/// Rows under [`HEADINGS`].
pub(crate) fn rows(comparison: &Comparison<'_>) -> Vec<[String; 7]> {
    let pairs = pairs(comparison).into_iter();
    pairs
        .map(|pair| {
            let [native, other] = pair.medians.map(|median| format::duration(median.value));
            [
                pair.other.model.name.clone(),
                pair.other.engine.name.to_string(),
                on(pair),
                format::ratio(pair.ratio.value),
                format!(
                    "{}{}",
                    format::ratios(&pair.ratio),
                    match pair.basis {
                        Basis::Samples(_) => ", one round",
                        Basis::Rounds(_) => "",
                    }
                ),
                other,
                native,
            ]
        })
        .collect()
}

/// What computes there: short, because the factor beside it should be seen on a phone.
fn on(pair: &Pair<'_>) -> String {
    match (&pair.other.adapter, pair.other.rung.environment) {
        (Some(adapter), _) if adapter.software => "WebGPU on the CPU".into(),
        (Some(_), _) => "WebGPU".into(),
        (None, EnvironmentKind::Node) => format!("Node, {}", threads(pair.other.rung.threads)),
        (None, _) => threads(pair.other.rung.threads),
    }
}
