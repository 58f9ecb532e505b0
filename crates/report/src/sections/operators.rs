use std::collections::BTreeMap;

use tare_findings::sorting::sort_by;
use tare_findings::{LayerTime, OperatorTimes, format, labels};
use tare_record::{Cell, OperatorProfile, ProfiledNode, Record};

use super::roofline;
use crate::figure::{AxisOf, Figure, FigureKind, FlamePart, Parts, PartsRow};
use crate::rate::RateOf;
use crate::section::{Block, Section, Table, Value};

/// Operators that take less of a run are not listed.
const LEAST_SHARE: f64 = 0.005;

/// Operators with a part of their own in the picture.
const DRAWN: usize = 6;

/// Nodes of an operator in the picture of a run: more would be too narrow to see.
const NODES_DRAWN: usize = 60;

/// Nodes that are listed for each cell.
const LISTED: usize = 40;

/// The time of a run by operator, a table for each cell that was profiled.
pub(super) fn section<'a>(records: &[Record]) -> Option<Section<'a>> {
    let mut blocks = vec![Block::Text(
        "Some runs were timed node by node, after the samples. Arithmetic counts the products of convolutions and matrix products, memory every value once. The bound is what would limit the operator if it were as fast as the machine allows, and \"reached\" is how close it comes to that. More than 100 % of memory means that values come from caches. Operators that take less than 0.5 % of a run are in the record alone.".into(),
    )];
    let cells = records.iter().flat_map(|record| &record.cells);
    let profiled: Vec<_> = cells
        .filter_map(|cell| Some((cell, cell.profile.as_ref()?, OperatorTimes::of(cell)?)))
        .collect();
    if profiled.is_empty() {
        return None;
    }
    blocks.push(Block::Figure(by_operator(&profiled)));
    for (cell, profile, times) in &profiled {
        // Not a caption, which a terminal does not show.
        blocks.push(Block::Text(line(cell, profile, times)));
        blocks.push(Block::Figure(by_node(cell, profile, times)));
        blocks.extend(table(times).block());
        let is_native = labels::place(cell) == "native";
        blocks.extend(roofline::figure(&name(cell), times, is_native).map(Block::Figure));
        blocks.extend(layers(cell));
        blocks.push(longest_nodes(cell, profile));
    }
    Some(Section::reason("operators", "Operators", blocks))
}

/// A run of one cell: its operators, and below each the nodes that take most of it.
fn by_node<'a>(cell: &Cell, profile: &OperatorProfile, times: &OperatorTimes) -> Figure<'a> {
    let mut parts: Vec<FlamePart> = Vec::new();
    let mut by_operator: BTreeMap<&str, Vec<(String, f64)>> = BTreeMap::new();
    for node in &profile.nodes {
        let nodes = by_operator.entry(&node.operator).or_default();
        nodes.push((node.name.clone(), node.mean_ns()));
    }
    for operator in &times.operators {
        let mut nodes = by_operator.remove(operator.operator.as_str()).unwrap_or_default();
        sort_by(&mut nodes, |a, b| b.1.total_cmp(&a.1));
        let duration_ns = nodes.iter().map(|(_, ns)| ns).sum();
        nodes.truncate(NODES_DRAWN);
        parts.push(FlamePart {
            name: operator.operator.clone(),
            duration_ns,
            nodes,
        });
    }
    sort_by(&mut parts, |a, b| b.duration_ns.total_cmp(&a.duration_ns));
    let inside: f64 = parts.iter().map(|part| part.duration_ns).sum();
    parts.push(FlamePart {
        name: "outside the operators".into(),
        duration_ns: inside * times.outside / (1.0 - times.outside).max(f64::EPSILON),
        nodes: vec![],
    });
    Figure {
        alternative: format!(
            "A run of {} by operator and node; the table below has the figures.",
            name(cell)
        ),
        caption: format!(
            "A run of {}: its operators, and below each the nodes that take most of it, each as wide as it takes time.",
            name(cell)
        ),
        kind: FigureKind::Flame(parts),
    }
}

/// The time of a run of each cell, by the operators that take most of all.
fn by_operator<'a>(profiled: &[(&Cell, &OperatorProfile, OperatorTimes)]) -> Figure<'a> {
    let mut totals: BTreeMap<&str, f64> = BTreeMap::new();
    for operator in profiled.iter().flat_map(|(.., times)| &times.operators) {
        *totals.entry(&operator.operator).or_default() += operator.duration_ns.value;
    }
    let mut names: Vec<&str> = totals.keys().copied().collect();
    sort_by(&mut names, |a, b| totals[b].total_cmp(&totals[a]));
    names.truncate(DRAWN);
    let rows = profiled.iter().map(|(cell, _, times)| {
        let of = |name: &&str| -> f64 {
            let alike = times.operators.iter().filter(|operator| operator.operator == *name);
            alike.map(|operator| operator.duration_ns.value).sum()
        };
        let mut parts: Vec<f64> = names.iter().map(of).collect();
        let all: f64 = times.operators.iter().map(|operator| operator.duration_ns.value).sum();
        parts.push((all / (1.0 - times.outside).max(f64::EPSILON) - parts.iter().sum::<f64>()).max(0.0));
        PartsRow {
            label: name(cell),
            note: String::new(),
            parts,
        }
    });
    Figure {
        alternative: "Time of a run by operator; the tables below have the figures.".into(),
        caption: "Time of a run by operator. The last part is all other operators and what is outside of them.".into(),
        kind: FigureKind::Parts(Parts {
            rows: rows.collect(),
            names: names.into_iter().chain(["others"]).map(str::to_owned).collect(),
            of: AxisOf::Duration,
        }),
    }
}

fn table(times: &OperatorTimes) -> Table {
    let mut table = Table::new(
        "",
        &[
            ("operator", "operator"),
            ("nodes", "nodes"),
            ("duration", "time of a run"),
            ("duration_interval", "95 % interval"),
            ("share", "share"),
            ("arithmetic", "arithmetic"),
            ("memory", "memory"),
            ("bound", "bound"),
            ("reached", "reached"),
        ],
    );
    for operator in times.operators.iter().filter(|operator| operator.share >= LEAST_SHARE) {
        let [duration, interval] = Value::durations(Some(&operator.duration_ns));
        let roofline = times.peak.as_ref().and_then(|peak| operator.roofline(peak));
        let rate = |of, amount: u64, speed: f64| match amount {
            0 => Value::Missing,
            _ => Value::Rate(of, speed),
        };
        table.push(vec![
            Value::text(&operator.operator),
            Value::Count(operator.nodes as u64),
            duration,
            interval,
            Value::Share(operator.share),
            rate(RateOf::Flops, operator.multiply_accumulates, operator.flops_per_s()),
            rate(RateOf::Bytes, operator.bytes, operator.bytes_per_s()),
            Value::or_missing(roofline, |(bound, _)| Value::text(bound.as_str())),
            Value::or_missing(roofline, |(_, reached)| Value::Share(reached)),
        ]);
    }
    table
}

/// The cell, what profiling cost, and the peaks.
fn line(cell: &Cell, profile: &OperatorProfile, times: &OperatorTimes) -> String {
    let runs: usize = profile.rounds.iter().map(|round| round.runs_ns.len()).sum();
    let mut text = format!("{}: {runs} profiled runs", name(cell));
    if let Some(cost) = &times.cost {
        text += &format!(
            ", each {} as long as a sampled run ({})",
            format::ratio(cost.value),
            format::ratios(cost)
        );
    }
    text += &format!("; {} outside the operators", format::percent(times.outside));
    if let Some(peak) = &times.peak {
        text += &format!(
            "; peaks of {} and {}",
            format::flops_rate(2.0 * peak.multiply_accumulates_per_s as f64),
            format::bytes_rate(peak.copied_bytes_per_s as f64)
        );
    }
    text + "."
}

/// A cell, with where it ran.
fn name(cell: &Cell) -> String {
    format!("{} ({})", labels::work(cell), labels::configuration(cell))
}

/// The layers of a cell, if the names of its nodes tell them apart.
fn layers<'a>(cell: &Cell) -> Option<Block<'a>> {
    let layers = LayerTime::of(cell);
    (!layers.is_empty()).then(|| Block::Collapsed {
        summary: format!(
            "{}: {} layers, by the beginning of the names of nodes",
            name(cell),
            layers.len()
        ),
        items: layers
            .iter()
            .map(|layer| {
                let nodes = if layer.nodes == 1 { "node" } else { "nodes" };
                format!(
                    "{} ({}) in {} ({} {nodes})",
                    format::duration(layer.duration_ns),
                    format::percent(layer.share),
                    layer.layer,
                    layer.nodes
                )
            })
            .collect(),
    })
}

/// The longest nodes of a cell.
fn longest_nodes<'a>(cell: &Cell, profile: &OperatorProfile) -> Block<'a> {
    let mut nodes: Vec<&ProfiledNode> = profile.nodes.iter().collect();
    sort_by(&mut nodes, |a, b| b.mean_ns().total_cmp(&a.mean_ns()));
    let listed = nodes.iter().take(LISTED);
    Block::Collapsed {
        summary: format!("{}: the longest of {} nodes", name(cell), nodes.len()),
        items: listed
            .map(|node| {
                format!(
                    "{} in {} ({})",
                    format::duration(node.mean_ns()),
                    node.name,
                    node.operator
                )
            })
            .collect(),
    }
}
