//! The library's own times of its nodes. It writes them to a file when a session ends its profile, and a session can do so
//! once: each profiled run has a session of its own.

use std::collections::BTreeMap;
use std::path::Path;

use ort::session::Session as OrtSession;
use serde::Deserialize;
use tare_core::{Clock, NamedTensor, NodeRun, ProfiledRun};
use tare_record::{Failure, FailureKind};

use crate::{Ort, explain, run};

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
    engine: Ort,
    model: &[u8],
    outputs: &[String],
    inputs: &[NamedTensor],
    clock: &dyn Clock,
) -> Result<ProfiledRun, Failure> {
    let called_ns = clock.now_ns();
    let folder = tempfile::tempdir().map_err(|error| failed(&format!("no folder for it: {error}")))?;
    let mut session = session(engine, model, folder.path())
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
    let nodes = last_run(&text).map_err(|error| failed(&error.to_string()))?;
    drop((session, folder));
    Ok(ProfiledRun {
        outputs: found,
        nodes,
        preparation_ns: clock.now_ns().saturating_sub(called_ns).saturating_sub(duration_ns),
    })
}

fn session(engine: Ort, model: &[u8], folder: &Path) -> ort::Result<OrtSession> {
    let mut options = engine.options()?.with_profiling(folder.join("profile"))?;
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
    /// In microseconds.
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

/// The shape of a tensor by the name of its type, in a map of one entry. Empty for what is no tensor.
type Typed = BTreeMap<String, Vec<u64>>;

/// The nodes of the last run in a profile.
fn last_run(text: &str) -> Result<Vec<NodeRun>, serde_json::Error> {
    let mut events: Vec<Event> = serde_json::from_str(text)?;
    let runs = events.iter().enumerate().filter(|(_, event)| event.name == RUN);
    let ends: Vec<usize> = runs.map(|(index, _)| index).collect();
    let first = ends.iter().rev().nth(1).map_or(0, |end| end + 1);
    let nodes = events.drain(first..).filter(|event| event.cat == "Node");
    let mut added: BTreeMap<String, usize> = BTreeMap::new();
    let timed = nodes.filter_map(|event| {
        let name = event.name.strip_suffix(SUFFIX)?;
        // The library numbers what it adds, differently in each session.
        let name = match name.split_once("_token_") {
            Some((kind, _)) => {
                let number = added.entry(kind.to_owned()).or_default();
                *number += 1;
                format!("{kind} {number}")
            }
            None => name.to_owned(),
        };
        Some(NodeRun {
            name,
            multiply_accumulates: multiply_accumulates(&event.args),
            bytes: bytes(&event.args),
            operator: event.args.op_name,
            duration_ns: event.dur * 1_000,
        })
    });
    Ok(timed.collect())
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
                let is_transposed = matches!(output.as_slice(), [.., result_rows, _] if result_rows != rows);
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

    fn event(category: &str, name: &str, args: &str) -> String {
        format!(r#"{{"cat":"{category}","pid":1,"tid":1,"dur":5,"ts":1,"ph":"X","name":"{name}","args":{args}}}"#)
    }

    #[test]
    fn only_the_last_run_counts() {
        let node = |name: &str| {
            event(
                "Node",
                &format!("{name}_kernel_time"),
                r#"{"op_name":"Relu","output_size":"8"}"#,
            )
        };
        let run = event("Session", RUN, "{}");
        let of = |events: &[String]| -> Vec<String> {
            let nodes = last_run(&format!("[{}]", events.join(","))).unwrap();
            nodes.into_iter().map(|node| node.name).collect()
        };
        assert_eq!(
            of(&[node("a"), run.clone(), node("b"), node("c"), run.clone()]),
            ["b", "c"]
        );
        assert_eq!(of(&[node("a"), run.clone()]), ["a"]);
        let added = [node("Reorder_token_9"), node("a"), node("Reorder_token_7"), run.clone()];
        assert_eq!(of(&added), ["Reorder 1", "a", "Reorder 2"]);
        assert!(of(&[]).is_empty());
        let nodes = last_run(&format!("[{},{run}]", node("a"))).unwrap();
        assert_eq!(
            (nodes[0].duration_ns, nodes[0].bytes, nodes[0].operator.as_str()),
            (5_000, 8, "Relu")
        );
        assert!(last_run("[").is_err());
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
            let nodes = last_run(&format!("[{}]", event("Node", "n_kernel_time", &args))).unwrap();
            assert_eq!(nodes[0].multiply_accumulates, expected, "{operator} of {inputs}");
        }
    }
}
