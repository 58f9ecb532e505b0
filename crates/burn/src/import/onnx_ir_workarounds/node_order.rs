//! The order of a file's nodes. ONNX requires each after those that it reads from. Not all
//! converters comply; onnxruntime and tract sort nodes themselves, onnx-ir rejects unsorted ones
//! (UPSTREAM.md: "nodes must be sorted").

use std::collections::{HashMap, HashSet};

use onnx_ir::{GraphProto, NodeProto};

use super::subgraphs::subgraphs;
use crate::import::header;

/// Whether every node stands after those that it reads from. What graphs inside nodes read is
/// ignored.
pub(crate) fn is_sorted(graph: &header::Graph) -> bool {
    let mut later: HashSet<&str> = graph
        .node
        .iter()
        .flat_map(|node| &node.output)
        .map(String::as_str)
        .collect();
    graph.node.iter().all(|node| {
        let sorted = node
            .input
            .iter()
            .all(|name| name.is_empty() || !later.contains(name.as_str()));
        for name in &node.output {
            later.remove(name.as_str());
        }
        sorted
    })
}

/// Puts every node after those that it reads from. Leaves a graph with a cycle as it is: the parser
/// rejects it.
pub(crate) fn sort(graph: &mut GraphProto) {
    let mut makers = HashMap::new();
    for (place, node) in graph.node.iter().enumerate() {
        makers.extend(node.output.iter().map(|name| (name.clone(), place)));
    }
    let needs: Vec<Vec<usize>> = graph
        .node
        .iter()
        .map(|node| {
            let mut names = Vec::new();
            read_by(node, &mut names);
            names.iter().filter_map(|name| makers.get(*name).copied()).collect()
        })
        .collect();
    let mut order = Vec::with_capacity(needs.len());
    let mut state = vec![State::New; needs.len()];
    for place in 0..needs.len() {
        // Depth-first without recursion, because chains of nodes are long.
        let mut path = vec![place];
        while let Some(&top) = path.last() {
            let next = needs[top]
                .iter()
                .copied()
                .find(|&need| state[need] != State::Placed && need != top);
            match (state[top], next) {
                (State::Placed, _) => {
                    path.pop();
                }
                (_, Some(need)) if state[need] == State::Open => return,
                (_, Some(need)) => {
                    state[top] = State::Open;
                    path.push(need);
                }
                (_, None) => {
                    state[top] = State::Placed;
                    order.push(top);
                    path.pop();
                }
            }
        }
    }
    let mut nodes: Vec<Option<NodeProto>> = std::mem::take(&mut graph.node).into_iter().map(Some).collect();
    // Each position occurs once in the order.
    graph.node = order.into_iter().filter_map(|place| nodes[place].take()).collect();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Placed,
}

/// Names that a node and the graphs inside it read.
fn read_by<'a>(node: &'a NodeProto, names: &mut Vec<&'a str>) {
    names.extend(node.input.iter().map(String::as_str));
    for node in subgraphs(node).flat_map(|inner| &inner.node) {
        read_by(node, names);
    }
}
