//! Nodes of constants are computed when a model is loaded: shapes and indices come from them.

use tare_models::{Attribute, Graph, Value};

use crate::common::{FLOAT, INT64, agree, cast, graph};

/// `build` makes a shape of the integers [2, 6]. Then 12 elements are reshaped to it.
#[track_caller]
fn becomes_a_shape(build: impl FnOnce(&mut Graph, &Value) -> Value) {
    let mut graph = Graph::new("case", 7);
    let x = graph.input("x", &[3, 4]);
    let sizes = graph.integers("sizes", &[2, 6]);
    let shape = build(&mut graph, &sizes);
    let y = graph.node("y", "Reshape", &[&x, &shape], &[]);
    graph.output(&y, &[2, 6]);
    agree(graph.into_bytes());
}

/// Arithmetic on shapes that exporters write instead of a constant.
#[test]
fn shapes_computed_in_the_graph_are_folded() {
    agree(graph(&[2, 3, 4], &[2, 12], |g, x| {
        let shape = g.node("shape", "Shape", &[x], &[]);
        let zero = g.integers("zero", &[0]);
        let batch = g.node("batch", "Gather", &[&shape, &zero], &[]);
        let rest = g.integers("rest", &[-1]);
        let wanted = g.node("wanted", "Concat", &[&batch, &rest], &[Attribute::Int("axis", 0)]);
        g.node("y", "Reshape", &[x, &wanted], &[])
    }));
}

#[test]
fn constant_floats_become_shapes() {
    for (operators, by) in [
        (&["Ceil"][..], 0.9),
        (&["Floor"], 1.1),
        (&["Round"], 1.01),
        (&["Abs", "Ceil"], -0.9),
        (&["Neg"], -1.0),
        (&["Reciprocal", "Reciprocal", "Round"], 1.01),
        (&["Exp", "Log", "Round"], 1.01),
    ] {
        becomes_a_shape(|g, sizes| {
            let floats = cast(g, "floats", sizes, FLOAT);
            let by = g.constant("by", &[1], &[by]);
            let mut value = g.node("scaled", "Mul", &[&floats, &by], &[]);
            for (place, operator) in operators.iter().enumerate() {
                value = g.node(&format!("step{place}"), operator, &[&value], &[]);
            }
            cast(g, "whole", &value, INT64)
        });
    }
}

#[test]
fn constant_integers_become_shapes() {
    for (operator, other, expected) in [
        ("Mod", 10, None),
        ("Max", 2, None),
        ("Min", 6, None),
        ("Clip", 2, None),
        ("Abs", 0, Some(1)),
    ] {
        becomes_a_shape(|g, sizes| {
            let other = g.integers("other", &[other]);
            let inputs: &[&Value] = if expected == Some(1) {
                &[sizes]
            } else {
                &[sizes, &other]
            };
            g.node("made", operator, inputs, &[])
        });
    }
    becomes_a_shape(|g, sizes| {
        let two = g.integers("two", &[2]);
        let squared = g.node("squared", "Pow", &[sizes, &two], &[]);
        g.node("made", "Div", &[&squared, sizes], &[])
    });
    for operator in ["ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin"] {
        becomes_a_shape(|g, sizes| {
            let reduced = g.node("reduced", operator, &[sizes], &[Attribute::Int("keepdims", 1)]);
            let none = g.node("none", "Sub", &[&reduced, &reduced], &[]);
            g.node("made", "Add", &[sizes, &none], &[])
        });
    }
}

#[test]
fn constant_booleans_choose_shapes() {
    for operator in ["And", "Or", "Xor"] {
        becomes_a_shape(|g, sizes| {
            let (three, nine) = (g.integers("three", &[3]), g.integers("nine", &[9]));
            let small = g.node("small", "Less", &[sizes, &three], &[]);
            let any = g.node("any", "Less", &[sizes, &nine], &[]);
            let both = g.node("both", operator, &[&small, &any], &[]);
            let neither = g.node("neither", "Not", &[&both], &[]);
            let a = g.node("a", "Where", &[&both, sizes, sizes], &[]);
            g.node("made", "Where", &[&neither, sizes, &a], &[])
        });
    }
}
