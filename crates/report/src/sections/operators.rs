use std::cmp::Reverse;

use tare_findings::{OperatorTimes, format, labels};
use tare_record::{Cell, OperatorProfile, ProfiledNode, Record};

use crate::section::{Block, Section, Table, Value};

/// Operators that take less of a run are not listed.
const LEAST_SHARE: f64 = 0.005;

/// Nodes that are listed for each cell.
const LISTED: usize = 40;

/// The time of a run by operator, for cells that were profiled.
pub(super) fn section<'a>(records: &[Record]) -> Option<Section<'a>> {
    let mut table = Table::new(
        "Runs that were timed node by node, after the samples. Arithmetic counts the products of convolutions and matrix products, memory every value once. The bound is what keeps the operator from being faster if nothing else does, with the share of its peak that is reached; more than 100 % of memory means that values come from caches. Operators that take less than 0.5 % of a run are in the record alone.",
        &[
            ("model", "model"),
            ("engine", "engine"),
            ("configuration", "where"),
            ("operator", "operator"),
            ("nodes", "nodes"),
            ("duration", "time of a run"),
            ("duration_interval", "95 % interval"),
            ("share", "share"),
            ("arithmetic", "arithmetic"),
            ("memory", "memory"),
            ("bound", "bound"),
            ("reached", "of its peak"),
        ],
    );
    let mut lines = Vec::new();
    let mut nodes = Vec::new();
    for cell in records.iter().flat_map(|record| &record.cells) {
        if let Some((profile, times)) = cell.profile.as_ref().zip(OperatorTimes::of(cell)) {
            rows(cell, &times).for_each(|row| table.push(row));
            lines.push(line(cell, profile, &times));
            nodes.push(longest_nodes(cell, profile));
        }
    }
    let mut blocks = vec![table.block()?, Block::List(lines)];
    blocks.extend(nodes);
    Some(Section::new("operators", "Operators", blocks))
}

fn rows(cell: &Cell, times: &OperatorTimes) -> impl Iterator<Item = Vec<Value>> {
    let shown = times.operators.iter().filter(|operator| operator.share >= LEAST_SHARE);
    shown.map(move |operator| {
        let [duration, interval] = Value::durations(Some(&operator.duration_ns));
        let roofline = times.peak.as_ref().and_then(|peak| operator.roofline(peak));
        let (has_products, moves) = (operator.multiply_accumulates > 0, operator.bytes > 0);
        vec![
            Value::Text(labels::workload(cell)),
            Value::text(cell.engine.name.as_str()),
            Value::Text(labels::configuration(cell)),
            Value::text(&operator.operator),
            Value::Count(operator.nodes as u64),
            duration,
            interval,
            Value::Share(operator.share),
            Value::or_missing(has_products.then(|| operator.flops_per_s()), |speed| {
                Value::Text(format::flops_rate(speed))
            }),
            Value::or_missing(moves.then(|| operator.bytes_per_s()), |speed| {
                Value::Text(format::bytes_rate(speed))
            }),
            Value::or_missing(roofline, |(bound, _)| Value::text(bound.as_str())),
            Value::or_missing(roofline, |(_, reached)| Value::Share(reached)),
        ]
    })
}

/// What profiling cost, and the peaks.
fn line(cell: &Cell, profile: &OperatorProfile, times: &OperatorTimes) -> String {
    let runs: usize = profile.rounds.iter().map(|round| round.runs_ns.len()).sum();
    let mut line = format!(
        "{} ({}): {runs} profiled runs",
        labels::work(cell),
        labels::configuration(cell)
    );
    if let Some(cost) = &times.cost {
        line += &format!(
            ", each {} as long as a run ({})",
            format::ratio(cost.value),
            format::ratios(cost)
        );
    }
    line += &format!("; {} outside the operators", format::percent(times.outside));
    if let Some(peak) = &times.peak {
        line += &format!(
            "; peaks of {} and {}",
            format::flops_rate(2.0 * peak.multiply_accumulates_per_s as f64),
            format::bytes_rate(peak.copied_bytes_per_s as f64)
        );
    }
    line
}

/// The longest nodes of a cell.
fn longest_nodes<'a>(cell: &Cell, profile: &OperatorProfile) -> Block<'a> {
    let mean = |node: &ProfiledNode| node.rounds_ns.iter().sum::<u64>() / node.rounds_ns.len().max(1) as u64;
    let mut nodes: Vec<&ProfiledNode> = profile.nodes.iter().collect();
    nodes.sort_by_key(|node| Reverse(mean(node)));
    let listed = nodes.iter().take(LISTED);
    Block::Collapsed {
        summary: format!(
            "{} ({}): the longest of {} nodes",
            labels::work(cell),
            labels::configuration(cell),
            nodes.len()
        ),
        items: listed
            .map(|node| {
                format!(
                    "{} in {} ({})",
                    format::duration(mean(node) as f64),
                    node.name,
                    node.operator
                )
            })
            .collect(),
    }
}
