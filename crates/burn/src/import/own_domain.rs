//! The domain of nodes that bypass onnx-ir, and their attributes.
//!
//! onnx-ir passes on nodes of a domain that it does not know as they are, with all their
//! attributes.

use onnx_ir::node::custom::CustomNode;

use crate::lower::{Lowering, Unsupported};

/// The domain that a node gets if this executor reads it itself.
pub(crate) const DOMAIN: &str = "tare";

/// An attribute of `count` nonnegative integers. If it is absent, all are `default`.
pub(crate) fn usize_attribute(
    node: &CustomNode,
    name: &str,
    count: usize,
    default: Option<usize>,
) -> Lowering<Vec<usize>> {
    let given = match (node.attrs.get_i64s(name), default) {
        (None, Some(default)) => Some(vec![default; count]),
        (None, None) => None,
        (Some(given), _) => given.iter().map(|&number| usize::try_from(number).ok()).collect(),
    };
    given.filter(|given| given.len() == count).ok_or_else(|| {
        Unsupported::new(format!(
            "{name} {:?}, expected {count} nonnegative integers",
            node.attrs.get_i64s(name)
        ))
    })
}
