//! Which nodes the library left to the CPU although it was asked for another device: it does so in silence.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};
use std::ptr;

use ort::AsPointer as _;
use ort::session::Session as OrtSession;
use ort::sys::{OrtEpAssignedNode, OrtEpAssignedSubgraph, OrtStatusPtr};

/// The option of a session that keeps what [`nodes_on_cpu`] reads.
pub(crate) const OPTION: &str = "session.record_ep_graph_assignment_info";

/// What a record says about the nodes that `provider` does not compute: `none`, or how many there are of each operator, before
/// most of the library's fusions. The session was created with [`OPTION`].
///
/// # Errors
///
/// If the library does not say.
pub(crate) fn nodes_on_cpu(session: &OrtSession, provider: &str) -> Result<String, String> {
    Ok(in_words(&nodes_of_others(session, provider)?))
}

fn in_words(nodes: &BTreeMap<String, usize>) -> String {
    if nodes.is_empty() {
        return "none".into();
    }
    let nodes: Vec<String> = nodes
        .iter()
        .map(|(operator, count)| format!("{count} {operator}"))
        .collect();
    nodes.join(", ")
}

/// The nodes that others than `provider` compute, by operator. The library lists those of the CPU, and of `provider` only some, so that there is no
/// total.
#[allow(unsafe_code, reason = "the crate `ort` has no function for this part of the library")]
fn nodes_of_others(session: &OrtSession, provider: &str) -> Result<BTreeMap<String, usize>, String> {
    let api = ort::api();
    let (mut subgraphs, mut count) = (ptr::null::<*const OrtEpAssignedSubgraph>(), 0);
    // SAFETY: the session is alive. It keeps the array, and what its pointers lead to.
    checked(unsafe { (api.Session_GetEpGraphAssignmentInfo)(session.ptr(), &mut subgraphs, &mut count) })?;
    let mut found = BTreeMap::new();
    // SAFETY: the library returned an array of `count` pointers.
    for &subgraph in unsafe { slice(subgraphs, count) } {
        let mut name = ptr::null();
        // SAFETY: `subgraph` is one of the session's, which is alive.
        checked(unsafe { (api.EpAssignedSubgraph_GetEpName)(subgraph, &mut name) })?;
        // SAFETY: the library returned a text that lives as long as the session.
        if unsafe { text(name) } == provider {
            continue;
        }
        let (mut nodes, mut count) = (ptr::null::<*const OrtEpAssignedNode>(), 0);
        // SAFETY: `subgraph` is one of the session's, which is alive.
        checked(unsafe { (api.EpAssignedSubgraph_GetNodes)(subgraph, &mut nodes, &mut count) })?;
        // SAFETY: the library returned an array of `count` pointers.
        for &node in unsafe { slice(nodes, count) } {
            let mut operator = ptr::null();
            // SAFETY: `node` is one of the session's, which is alive.
            checked(unsafe { (api.EpAssignedNode_GetOperatorType)(node, &mut operator) })?;
            // SAFETY: the library returned a text that lives as long as the session.
            *found.entry(unsafe { text(operator) }).or_default() += 1;
        }
    }
    Ok(found)
}

/// # Safety
///
/// `start` is null, or leads to `count` values that live as long as what is returned is used.
#[allow(unsafe_code, reason = "an array of the library")]
unsafe fn slice<'a, T>(start: *const T, count: usize) -> &'a [T] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: this function's own condition.
    unsafe { std::slice::from_raw_parts(start, count) }
}

/// # Safety
///
/// `start` is null, or leads to a text that ends with a zero.
#[allow(unsafe_code, reason = "a text of the library")]
unsafe fn text(start: *const c_char) -> String {
    if start.is_null() {
        return String::new();
    }
    // SAFETY: this function's own condition.
    unsafe { CStr::from_ptr(start) }.to_string_lossy().into_owned()
}

/// The message of a call that failed.
#[allow(unsafe_code, reason = "a status of the library is freed by itself")]
fn checked(status: OrtStatusPtr) -> Result<(), String> {
    // SAFETY: the status came from the library, and is used once.
    unsafe { ort::Error::result_from_status(status) }.map_err(|error| error.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_counted_by_operator() {
        let nodes = |rows: &[(&str, usize)]| rows.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        assert_eq!(in_words(&nodes(&[])), "none");
        assert_eq!(in_words(&nodes(&[("Shape", 2), ("Gather", 1)])), "1 Gather, 2 Shape");
    }
}
