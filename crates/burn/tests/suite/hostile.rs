//! Damaged and malicious files: the loader rejects them without a panic, a hang or an allocation
//! that a few bytes ask for.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use tare_burn::Burn;
use tare_core::Random;
use tare_models::{Attribute, Graph, Value, prepare};

use crate::common::graph;

/// Far longer than any of these files takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Loads a file and, if that works, runs it. Returns the error if there is one. Fails if it panics
/// or does not end.
#[track_caller]
fn survives(bytes: &[u8]) -> Result<(), String> {
    let (send, receive) = mpsc::channel();
    let owned = bytes.to_vec();
    std::thread::spawn(move || {
        let done = std::panic::catch_unwind(|| {
            let workload = prepare("case", owned, &BTreeMap::new(), &[], 3).map_err(|error| error.to_string())?;
            pollster::block_on(async {
                let opened = Burn::flex(1).open(workload.bytes.clone(), &workload.inputs).await;
                let mut model = opened.map_err(|error| error.to_string())?;
                let ran = model.run(&workload.inputs).await;
                ran.map(|_| ()).map_err(|error| error.to_string())
            })
        });
        // Nobody is listening if it took too long.
        let _ = send.send(done);
    });
    receive
        .recv_timeout(PATIENCE)
        .expect("it ends")
        .expect("it does not panic")
}

#[track_caller]
fn refused(bytes: &[u8], why: &str) {
    let error = survives(bytes).expect_err("it is refused");
    assert!(error.contains(why), "{error}");
}

/// A network with most of what a file can have.
fn network() -> Vec<u8> {
    tare_models::find("digits").unwrap().onnx(&BTreeMap::new())
}

#[test]
fn truncated_files_are_rejected() {
    let whole = network();
    for share in 0..40 {
        survives(&whole[..whole.len() * share / 40]).expect_err("a part of a file is refused");
    }
}

#[test]
fn changed_bytes_do_no_harm() {
    let whole = network();
    // Weights are most of the file, and may have any value. The graph is at the start.
    let head = whole.len().min(4000);
    let mut random = Random::new(11, "hostile");
    for _ in 0..400 {
        let mut bytes = whole.clone();
        for _ in 0..=random.below(3) {
            let at = usize::try_from(random.below(head as u64)).unwrap();
            bytes[at] = u8::try_from(random.below(256)).unwrap();
        }
        let _ = survives(&bytes);
    }
}

#[test]
fn huge_constants_are_rejected() {
    let huge = graph(&[1], &[1], |g, x| {
        let shape = g.integers("shape", &[1 << 40, 1 << 20]);
        let filled = g.node("filled", "ConstantOfShape", &[&shape], &[]);
        g.node("y", "Add", &[x, &filled], &[])
    });
    refused(&huge, "a constant of shape");
    let wide = graph(&[1], &[1], |g, x| {
        let shape = g.integers("shape", &[1 << 31, 1 << 20]);
        g.node("y", "Expand", &[x, &shape], &[])
    });
    refused(&wide, "bytes in one");
}

#[test]
fn huge_results_of_constants_are_rejected() {
    // Each constant is small, and what is computed of them has 2^40 elements or more.
    let gathered = graph(&[1], &[1], |g, x| {
        let row = g.integers("row", &[1, 1 << 20]);
        let row = g.node("zeros", "ConstantOfShape", &[&row], &[]);
        let count = g.integers("count", &[1 << 20]);
        let zeros = g.node("zeros of count", "ConstantOfShape", &[&count], &[]);
        let at = g.node("at", "Cast", &[&zeros], &[Attribute::Int("to", 7)]);
        let rows = g.node("rows", "Gather", &[&row, &at], &[Attribute::Int("axis", 0)]);
        g.node("y", "Add", &[x, &rows], &[])
    });
    let multiplied = graph(&[1], &[1], |g, x| {
        let (row, column) = (g.integers("row", &[1, 1 << 20]), g.integers("column", &[1 << 20, 1]));
        let row = g.node("of row", "ConstantOfShape", &[&row], &[]);
        let column = g.node("of column", "ConstantOfShape", &[&column], &[]);
        let product = g.node("product", "Mul", &[&row, &column], &[]);
        g.node("y", "Add", &[x, &product], &[])
    });
    let joined = graph(&[1], &[1], |g, x| {
        let shape = g.integers("shape", &[1, 1 << 20]);
        let mut so_far = g.node("part", "ConstantOfShape", &[&shape], &[]);
        for level in 0..20 {
            let both = [&so_far, &so_far];
            so_far = g.node(&format!("twice {level}"), "Concat", &both, &[Attribute::Int("axis", 0)]);
        }
        g.node("y", "Add", &[x, &so_far], &[])
    });
    refused(&gathered, "too large a result");
    refused(&multiplied, "Mul of constants of shapes");
    refused(&joined, "Concat");
    let diagonal = graph(&[1], &[1], |g, x| {
        let shape = g.integers("shape", &[1 << 20, 1 << 20]);
        let wide = g.node("wide", "Expand", &[x, &shape], &[]);
        let ones = g.node("ones", "EyeLike", &[&wide], &[]);
        g.node("y", "Add", &[x, &ones], &[])
    });
    refused(&diagonal, "a diagonal of shape");
}

/// A value of another graph.
fn elsewhere(name: &str) -> Value {
    let mut other = Graph::new("other", 7);
    let x = other.input("x", &[1]);
    other.node(name, "Relu", &[&x], &[])
}

#[test]
fn values_that_nothing_computes_are_rejected() {
    let mut g = Graph::new("case", 7);
    let x = g.input("x", &[1]);
    let y = g.node("y", "Add", &[&x, &elsewhere("missing")], &[]);
    g.output(&y, &[1]);
    survives(&g.into_bytes()).unwrap_err();
}

#[test]
fn graphs_with_cycles_are_rejected() {
    let mut g = Graph::new("case", 7);
    let x = g.input("x", &[1]);
    let later = elsewhere("later");
    let first = g.node("first", "Add", &[&x, &later], &[]);
    let last = g.node("later", "Relu", &[&first], &[]);
    g.output(&last, &[1]);
    survives(&g.into_bytes()).unwrap_err();
}

#[test]
fn huge_windows_are_rejected() {
    for attribute in [
        Attribute::Ints("dilations", vec![1 << 60, 1]),
        Attribute::Ints("pads", vec![1 << 62, 0, 1 << 62, 0]),
    ] {
        let file = graph(&[1, 1, 4, 4], &[1, 1, 2, 2], |g, x| {
            let attributes = [Attribute::Ints("kernel_shape", vec![3, 3]), attribute.clone()];
            g.node("y", "MaxPool", &[x], &attributes)
        });
        survives(&file).unwrap_err();
    }
}
