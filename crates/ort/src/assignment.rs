//! Which nodes the library left to the CPU although it was asked for another device: it does so in silence.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};
use std::ptr;

use ort::AsPointer as _;
use ort::session::Session as OrtSession;
use ort::sys::{OrtEpAssignedNode, OrtEpAssignedSubgraph, OrtStatusPtr};

/// The option of a session that keeps what [`by_provider`] reads.
pub(crate) const OPTION: &str = "session.record_ep_graph_assignment_info";

/// How many nodes each provider computes, by operator.
type Assignment = BTreeMap<String, BTreeMap<String, usize>>;

/// What a record says about the nodes that `provider` does not compute: `none`, or how many of how many, by operator.
///
/// # Errors
///
/// If the library does not say, or `provider` computes no node at all.
pub(crate) fn nodes_on_cpu(session: &OrtSession, provider: &str) -> Result<String, String> {
    in_words(&by_provider(session)?, provider)
}

fn in_words(assignment: &Assignment, provider: &str) -> Result<String, String> {
    let count = |operators: &BTreeMap<String, usize>| operators.values().sum::<usize>();
    let all: usize = assignment.values().map(count).sum();
    let mut others: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, operators) in assignment.iter().filter(|(name, _)| *name != provider) {
        for (operator, nodes) in operators {
            *others.entry(operator).or_default() += nodes;
        }
    }
    let left: usize = others.values().sum();
    if all > 0 && left == all {
        return Err(format!("it computes none of the model's {all} nodes on {provider}"));
    }
    if left == 0 {
        return Ok("none".into());
    }
    let operators: Vec<String> = others.iter().map(|(name, nodes)| format!("{nodes} {name}")).collect();
    Ok(format!("{left} of {all}: {}", operators.join(", ")))
}

/// The nodes of a session that was created with [`OPTION`], after the library fused what it fuses.
#[allow(unsafe_code, reason = "the crate `ort` has no function for this part of the library")]
fn by_provider(session: &OrtSession) -> Result<Assignment, String> {
    let api = ort::api();
    let (mut subgraphs, mut count) = (ptr::null::<*const OrtEpAssignedSubgraph>(), 0);
    // SAFETY: the session is alive. It keeps the array, and what its pointers lead to.
    checked(unsafe { (api.Session_GetEpGraphAssignmentInfo)(session.ptr(), &mut subgraphs, &mut count) })?;
    let mut found = Assignment::new();
    // SAFETY: the library returned an array of `count` pointers.
    for &subgraph in unsafe { slice(subgraphs, count) } {
        let mut name = ptr::null();
        // SAFETY: `subgraph` is one of the session's, which is alive.
        checked(unsafe { (api.EpAssignedSubgraph_GetEpName)(subgraph, &mut name) })?;
        let (mut nodes, mut count) = (ptr::null::<*const OrtEpAssignedNode>(), 0);
        // SAFETY: as above.
        checked(unsafe { (api.EpAssignedSubgraph_GetNodes)(subgraph, &mut nodes, &mut count) })?;
        // SAFETY: the library returned a text that lives as long as the session.
        let operators = found.entry(unsafe { text(name) }).or_default();
        // SAFETY: the library returned an array of `count` pointers.
        for &node in unsafe { slice(nodes, count) } {
            let mut operator = ptr::null();
            // SAFETY: `node` is one of the session's, which is alive.
            checked(unsafe { (api.EpAssignedNode_GetOperatorType)(node, &mut operator) })?;
            // SAFETY: the library returned a text that lives as long as the session.
            *operators.entry(unsafe { text(operator) }).or_default() += 1;
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
    fn nodes_on_the_cpu_are_counted_by_operator() {
        let assignment = |rows: &[(&str, &str, usize)]| {
            let mut all = Assignment::new();
            for (provider, operator, nodes) in rows {
                all.entry((*provider).to_owned())
                    .or_default()
                    .insert((*operator).to_owned(), *nodes);
            }
            all
        };
        for (rows, expected) in [
            (&[("GPU", "Conv", 3)][..], Ok("none")),
            (
                &[("CPU", "Shape", 2), ("CPU", "Gather", 1), ("GPU", "Conv", 3)],
                Ok("3 of 6: 1 Gather, 2 Shape"),
            ),
            (
                &[("CPU", "Conv", 3)],
                Err("it computes none of the model's 3 nodes on GPU"),
            ),
            // A model without nodes: its outputs are its inputs.
            (&[], Ok("none")),
        ] {
            let found = in_words(&assignment(rows), "GPU");
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned));
        }
    }
}
