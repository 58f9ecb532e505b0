//! Operators of transformers and of volumes on tract and on burn-flex: their outputs must agree.

use std::collections::BTreeMap;

use tare_burn::Burn;
use tare_core::{Tensor, TensorData};
use tare_models::{Attribute, Graph, Value, WeightInit, prepare};
use tare_record::{DType, FailureKind};

use crate::common::{agree, graph, ints, run};

#[test]
fn parts_are_picked_alike() {
    agree(graph(&[5, 4], &[2, 3, 4], |g, x| {
        let at = g.integers("at", &[0, -1, 2, 4, 4, 1]);
        let shape = g.integers("shape", &[2, 3]);
        let at = g.node("positions", "Reshape", &[&at, &shape], &[]);
        g.node("y", "Gather", &[x, &at], &[Attribute::Int("axis", 0)])
    }));
    agree(graph(&[2, 3, 4], &[2, 4], |g, x| {
        let at = g.integers("at", &[1]);
        let row = g.node("row", "Gather", &[x, &at], &[Attribute::Int("axis", 1)]);
        g.node("y", "Flatten", &[&row], &[Attribute::Int("axis", 1)])
    }));
    agree(graph(&[2, 5, 6], &[2, 3, 2], |g, x| {
        let mut bounds = |name: &str, values: &[i64]| g.integers(name, values);
        let (from, to) = (bounds("from", &[0, -4]), bounds("to", &[5, i64::MAX]));
        let (axes, steps) = (bounds("axes", &[1, -1]), bounds("steps", &[2, 3]));
        g.node("y", "Slice", &[x, &from, &to, &axes, &steps], &[])
    }));
}

#[test]
fn parts_and_repetitions_agree() {
    for sizes in [vec![2, 2, 2], vec![1, 3, 2]] {
        let mut g = Graph::new("case", 7);
        let x = g.input("x", &[2, 6, 3]);
        let lengths = g.integers("lengths", &sizes);
        let names = ["a", "b", "c"];
        let parts = g.node_of("split", "Split", &[&x, &lengths], &[Attribute::Int("axis", 1)], &names);
        for (part, size) in parts.iter().zip(&sizes) {
            g.output(part, &[2, usize::try_from(*size).unwrap(), 3]);
        }
        agree(g.into_bytes());
    }
    agree(graph(&[3, 1], &[2, 3, 4], |g, x| {
        let shape = g.integers("shape", &[2, 1, 4]);
        g.node("y", "Expand", &[x, &shape], &[])
    }));
}

#[test]
fn integers_are_picked_and_cast_while_the_model_runs() {
    let mut g = Graph::new("case", 7);
    let ids = g.input_of("ids", DType::I64, &[2, 3]);
    let table = g.weight("table", &[4, 5], WeightInit::LeCun { fan_in: 5 });
    let rows = g.node("rows", "Gather", &[&table, &ids], &[Attribute::Int("axis", 0)]);
    let floats = g.node("floats", "Cast", &[&ids], &[Attribute::Int("to", 1)]);
    let axes = g.integers("axes", &[2]);
    let wide = g.node("wide", "Unsqueeze", &[&floats, &axes], &[]);
    let y = g.node("y", "Mul", &[&rows, &wide], &[]);
    g.output(&y, &[2, 3, 5]);
    agree(g.into_bytes());
}

#[test]
fn an_integer_beyond_32_bits_is_refused() {
    let mut g = Graph::new("case", 7);
    let ids = g.input_of("ids", DType::I64, &[1]);
    let table = g.weight("table", &[4, 5], WeightInit::LeCun { fan_in: 5 });
    let y = g.node("y", "Gather", &[&table, &ids], &[Attribute::Int("axis", 0)]);
    g.output(&y, &[1, 5]);
    let mut workload = prepare("case", g.into_bytes(), &BTreeMap::new(), &[], 0).unwrap();
    workload.inputs[0].tensor = Tensor::new(vec![1], TensorData::I64(vec![1 << 40])).unwrap();
    let error = run(&Burn::flex(1), &workload).unwrap_err();
    assert_eq!(error.kind, FailureKind::Input);
    assert!(
        error.message.contains("\"ids\" holds 1099511627776"),
        "{}",
        error.message
    );
}

#[test]
fn normalisation_agrees() {
    fn norm(g: &mut Graph, x: &Value, op: &str, width: usize) -> Value {
        let mut part = |name: &str, centre| g.weight(name, &[width], WeightInit::Uniform { centre, spread: 0.5 });
        let (scale, shift) = (part("scale", 1.0), part("shift", 0.0));
        g.node("y", op, &[x, &scale, &shift], &[Attribute::Float("epsilon", 1e-5)])
    }
    agree(graph(&[2, 3, 8], &[2, 3, 8], |g, x| {
        norm(g, x, "LayerNormalization", 8)
    }));
    for shape in [vec![2, 3, 6, 5], vec![2, 3, 4, 3, 5]] {
        agree(graph(&shape, &shape, |g, x| norm(g, x, "InstanceNormalization", 3)));
    }
}

#[test]
fn volumes_agree() {
    let weight = |g: &mut Graph, shape: &[usize]| g.weight("w", shape, WeightInit::LeCun { fan_in: 27 });
    let x = [1, 2, 6, 5, 7];
    for (stride, pad, output) in [
        (1, 1, [1, 3, 6, 5, 7]),
        (2, 1, [1, 3, 3, 3, 4]),
        (2, 0, [1, 3, 2, 2, 3]),
    ] {
        agree(graph(&x, &output, |g, x| {
            let w = weight(g, &[3, 2, 3, 3, 3]);
            g.node(
                "y",
                "Conv",
                &[x, &w],
                &[ints("strides", &[stride; 3]), ints("pads", &[pad; 6])],
            )
        }));
    }
    agree(graph(&x, &[1, 3, 12, 10, 14], |g, x| {
        let w = weight(g, &[2, 3, 2, 2, 2]);
        g.node("y", "ConvTranspose", &[x, &w], &[ints("strides", &[2; 3])])
    }));
}

#[test]
fn resizing_agrees() {
    let resized = |sizes: [usize; 4], attributes: [Attribute; 3]| {
        graph(&[2, 3, 4, 6], &sizes, |g, x| {
            let sizes = g.integers("sizes", &sizes.map(|size| i64::try_from(size).unwrap()));
            let absent = Value::absent();
            g.node("y", "Resize", &[x, &absent, &absent, &sizes], &attributes)
        })
    };
    let by = |mode, coordinates, rounding| {
        [
            Attribute::Text("mode", mode),
            Attribute::Text("coordinate_transformation_mode", coordinates),
            Attribute::Text("nearest_mode", rounding),
        ]
    };
    for (sizes, attributes) in [
        ([2, 3, 8, 18], by("nearest", "asymmetric", "floor")),
        ([2, 3, 3, 9], by("nearest", "asymmetric", "floor")),
        ([2, 3, 8, 12], by("nearest", "half_pixel", "round_prefer_floor")),
        ([2, 3, 7, 9], by("linear", "half_pixel", "floor")),
        ([2, 3, 3, 4], by("linear", "pytorch_half_pixel", "floor")),
        ([2, 3, 7, 9], by("linear", "align_corners", "floor")),
    ] {
        agree(resized(sizes, attributes));
    }
    let by_scales = graph(&[1, 2, 3, 4], &[1, 2, 6, 12], |g, x| {
        let scales = g.constant("scales", &[4], &[1.0, 1.0, 2.0, 3.0]);
        g.node(
            "y",
            "Resize",
            &[x, &Value::absent(), &scales],
            &by("nearest", "asymmetric", "floor"),
        )
    });
    agree(by_scales);
    for (sizes, attributes) in [
        ([2, 3, 5, 9], by("nearest", "half_pixel", "floor")),
        ([2, 3, 8, 12], by("cubic", "half_pixel", "floor")),
        ([4, 3, 4, 6], by("nearest", "asymmetric", "floor")),
    ] {
        agree(resized(sizes, attributes));
    }
}

#[test]
fn reductions_agree() {
    for (keep, output) in [(1, vec![2, 1, 4]), (0, vec![2, 4])] {
        agree(graph(&[2, 3, 4], &output, |g, x| {
            let axes = g.integers("axes", &[1]);
            g.node("y", "ReduceSum", &[x, &axes], &[Attribute::Int("keepdims", keep)])
        }));
        for op in ["ReduceMean", "ReduceMax"] {
            agree(graph(&[2, 3, 4], &output, |g, x| {
                g.node("y", op, &[x], &[ints("axes", &[-2]), Attribute::Int("keepdims", keep)])
            }));
        }
    }
}

#[test]
fn functions_agree() {
    let x = [2, 3, 4];
    for op in [
        "Abs",
        "Ceil",
        "Cos",
        "Erf",
        "Exp",
        "Floor",
        "HardSwish",
        "Neg",
        "Sign",
        "Sin",
        "Tanh",
    ] {
        agree(graph(&x, &x, |g, x| g.node("y", op, &[x], &[])));
    }
    for op in ["Log", "Reciprocal", "Sqrt"] {
        agree(graph(&x, &x, |g, x| {
            let positive = g.node("p", "Sigmoid", &[x], &[]);
            g.node("y", op, &[&positive], &[])
        }));
    }
    agree(graph(&x, &x, |g, x| {
        g.node("y", "LeakyRelu", &[x], &[Attribute::Float("alpha", 0.1)])
    }));
    agree(graph(&x, &x, |g, x| {
        let attributes = [Attribute::Float("alpha", 0.3), Attribute::Float("beta", 0.4)];
        g.node("y", "HardSigmoid", &[x], &attributes)
    }));
    for exponent in [2.0, 3.0] {
        agree(graph(&x, &x, |g, x| {
            let exponent = g.constant("exponent", &[], &[exponent]);
            g.node("y", "Pow", &[x, &exponent], &[])
        }));
    }
    for op in ["Max", "Min"] {
        agree(graph(&x, &x, |g, x| {
            let bound = g.constant("bound", &[], &[0.25]);
            g.node("y", op, &[x, &bound], &[])
        }));
    }
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

/// onnx-ir gives values names of its own, without dots and capitals.
#[test]
fn names_that_differ_little_are_kept_apart() {
    let mut g = Graph::new("case", 7);
    let inputs = ["x.0", "x_0", "X.0"].map(|name| g.input(name, &[3]));
    let mut terms = inputs.iter().enumerate().map(|(number, input)| {
        let factor = g.constant(&format!("factor{number}"), &[], &[number as f32 + 2.0]);
        let name = ["a.b", "a_b", "A.b"][number];
        g.node(name, "Mul", &[input, &factor], &[])
    });
    let [a, b, c] = [terms.next(), terms.next(), terms.next()].map(Option::unwrap);
    drop(terms);
    let ab = g.node("ab", "Sub", &[&a, &b], &[]);
    let y = g.node("y", "Add", &[&ab, &c], &[]);
    g.output(&y, &[3]);
    agree(g.into_bytes());
}

#[test]
fn integers_are_an_output_in_the_type_that_the_model_declares() {
    for (to, dtype) in [(7, DType::I64), (6, DType::I32)] {
        let mut g = Graph::new("case", 7);
        let ids = g.input_of("ids", DType::I64, &[2, 3]);
        let axes = g.integers("axes", &[1]);
        let wide = g.node("wide", "Unsqueeze", &[&ids, &axes], &[]);
        let y = g.node("y", "Cast", &[&wide], &[Attribute::Int("to", to)]);
        g.output_of(&y, dtype, &[2, 1, 3]);
        let workload = prepare("case", g.into_bytes(), &BTreeMap::new(), &[], 3).unwrap();
        let expected = run(&tare_tract::Tract::new(1), &workload).unwrap();
        assert_eq!(run(&Burn::flex(1), &workload).unwrap(), expected);
        assert_eq!(expected[0].dtype(), dtype);
    }
}

/// What would be computed wrongly or end in a panic.
#[test]
fn malformed_nodes_are_refused() {
    let x = [2, 3, 4];
    let axis = graph(&x, &x, |g, x| {
        let axes = g.integers("axes", &[3]);
        g.node("y", "ReduceSum", &[x, &axes], &[])
    });
    refused(axis, "3");
}

#[track_caller]
fn refused(bytes: Vec<u8>, why: &str) {
    let workload = prepare("case", bytes, &BTreeMap::new(), &[], 0).unwrap();
    let error = run(&Burn::flex(1), &workload).unwrap_err();
    assert_eq!(error.kind, FailureKind::Unsupported);
    assert!(error.message.contains(why), "{}", error.message);
}
