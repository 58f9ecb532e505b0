//! Attention becomes one operation however it is written, unless the result would differ.

use std::collections::BTreeMap;

use tare_burn::Burn;
use tare_core::Untimed;
use tare_models::{Attribute, Graph, Value, prepare};

use crate::common::{agree, graph, ints};

/// Operators that a run on burn executes.
fn operators(bytes: Vec<u8>) -> Vec<String> {
    let workload = prepare("case", bytes, &BTreeMap::new(), &[], 3).unwrap();
    let burn = Burn::flex(1);
    let run = pollster::block_on(async {
        let mut session = burn.open(workload.bytes.clone(), &workload.inputs).await?;
        session.profiled_run(&workload.inputs, &Untimed).await
    });
    let nodes = run.unwrap().unwrap().nodes;
    nodes.into_iter().map(|node| node.operator).collect()
}

/// Attention of x [2, 4, 3, 5] = [batch, position, head, width] to itself. `scores` makes the
/// scores from queries [2, 3, 4, 5] and x.
fn attending(scores: impl FnOnce(&mut Graph, &Value, &Value) -> Value) -> Vec<u8> {
    graph(&[2, 4, 3, 5], &[2, 3, 4, 5], |g, x| {
        let heads = g.node("heads", "Transpose", &[x], &[ints("perm", &[0, 2, 1, 3])]);
        let scores = scores(g, &heads, x);
        let shares = g.node("shares", "Softmax", &[&scores], &[Attribute::Int("axis", -1)]);
        g.node("y", "MatMul", &[&shares, &heads], &[])
    })
}

fn keys(g: &mut Graph, x: &Value) -> Value {
    g.node("keys", "Transpose", &[x], &[ints("perm", &[0, 2, 3, 1])])
}

fn by(g: &mut Graph, operator: &str, name: &str, x: &Value, factor: f32) -> Value {
    let factor = g.constant(&format!("by_{name}"), &[], &[factor]);
    g.node(name, operator, &[x, &factor], &[])
}

#[track_caller]
fn is_fused(bytes: Vec<u8>) {
    let operators = operators(bytes.clone());
    let is = |operator: &str| operators.iter().any(|one| one == operator);
    assert!(is("Attention") && !is("Softmax") && !is("MatMul"), "{operators:?}");
    agree(bytes);
}

#[track_caller]
fn is_not_fused(bytes: Vec<u8>) {
    let operators = operators(bytes.clone());
    assert!(operators.iter().any(|one| one == "Softmax"), "{operators:?}");
    agree(bytes);
}

#[test]
fn attention_agrees_with_and_without_a_mask() {
    for masked in [false, true] {
        agree(graph(&[2, 3, 4, 5], &[2, 3, 4, 5], |g, x| {
            let key = g.node("key", "Transpose", &[x], &[ints("perm", &[0, 1, 3, 2])]);
            let raw = g.node("raw", "MatMul", &[x, &key], &[]);
            let scale = g.constant("scale", &[], &[0.4]);
            let mut scores = g.node("scores", "Mul", &[&raw, &scale], &[]);
            if masked {
                let mask = g.constant("mask", &[4, 4], &[0.0, -9.0, 0.5, 1.0].repeat(4));
                scores = g.node("masked", "Add", &[&scores, &mask], &[]);
            }
            let shares = g.node("shares", "Softmax", &[&scores], &[Attribute::Int("axis", -1)]);
            g.node("y", "MatMul", &[&shares, x], &[])
        }));
    }
}

#[test]
fn any_way_of_scaling_is_fused() {
    for (operator, factor) in [("Mul", 0.4), ("Div", 2.5), ("Mul", 1.0)] {
        is_fused(attending(|g, queries, x| {
            let keys = keys(g, x);
            let raw = g.node("raw", "MatMul", &[queries, &keys], &[]);
            by(g, operator, "scores", &raw, factor)
        }));
        is_fused(attending(|g, queries, x| {
            let keys = keys(g, x);
            let queries = by(g, operator, "queries", queries, factor);
            let keys = by(g, operator, "scaled_keys", &keys, factor);
            g.node("raw", "MatMul", &[&queries, &keys], &[])
        }));
        is_fused(attending(|g, queries, x| {
            let x = by(g, operator, "before", x, factor);
            let keys = keys(g, &x);
            g.node("raw", "MatMul", &[queries, &keys], &[])
        }));
    }
}

#[test]
fn keys_that_are_transposed_twice_are_fused() {
    is_fused(attending(|g, queries, _| {
        let keys = g.node("keys", "Transpose", &[queries], &[ints("perm", &[0, 1, 3, 2])]);
        g.node("raw", "MatMul", &[queries, &keys], &[])
    }));
}

#[test]
fn masks_of_any_shape_are_fused() {
    for shape in [&[4, 4][..], &[4], &[1, 1, 4, 4], &[2, 1, 1, 4], &[3, 1, 1]] {
        for mask_first in [false, true] {
            is_fused(attending(|g, queries, x| {
                let keys = keys(g, x);
                let raw = g.node("raw", "MatMul", &[queries, &keys], &[]);
                let scores = by(g, "Mul", "scores", &raw, 0.4);
                let elements: usize = shape.iter().product();
                let values: Vec<f32> = [0.0, -9.0, 0.5, 1.0].into_iter().cycle().take(elements).collect();
                let mask = g.constant("mask", shape, &values);
                let operands = if mask_first { [&mask, &scores] } else { [&scores, &mask] };
                g.node("masked", "Add", &operands, &[])
            }));
        }
    }
}

#[test]
fn other_operations_are_not_fused() {
    // Scaled after adding the mask.
    is_not_fused(attending(|g, queries, x| {
        let keys = keys(g, x);
        let raw = g.node("raw", "MatMul", &[queries, &keys], &[]);
        let mask = g.constant("mask", &[4], &[0.0, -9.0, 0.5, 1.0]);
        let masked = g.node("masked", "Add", &[&raw, &mask], &[]);
        by(g, "Mul", "scores", &masked, 0.4)
    }));
    // One head of keys for all heads.
    is_not_fused(attending(|g, queries, x| {
        let keys = keys(g, x);
        let key = g.node("key", "ReduceMean", &[&keys], &[ints("axes", &[1])]);
        g.node("raw", "MatMul", &[queries, &key], &[])
    }));
    // Softmax is an output too.
    let mut g = Graph::new("case", 7);
    let x = g.input("x", &[2, 3, 4, 4]);
    let raw = g.node("raw", "MatMul", &[&x, &x], &[]);
    let shares = g.node("shares", "Softmax", &[&raw], &[Attribute::Int("axis", -1)]);
    let y = g.node("y", "MatMul", &[&shares, &x], &[]);
    g.output(&y, &[2, 3, 4, 4]);
    g.output(&shares, &[2, 3, 4, 4]);
    is_not_fused(g.into_bytes());
    // Softmax along another dimension.
    is_not_fused(graph(&[2, 3, 4, 4], &[2, 3, 4, 4], |g, x| {
        let raw = g.node("raw", "MatMul", &[x, x], &[]);
        let shares = g.node("shares", "Softmax", &[&raw], &[Attribute::Int("axis", 2)]);
        g.node("y", "MatMul", &[&shares, x], &[])
    }));
}

#[test]
fn scores_that_a_mask_broadcasts_are_not_fused() {
    let bytes = {
        let mut g = Graph::new("case", 7);
        let queries = g.input("x", &[1, 2, 4, 8]);
        let keys = g.node("keys", "Transpose", &[&queries], &[ints("perm", &[0, 1, 3, 2])]);
        let raw = g.node("raw", "MatMul", &[&queries, &keys], &[]);
        let mask = g.constant(
            "mask",
            &[3, 1, 1, 4],
            &[0.0, 0.5, -2.0, 1.0, 1.0, 0.0, 0.0, -4.0, 2.0, 2.0, 0.0, 0.0],
        );
        let scores = g.node("scores", "Add", &[&raw, &mask], &[]);
        let shares = g.node("shares", "Softmax", &[&scores], &[Attribute::Int("axis", -1)]);
        let y = g.node("y", "MatMul", &[&shares, &queries], &[]);
        g.output(&y, &[3, 2, 4, 8]);
        g.into_bytes()
    };
    is_not_fused(bytes);
}

#[test]
fn factors_that_prevent_an_overflow_stay_where_they_are() {
    is_fused(attending(|g, queries, x| {
        let queries = by(g, "Mul", "huge", queries, 1e30);
        let keys = keys(g, x);
        let keys = by(g, "Mul", "huge_keys", &keys, 1e30);
        let queries = by(g, "Mul", "queries", &queries, 1e-30);
        let keys = by(g, "Mul", "plain_keys", &keys, 1e-30);
        g.node("scores", "MatMul", &[&queries, &keys], &[])
    }));
}

#[test]
fn unread_steps_are_removed() {
    let bytes = graph(&[2, 3], &[2, 3], |g, x| {
        let unread = g.node("unread", "Exp", &[x], &[]);
        g.node("unread_too", "Sin", &[&unread], &[]);
        let kept = by(g, "Add", "kept", x, 0.0);
        let kept = by(g, "Mul", "kept_too", &kept, 1.0);
        g.node("y", "Cos", &[&kept], &[])
    });
    assert_eq!(operators(bytes.clone()), ["Cos"]);
    agree(bytes);
}
