//! Operators of image networks on tract and on burn-flex: their outputs must agree.

use std::collections::BTreeMap;

use tare_burn::Burn;
use tare_core::Engine;
use tare_models::{Attribute, Graph, Value, WeightInit, prepare};
use tare_record::FailureKind;
use tare_tract::Tract;

use crate::common::{agree, graph, ints, run};

fn conv(g: &mut Graph, x: &Value, weight: &[usize], attributes: &[Attribute]) -> Value {
    let w = g.weight(
        "w",
        weight,
        WeightInit::LeCun {
            fan_in: weight[1..].iter().product(),
        },
    );
    let b = g.weight(
        "b",
        &weight[..1],
        WeightInit::Uniform {
            centre: 0.1,
            spread: 0.5,
        },
    );
    g.node("y", "Conv", &[x, &w, &b], attributes)
}

#[test]
fn convolutions_agree() {
    let x = [1, 4, 9, 8];
    agree(graph(&x, &[1, 6, 9, 8], |g, x| {
        conv(g, x, &[6, 4, 3, 3], &[ints("pads", &[1, 1, 1, 1])])
    }));
    agree(graph(&x, &[1, 6, 4, 3], |g, x| {
        conv(g, x, &[6, 4, 3, 3], &[ints("strides", &[2, 2])])
    }));
    agree(graph(&x, &[1, 6, 5, 4], |g, x| {
        conv(
            g,
            x,
            &[6, 4, 3, 3],
            &[ints("strides", &[2, 2]), ints("pads", &[0, 0, 2, 1])],
        )
    }));
    agree(graph(&x, &[1, 6, 5, 4], |g, x| {
        conv(g, x, &[6, 4, 3, 3], &[ints("dilations", &[2, 2])])
    }));
    agree(graph(&x, &[1, 8, 9, 8], |g, x| {
        conv(
            g,
            x,
            &[8, 2, 3, 3],
            &[Attribute::Int("group", 2), ints("pads", &[1, 1, 1, 1])],
        )
    }));
    agree(graph(&x, &[1, 4, 9, 8], |g, x| {
        conv(
            g,
            x,
            &[4, 1, 3, 3],
            &[Attribute::Int("group", 4), ints("pads", &[1, 1, 1, 1])],
        )
    }));
}

#[test]
fn batch_normalisation_agrees_folded_and_alone() {
    fn norm(g: &mut Graph, x: &Value) -> Value {
        let mut part = |name: &str, centre, spread| g.weight(name, &[4], WeightInit::Uniform { centre, spread });
        let (scale, shift) = (part("scale", 1.0, 0.5), part("shift", 0.0, 0.5));
        let (mean, variance) = (part("mean", 0.0, 0.5), part("variance", 1.0, 0.5));
        g.node(
            "n",
            "BatchNormalization",
            &[x, &scale, &shift, &mean, &variance],
            &[Attribute::Float("epsilon", 1e-3)],
        )
    }
    let x = [1, 4, 5, 5];
    agree(graph(&x, &x, norm));
    agree(graph(&x, &x, |g, x| {
        let y = conv(g, x, &[4, 4, 1, 1], &[]);
        norm(g, &y)
    }));
    // Read twice, so the convolution's own output is needed too.
    agree(graph(&x, &x, |g, x| {
        let y = conv(g, x, &[4, 4, 1, 1], &[]);
        let n = norm(g, &y);
        g.node("sum", "Add", &[&n, &y], &[])
    }));
}

#[test]
fn pooling_agrees() {
    let x = [1, 3, 8, 7];
    let window = |op: &'static str, attributes: Vec<Attribute>| {
        move |g: &mut Graph, x: &Value| g.node("y", op, &[x], &attributes)
    };
    let three = || vec![ints("kernel_shape", &[3, 3]), ints("strides", &[2, 2])];
    let with = |more: Attribute| three().into_iter().chain([more]).collect::<Vec<_>>();
    agree(graph(&x, &[1, 3, 3, 3], window("MaxPool", three())));
    agree(graph(
        &x,
        &[1, 3, 4, 4],
        window("MaxPool", with(ints("pads", &[1, 1, 1, 1]))),
    ));
    agree(graph(
        &x,
        &[1, 3, 4, 3],
        window("MaxPool", with(ints("pads", &[0, 0, 1, 0]))),
    ));
    agree(graph(&x, &[1, 3, 3, 3], window("AveragePool", three())));
    agree(graph(
        &x,
        &[1, 3, 4, 4],
        window("AveragePool", with(ints("pads", &[1, 1, 1, 1]))),
    ));
    agree(graph(&x, &[1, 3, 1, 1], window("GlobalAveragePool", vec![])));
}

#[test]
fn elementwise_operations_agree() {
    let x = [2, 3, 4];
    for op in ["Add", "Sub", "Mul", "Div"] {
        for shape in [vec![2, 3, 4], vec![4], vec![3, 1], vec![1]] {
            agree(graph(&x, &x, |g, x| {
                let other = g.weight(
                    "other",
                    &shape,
                    WeightInit::Uniform {
                        centre: 2.0,
                        spread: 0.5,
                    },
                );
                g.node("y", op, &[x, &other], &[])
            }));
            agree(graph(&x, &x, |g, x| {
                let other = g.weight(
                    "other",
                    &shape,
                    WeightInit::Uniform {
                        centre: 2.0,
                        spread: 0.5,
                    },
                );
                let positive = g.node("p", "Sigmoid", &[x], &[]);
                g.node("y", op, &[&other, &positive], &[])
            }));
        }
    }
    agree(graph(&x, &x, |g, x| g.node("y", "Relu", &[x], &[])));
    agree(graph(&x, &x, |g, x| {
        g.node("y", "Softmax", &[x], &[Attribute::Int("axis", 1)])
    }));
    agree(graph(&x, &x, |g, x| {
        let low = g.weight(
            "low",
            &[],
            WeightInit::Uniform {
                centre: -0.25,
                spread: 0.0,
            },
        );
        let high = g.weight(
            "high",
            &[],
            WeightInit::Uniform {
                centre: 0.5,
                spread: 0.0,
            },
        );
        g.node("y", "Clip", &[x, &low, &high], &[])
    }));
}

#[test]
fn products_agree() {
    agree(graph(&[3, 5], &[3, 4], |g, x| {
        let w = g.weight("w", &[5, 4], WeightInit::LeCun { fan_in: 5 });
        let b = g.weight(
            "b",
            &[4],
            WeightInit::Uniform {
                centre: 0.0,
                spread: 1.0,
            },
        );
        g.node("y", "Gemm", &[x, &w, &b], &[])
    }));
    agree(graph(&[2, 3, 5], &[2, 3, 4], |g, x| {
        let w = g.weight("w", &[5, 4], WeightInit::LeCun { fan_in: 5 });
        g.node("y", "MatMul", &[x, &w], &[])
    }));
}

#[test]
fn movement_agrees() {
    agree(graph(&[2, 3, 4], &[4, 2, 3], |g, x| {
        g.node("y", "Transpose", &[x], &[ints("perm", &[2, 0, 1])])
    }));
    agree(graph(&[2, 3, 4], &[2, 12], |g, x| {
        g.node("y", "Flatten", &[x], &[Attribute::Int("axis", 1)])
    }));
    agree(graph(&[1, 2, 3, 4], &[1, 2, 6, 7], |g, x| {
        let pads = g.integers("pads", &[0, 0, 1, 2, 0, 0, 2, 1]);
        g.node("y", "Pad", &[x, &pads], &[])
    }));
    agree(graph(&[2, 3], &[2, 6], |g, x| {
        g.node("y", "Concat", &[x, x], &[Attribute::Int("axis", 1)])
    }));
}

/// The arithmetic of shapes that exporters write instead of a constant.
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
fn an_unsupported_operator_is_refused_by_name() {
    let bytes = graph(&[2, 3], &[2, 3], |g, x| g.node("the_node", "NonZero", &[x], &[]));
    let workload = prepare("case", bytes, &BTreeMap::new(), &[], 0).unwrap();
    let error = run(&Burn::flex(1), &workload).unwrap_err();
    assert_eq!(error.kind, FailureKind::Unsupported);
    assert!(
        error.message.contains("the operator NonZero") && error.message.contains("the_node"),
        "{}",
        error.message
    );
    assert!(error.hint.is_some());
}

#[test]
fn an_operator_that_does_not_exist_is_refused() {
    let bytes = graph(&[2, 3], &[2, 3], |g, x| g.node("y", "Frobnicate", &[x], &[]));
    let workload = prepare("case", bytes, &BTreeMap::new(), &[], 0).unwrap();
    for engine in [&Burn::flex(1) as &dyn Engine, &Tract::new(1)] {
        let error = run(engine, &workload).unwrap_err();
        assert_eq!(error.kind, FailureKind::Unsupported);
        assert!(error.message.contains("Frobnicate"), "{}", error.message);
    }
}

#[test]
fn products_that_are_read_elsewhere_too_are_kept() {
    let layer = |read_as_output: bool| {
        let mut g = Graph::new("case", 7);
        let x = g.input("x", &[2, 3]);
        let weights = g.constant("weights", &[3, 2], &[1.0, -2.0, 0.5, 3.0, 0.25, -1.0]);
        let bias = g.constant("bias", &[2], &[4.0, -0.5]);
        let product = g.node("product", "MatMul", &[&x, &weights], &[]);
        let sum = g.node("sum", "Add", &[&product, &bias], &[]);
        if read_as_output {
            g.output(&product, &[2, 2]);
        }
        let y = g.node("y", "Mul", &[&sum, if read_as_output { &sum } else { &product }], &[]);
        g.output(&y, &[2, 2]);
        g.into_bytes()
    };
    agree(layer(true));
    agree(layer(false));
}

#[test]
fn batch_normalisation_leaves_what_others_read() {
    // The convolution's result has a second name, by which an output or another node reads it.
    for (operator, factor) in [("Mul", 1.0), ("Add", 0.0)] {
        let mut g = Graph::new("case", 7);
        let x = g.input("x", &[1, 2, 5, 5]);
        let convolved = conv(&mut g, &x, &[3, 2, 3, 3], &[]);
        let neutral = g.constant("neutral", &[], &[factor]);
        let same = g.node("same", operator, &[&convolved, &neutral], &[]);
        let [scale, shift, mean, variance] = [("scale", 2.0), ("shift", 1.0), ("mean", 0.5), ("variance", 4.0)]
            .map(|(name, value)| g.constant(name, &[3], &[value; 3]));
        let statistics = [&same, &scale, &shift, &mean, &variance];
        let normalised = g.node("normalised", "BatchNormalization", &statistics, &[]);
        g.output(&normalised, &[1, 3, 3, 3]);
        let positive = g.node("positive", "Relu", &[&convolved], &[]);
        g.output(&positive, &[1, 3, 3, 3]);
        g.output(&convolved, &[1, 3, 3, 3]);
        agree(g.into_bytes());
    }
}
