//! What constants alone decide is known when a model is loaded: shapes and positions come from such.

use tare_models::{Attribute, Graph, Value};
use tare_record::DType;

use crate::common::{agree, computes, graph};

/// `build` makes a shape [2, 6] or [6, 2] of the values [2, 6], which x of 12 elements then gets.
#[track_caller]
fn is_a_shape(build: impl FnOnce(&mut Graph, &Value) -> Value) {
    let mut graph = Graph::new("case", 7);
    let x = graph.input("x", &[3, 4]);
    let sizes = graph.integers("sizes", &[2, 6]);
    let shape = build(&mut graph, &sizes);
    let y = graph.node("y", "Reshape", &[&x, &shape], &[]);
    graph.output(&y, &[2, 6]);
    agree(graph.into_bytes());
}

fn cast(g: &mut Graph, name: &str, x: &Value, to: i64) -> Value {
    g.node(name, "Cast", &[x], &[Attribute::Int("to", to)])
}

const FLOATS: i64 = 1;
const INTEGERS: i64 = 7;

#[test]
fn floats_of_constants_become_shapes() {
    for (operators, by) in [
        (&["Ceil"][..], 0.9),
        (&["Floor"], 1.1),
        (&["Round"], 1.01),
        (&["Abs", "Ceil"], -0.9),
        (&["Neg"], -1.0),
        (&["Reciprocal", "Reciprocal", "Round"], 1.01),
        (&["Exp", "Log", "Round"], 1.01),
    ] {
        is_a_shape(|g, sizes| {
            let floats = cast(g, "floats", sizes, FLOATS);
            let by = g.constant("by", &[1], &[by]);
            let mut value = g.node("scaled", "Mul", &[&floats, &by], &[]);
            for (place, operator) in operators.iter().enumerate() {
                value = g.node(&format!("step{place}"), operator, &[&value], &[]);
            }
            cast(g, "whole", &value, INTEGERS)
        });
    }
}

#[test]
fn integers_of_constants_become_shapes() {
    for (operator, other, expected) in [
        ("Mod", 10, None),
        ("Max", 2, None),
        ("Min", 6, None),
        ("Clip", 2, None),
        ("Abs", 0, Some(1)),
    ] {
        is_a_shape(|g, sizes| {
            let other = g.integers("other", &[other]);
            let inputs: &[&Value] = if expected == Some(1) {
                &[sizes]
            } else {
                &[sizes, &other]
            };
            g.node("made", operator, inputs, &[])
        });
    }
    is_a_shape(|g, sizes| {
        let two = g.integers("two", &[2]);
        let squared = g.node("squared", "Pow", &[sizes, &two], &[]);
        g.node("made", "Div", &[&squared, sizes], &[])
    });
    for operator in ["ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin"] {
        is_a_shape(|g, sizes| {
            let reduced = g.node("reduced", operator, &[sizes], &[Attribute::Int("keepdims", 1)]);
            let none = g.node("none", "Sub", &[&reduced, &reduced], &[]);
            g.node("made", "Add", &[sizes, &none], &[])
        });
    }
}

#[test]
fn shapes_are_outputs_alike() {
    let mut g = Graph::new("case", 7);
    let x = g.input("x", &[3, 4]);
    let shape = g.node("shape", "Shape", &[&x], &[]);
    let two = g.integers("two", &[2]);
    let twice = g.node("twice", "Mul", &[&shape, &two], &[]);
    let zero = g.integers("zero", &[0]);
    let first = g.node("first", "Gather", &[&shape, &zero], &[]);
    for value in [shape, twice, first] {
        g.output_of(&value, DType::I64, &[]);
    }
    agree(g.into_bytes());
}

/// What onnx-ir simplifies it takes these shapes for those of x, and a shape the other way round for a transposition.
#[test]
fn shapes_of_computed_values_are_their_own() {
    for (operator, amounts) in [("Pad", vec![0, 1, 2, 3]), ("Tile", vec![2, 3])] {
        agree(graph(&[3, 4], &[], |g, x| {
            let amounts = g.integers("amounts", &amounts);
            let larger = g.node("larger", operator, &[x, &amounts], &[]);
            turned(g, &larger)
        }));
    }
    agree(graph(&[1, 1, 3, 4], &[], |g, x| {
        let (none, scales) = (Value::absent(), g.constant("scales", &[4], &[1.0, 1.0, 2.0, 3.0]));
        let larger = g.node(
            "larger",
            "Resize",
            &[x, &none, &scales],
            &[Attribute::Text("mode", "nearest")],
        );
        let flat = g.integers("flat", &[0, 1]);
        let plane = g.node("plane", "Squeeze", &[&larger, &flat], &[]);
        turned(g, &plane)
    }));
    agree(graph(&[3, 4], &[4, 3], turned));
}

/// The elements of x [a, b] in the shape [b, a], and their number in each.
fn turned(g: &mut Graph, x: &Value) -> Value {
    let shape = g.node("shape", "Shape", &[x], &[]);
    let sizes = [1, 0].map(|place| {
        let at = g.integers(&format!("at{place}"), &[place]);
        g.node(&format!("size{place}"), "Gather", &[&shape, &at], &[])
    });
    let turned = g.node(
        "turned",
        "Concat",
        &[&sizes[0], &sizes[1]],
        &[Attribute::Int("axis", 0)],
    );
    g.node("y", "Reshape", &[x, &turned], &[])
}

#[test]
fn truths_of_constants_choose_shapes() {
    for operator in ["And", "Or", "Xor"] {
        is_a_shape(|g, sizes| {
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

#[test]
fn the_largest_and_smallest_are_ranked_alike() {
    for (axis, largest, k) in [(1, 1, 3), (0, 1, 2), (-1, 0, 5), (1, 0, 1)] {
        let mut g = Graph::new("case", 7);
        let x = g.input("x", &[4, 5]);
        let k = g.integers("k", &[k]);
        let attributes = [Attribute::Int("axis", axis), Attribute::Int("largest", largest)];
        let found = g.node_of("found", "TopK", &[&x, &k], &attributes, &["values", "places"]);
        g.output(&found[0], &[]);
        let places = cast(&mut g, "floats", &found[1], FLOATS);
        g.output(&places, &[]);
        agree(g.into_bytes());
    }
}

#[test]
fn classes_become_vectors_alike() {
    for axis in [-1, 0, 1] {
        let mut g = Graph::new("case", 7);
        let classes = g.input_of("classes", DType::I64, &[2, 3]);
        let (depth, values) = (g.integers("depth", &[5]), g.constant("values", &[2], &[-1.0, 4.0]));
        let five = g.integers("five", &[5]);
        let classes = g.node("few", "Mod", &[&classes, &five], &[]);
        let y = g.node(
            "y",
            "OneHot",
            &[&classes, &depth, &values],
            &[Attribute::Int("axis", axis)],
        );
        g.output(&y, &[]);
        agree(g.into_bytes());
    }
}

#[test]
fn remainders_agree() {
    agree(graph(&[3, 4], &[3, 4], |g, x| {
        let by = g.constant("by", &[4], &[0.3, -0.4, 0.7, 1.5]);
        g.node("y", "Mod", &[x, &by], &[Attribute::Int("fmod", 1)])
    }));
}

/// Not compared: tract gives integers that a cast made while it runs the sign of what is divided.
#[test]
fn the_remainder_of_integers_has_the_divisors_sign() {
    let bytes = graph(&[2, 4], &[2, 4], |g, x| {
        let whole = cast(g, "whole", x, INTEGERS);
        let by = g.integers("by", &[3, -4, 7, -2]);
        let rest = g.node("rest", "Mod", &[&whole, &by], &[]);
        cast(g, "y", &rest, FLOATS)
    });
    computes(
        bytes,
        &[2, 4],
        &[5.0, 5.0, 5.0, 5.0, -5.0, -5.0, -5.0, -5.0],
        &[(&[2, 4], &[2.0, -3.0, 5.0, -1.0, 1.0, -1.0, 2.0, -1.0])],
    );
}

#[test]
fn sums_by_einsteins_notation_agree() {
    for (equation, other, output) in [
        ("bij,bjk->bik", vec![2, 4, 5], vec![2, 3, 5]),
        ("bij,bkj->bik", vec![2, 5, 4], vec![2, 3, 5]),
        ("bij,jk->kbi", vec![4, 5], vec![5, 2, 3]),
        ("bij,bij->b", vec![2, 3, 4], vec![2]),
        ("bij,k->bk", vec![5], vec![2, 5]),
        ("bij,bi->bj", vec![2, 3], vec![2, 4]),
    ] {
        agree(graph(&[2, 3, 4], &output, |g, x| {
            let elements: usize = other.iter().product();
            let values: Vec<f32> = (0..elements).map(|place| (place % 7) as f32 - 3.0).collect();
            let other = g.constant("other", &other, &values);
            g.node("y", "Einsum", &[x, &other], &[Attribute::Text("equation", equation)])
        }));
    }
    agree(graph(&[2, 3, 4], &[4, 2], |g, x| {
        g.node("y", "Einsum", &[x], &[Attribute::Text("equation", "bij->jb")])
    }));
}
