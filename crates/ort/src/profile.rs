//! The library's own times of its nodes. It writes them to a file when a session ends its profile, and a session can do so
//! once: each profiled run has a session of its own.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use ort::environment::Environment;
use ort::session::Session as OrtSession;
use serde::Deserialize;
use tare_core::{Clock, NamedTensor, NodeRun, ProfiledRun};
use tare_record::{Failure, FailureKind};

use crate::{Ort, explain, library, run};

/// Runs before the one that counts: the first one reserves memory.
const WARM_UP: usize = 2;

/// What the library adds to a node's name.
const SUFFIX: &str = "_kernel_time";

/// What the library names a run, after its nodes.
const RUN: &str = "model_run";

/// Runs the model once in a new session, and reads how long each node took.
///
/// # Errors
///
/// If the library fails, or its profile cannot be written or read.
pub(crate) fn profiled_run(
    engine: &Ort,
    model: &[u8],
    outputs: &[String],
    inputs: &[NamedTensor],
    clock: &dyn Clock,
) -> Result<ProfiledRun, Failure> {
    let called_ns = clock.now_ns();
    let folder = tempfile::tempdir().map_err(|error| failed(&format!("no folder for it: {error}")))?;
    let environment = library::loaded()?.environment;
    let mut session = session(engine, &environment, model, folder.path())
        .map_err(|error| explain(&error, FailureKind::Run, "loading the model to be profiled"))?;
    for _ in 0..WARM_UP {
        run(&mut session, outputs, inputs)?;
    }
    let start_ns = clock.now_ns();
    let found = run(&mut session, outputs, inputs)?;
    let duration_ns = clock.now_ns().saturating_sub(start_ns);
    let file = session
        .end_profiling()
        .map_err(|error| explain(&error, FailureKind::Run, "writing its profile"))?;
    let text = std::fs::read_to_string(&file).map_err(|error| failed(&format!("{file}: {error}")))?;
    let nodes = last_run(&text).map_err(|error| failed(&error))?;
    drop((session, folder));
    Ok(ProfiledRun {
        outputs: found,
        nodes,
        preparation_ns: clock.now_ns().saturating_sub(called_ns).saturating_sub(duration_ns),
    })
}

fn session(engine: &Ort, environment: &Environment, model: &[u8], folder: &Path) -> ort::Result<OrtSession> {
    let mut options = engine.options(environment)?.with_profiling(folder.join("profile"))?;
    options.commit_from_memory(model)
}

fn failed(what: &str) -> Failure {
    Failure::new(
        FailureKind::Run,
        format!("the profile of onnxruntime cannot be read: {what}"),
    )
}

/// An event of the library's profile, in the format of Chrome's traces.
#[derive(Deserialize)]
struct Event {
    cat: String,
    name: String,
    /// When it began, and how long it took, in microseconds.
    ts: u64,
    dur: u64,
    #[serde(default)]
    args: Facts,
}

/// What it says about a node. Sizes are in bytes, and decimal.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Facts {
    op_name: String,
    activation_size: String,
    parameter_size: String,
    output_size: String,
    input_type_shape: Vec<Typed>,
    output_type_shape: Vec<Typed>,
}

/// The shape of a tensor, under the name of its element type. Empty if the value is not a tensor.
type Typed = BTreeMap<String, Vec<u64>>;

/// The nodes of the last run in a profile, in the order in which they began.
fn last_run(text: &str) -> Result<Vec<NodeRun>, String> {
    let mut events: Vec<Event> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    events.sort_by_key(|event| (event.ts, Reverse(event.dur)));
    let runs: Vec<(u64, u64)> = events
        .iter()
        .filter(|event| event.name == RUN)
        .map(|event| (event.ts, event.ts + event.dur))
        .collect();
    let [.., (start, end)] = runs[..] else {
        return Err("there is no run in it".into());
    };
    if runs.len() != WARM_UP + 1 {
        return Err(format!("{} runs instead of {}", runs.len(), WARM_UP + 1));
    }
    events.retain(|event| event.cat == "Node" && (start..=end).contains(&event.ts));
    let own_us = own_times(&events);
    let mut added: BTreeMap<String, usize> = BTreeMap::new();
    let nodes = events.into_iter().zip(own_us).filter_map(|(event, own_us)| {
        let name = event.name.strip_suffix(SUFFIX)?;
        let name = match added_by_library(name, &event.args) {
            Some(name) => {
                let number = added.entry(name.clone()).or_default();
                *number += 1;
                format!("{name}, {number}")
            }
            None => name.to_owned(),
        };
        Some(NodeRun {
            name,
            multiply_accumulates: multiply_accumulates(&event.args),
            bytes: bytes(&event.args),
            operator: event.args.op_name,
            duration_ns: own_us * 1_000,
        })
    });
    Ok(nodes.collect())
}

/// How long each event took without those inside of it, such as the body of a loop, in microseconds. Events are in the order in
/// which they began.
fn own_times(events: &[Event]) -> Vec<u64> {
    let mut own: Vec<u64> = events.iter().map(|event| event.dur).collect();
    let mut around: Vec<usize> = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let ended = |outer: &Event| outer.ts + outer.dur <= event.ts;
        while around.last().is_some_and(|&outer| ended(&events[outer])) {
            around.pop();
        }
        if let Some(&outer) = around.last() {
            own[outer] = own[outer].saturating_sub(event.dur);
        }
        around.push(index);
    }
    own
}

/// The name of a node that the library added when it loaded the model. It numbers such nodes differently in each session, so
/// they are named after the shape of their output.
fn added_by_library(name: &str, facts: &Facts) -> Option<String> {
    let is_numbered = |name: &str| {
        let number = name.rsplit_once("_token_").map(|(_, number)| number);
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if name != facts.op_name && !is_numbered(name) {
        return None;
    }
    let shape = facts.output_type_shape.first()?.values().next()?;
    let shape: Vec<String> = shape.iter().map(u64::to_string).collect();
    Some(format!("{} to {}", facts.op_name, shape.join("x")))
}

fn bytes(facts: &Facts) -> u64 {
    let sizes = [&facts.activation_size, &facts.parameter_size, &facts.output_size];
    sizes.iter().filter_map(|size| size.parse::<u64>().ok()).sum()
}

/// Multiply-accumulates of the products in a node, as far as its shapes tell. Packed weights are not among its inputs.
fn multiply_accumulates(facts: &Facts) -> u64 {
    let shape = |all: &[Typed], index: usize| -> Option<Vec<u64>> { all.get(index)?.values().next().cloned() };
    let input = |index| shape(&facts.input_type_shape, index);
    let count = || -> Option<u64> {
        let output = shape(&facts.output_type_shape, 0)?;
        let results: u64 = output.iter().product();
        match facts.op_name.as_str() {
            // Weights are outputs x inputs of a group x kernel.
            "Conv" | "FusedConv" => Some(results * input(1)?.iter().skip(1).product::<u64>()),
            // Weights are inputs x outputs of a group x kernel: each input meets all of its weights.
            "ConvTranspose" => Some(input(0)?.iter().product::<u64>() * input(1)?.iter().skip(1).product::<u64>()),
            "Gemm"
            | "MatMul"
            | "FusedMatMul"
            | "FusedGemm"
            | "MatMulInteger"
            | "DynamicQuantizeMatMul"
            | "MatMulIntegerToFloat" => {
                let left = input(0)?;
                let [.., rows, columns] = left.as_slice() else {
                    return Some(results * left.first()?);
                };
                let may_be = ["Gemm", "FusedGemm", "FusedMatMul"].contains(&facts.op_name.as_str());
                let is_transposed = may_be && matches!(output.as_slice(), [.., result_rows, _] if result_rows != rows);
                Some(results * if is_transposed { rows } else { columns })
            }
            _ => None,
        }
    };
    count().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event that begins at `ts` and takes `dur`.
    fn event(category: &str, name: &str, [ts, dur]: [u64; 2], args: &str) -> String {
        format!(
            r#"{{"cat":"{category}","pid":1,"tid":1,"dur":{dur},"ts":{ts},"ph":"X","name":"{name}","args":{args}}}"#
        )
    }

    /// A profile of three runs, whose last one has these nodes.
    fn profile(nodes: &[String]) -> String {
        let earlier = event("Node", "earlier_kernel_time", [5, 1], r#"{"op_name":"Relu"}"#);
        let runs = [[0, 100], [200, 100], [1_000, 1_000]].map(|times| event("Session", RUN, times, "{}"));
        // Runs follow their nodes, as the library writes them.
        let all = [
            vec![earlier, runs[0].clone(), runs[1].clone()],
            nodes.to_vec(),
            vec![runs[2].clone()],
        ];
        format!("[{}]", all.concat().join(","))
    }

    fn node(name: &str, times: [u64; 2]) -> String {
        let args = r#"{"op_name":"Reorder","output_size":"8","output_type_shape":[{"float":[1,2]}]}"#;
        event("Node", &format!("{name}_kernel_time"), times, args)
    }

    #[test]
    fn only_the_last_run_counts() {
        let of = |nodes: &[String]| -> Vec<(String, u64)> {
            let nodes = last_run(&profile(nodes)).unwrap();
            nodes.into_iter().map(|node| (node.name, node.duration_ns)).collect()
        };
        let named = |nodes: &[(&str, u64)]| -> Vec<(String, u64)> {
            nodes.iter().map(|(name, ns)| ((*name).to_owned(), *ns)).collect()
        };
        assert_eq!(
            of(&[node("b", [1_200, 7]), node("a", [1_100, 5])]),
            named(&[("a", 5_000), ("b", 7_000)])
        );
        // What the library added, twice of one shape. The user's own name stays.
        let added = [
            node("Reorder_token_9", [1_001, 1]),
            node("Reorder", [1_002, 1]),
            node("x_token_y", [1_003, 1]),
        ];
        assert_eq!(
            of(&added),
            named(&[
                ("Reorder to 1x2, 1", 1_000),
                ("Reorder to 1x2, 2", 1_000),
                ("x_token_y", 1_000)
            ])
        );
        // The body of a node is no part of its own time.
        let nested = [
            node("body", [1_012, 3]),
            node("rest", [1_016, 2]),
            node("if", [1_010, 10]),
            node("c", [1_020, 1]),
            // Times are cut to whole microseconds: a body may seem to end after its node.
            node("loop", [1_030, 10]),
            node("last", [1_038, 3]),
        ];
        assert_eq!(
            of(&nested),
            named(&[
                ("if", 5_000),
                ("body", 3_000),
                ("rest", 2_000),
                ("c", 1_000),
                ("loop", 7_000),
                ("last", 3_000)
            ])
        );
        assert!(of(&[]).is_empty());
        for bad in ["[", "[]", &format!("[{}]", event("Session", RUN, [0, 1], "{}"))] {
            assert!(last_run(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn products_are_counted_by_shapes() {
        for (operator, inputs, output, expected) in [
            (
                "Conv",
                "[1,32,56,56],[64,32,3,3],[64]",
                "[1,64,56,56]",
                64 * 56 * 56 * 32 * 9,
            ),
            ("Conv", "[1,32,8,8],[32,1,3,3]", "[1,32,8,8]", 32 * 64 * 9),
            ("ConvTranspose", "[1,4,2,2],[4,6,2,2]", "[1,6,4,4]", 16 * 6 * 4),
            ("MatMul", "[1,128,384],[384,1536]", "[1,128,1536]", 128 * 1536 * 384),
            ("MatMul", "[1,12,128,32]", "[1,12,128,128]", 12 * 128 * 128 * 32),
            ("FusedMatMul", "[2,3],[2,5]", "[3,5]", 3 * 5 * 2),
            ("MatMul", "[7],[7,5]", "[5]", 35),
            ("MatMul", "[2,3,4],[4]", "[2,3]", 24),
            ("Gemm", "[1,1280],[1000]", "[1,1000]", 1_280_000),
            ("Relu", "[1,5]", "[1,5]", 0),
            ("Conv", "[1,32,8,8]", "[1,32,8,8]", 0),
        ] {
            let typed = |shapes: &str| format!("[{}]", shapes.replace("[", r#"{"float":["#).replace(']', "]}"));
            let args = format!(
                r#"{{"op_name":"{operator}","input_type_shape":{},"output_type_shape":{}}}"#,
                typed(inputs),
                typed(output)
            );
            let nodes = last_run(&profile(&[event("Node", "n_kernel_time", [1_001, 1], &args)])).unwrap();
            assert_eq!(nodes[0].multiply_accumulates, expected, "{operator} of {inputs}");
        }
    }
}
