//! The operators of ONNX, one file for each family.
//!
//! Each family exports a table `OPS` with a line for each of its operators: see
//! [`op`](crate::lower::op). Everything else that the crate must know about an operator is in that
//! line.

mod activation;
mod arithmetic;
mod attention;
mod batch_normalization;
mod cast;
mod col2im;
mod concat;
mod constant;
mod control_flow;
mod conv;
mod conv_transpose;
mod cumsum;
mod det;
mod einsum;
mod flat_indices;
mod gather;
mod grid_sample;
mod identity;
mod layout;
mod line_as_image;
mod logical;
mod matmul;
mod normalization;
mod one_hot;
mod pad;
mod pooling;
mod quantization;
mod recurrent;
mod reduction;
mod resize;
mod scatter;
mod slice;
mod sliding_window;
mod softmax;
mod top_k;
mod trilu;
mod unary;
mod variadic;

use std::collections::HashSet;

use onnx_ir::Node;

use crate::import::header;
use crate::import::own_domain::DOMAIN;
use crate::lower::{OpSpec, operator_name};

/// The tables of all families.
const FAMILIES: &[&[OpSpec]] = &[
    activation::OPS,
    arithmetic::OPS,
    attention::OPS,
    batch_normalization::OPS,
    cast::OPS,
    col2im::OPS,
    concat::OPS,
    constant::OPS,
    control_flow::OPS,
    conv::OPS,
    conv_transpose::OPS,
    cumsum::OPS,
    det::OPS,
    einsum::OPS,
    gather::OPS,
    grid_sample::OPS,
    identity::OPS,
    layout::OPS,
    logical::OPS,
    matmul::OPS,
    normalization::OPS,
    one_hot::OPS,
    pad::OPS,
    pooling::OPS,
    quantization::OPS,
    recurrent::OPS,
    reduction::OPS,
    resize::OPS,
    scatter::OPS,
    slice::OPS,
    softmax::OPS,
    top_k::OPS,
    trilu::OPS,
    unary::OPS,
    variadic::OPS,
];

fn all() -> impl Iterator<Item = &'static OpSpec> {
    FAMILIES.iter().copied().flatten()
}

/// The operator of a parsed node, if it is supported.
pub(crate) fn find(node: &Node) -> Option<&'static OpSpec> {
    let name = operator_name(node);
    match node {
        Node::Custom(custom) if custom.domain != DOMAIN => None,
        Node::Custom(_) => all().find(|spec| spec.name == name),
        // onnx-ir writes some names with other capitals, such as `Lrn` for `LRN`.
        _ => all().find(|spec| spec.name.eq_ignore_ascii_case(&name)),
    }
}

/// Whether a node of the file must bypass onnx-ir. `vectors` holds the names of the inputs and
/// weights that are declared with one dimension.
pub(crate) fn bypasses_onnx_ir(node: &header::Node, vectors: &HashSet<&str>) -> bool {
    let spec = all().find(|spec| spec.name == node.op_type);
    let bypass = spec.and_then(|spec| spec.bypass.as_ref());
    bypass.is_some_and(|bypass| (bypass.applies)(node, vectors))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_operator_is_in_two_tables() {
        let mut seen = BTreeSet::new();
        for spec in all() {
            assert!(seen.insert(spec.name.to_ascii_lowercase()), "{}", spec.name);
        }
    }

    #[test]
    fn tables_are_sorted_by_name() {
        for family in FAMILIES {
            let names: Vec<&str> = family.iter().map(|spec| spec.name).collect();
            assert!(names.is_sorted(), "{names:?}");
        }
    }

    /// The table "By operator" of CONFORMANCE.md: operator, cases that count, passed by tract,
    /// passed by burn-flex.
    #[test]
    fn every_operator_that_passes_a_conformance_case_is_in_a_table() {
        let names: BTreeSet<&str> = all().map(|spec| spec.name).collect();
        let table = include_str!("../../CONFORMANCE.md");
        let table = table.split("## By operator").nth(1).unwrap();
        let table = table.split("\n## ").next().unwrap();
        let mut checked = 0;
        for row in table.lines().filter(|line| line.starts_with('|')).skip(2) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let (operator, passed) = (cells[1], cells[4].parse::<usize>().unwrap());
            if operator != "whole networks" && passed > 0 {
                assert!(names.contains(operator), "{operator}");
                checked += 1;
            }
        }
        assert!(checked > 100, "{checked}");
    }
}
