//! Batch normalization on tract and on burn-flex.

use tare_models::{Attribute, Graph, Value, WeightInit};

use crate::common::{agree, conv, graph, refuses};

#[test]
fn batch_normalization_agrees_folded_and_alone() {
    fn norm(g: &mut Graph, x: &Value) -> Value {
        let mut part = |name: &str, center, spread| g.weight(name, &[4], WeightInit::Uniform { center, spread });
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
    // The output of the convolution itself is read too.
    agree(graph(&x, &x, |g, x| {
        let y = conv(g, x, &[4, 4, 1, 1], &[]);
        let n = norm(g, &y);
        g.node("sum", "Add", &[&n, &y], &[])
    }));
}

#[test]
fn a_convolution_that_others_read_is_not_changed() {
    // The result of the convolution has a second name, by which an output or another node reads it.
    for (operator, factor) in [("Mul", 1.0), ("Add", 0.0)] {
        let mut g = Graph::new("case", 7);
        let x = g.input("x", &[1, 2, 5, 5]);
        let convolved = conv(&mut g, &x, &[3, 2, 3, 3], &[]);
        let neutral = g.constant("neutral", &[], &[factor]);
        let same = g.node("same", operator, &[&convolved, &neutral], &[]);
        let [scale, shift, mean, variance] = [("scale", 2.0), ("shift", 1.0), ("mean", 0.5), ("variance", 4.0)]
            .map(|(name, value)| g.constant(name, &[3], &[value; 3]));
        let statistics = [&same, &scale, &shift, &mean, &variance];
        let normalized = g.node("normalized", "BatchNormalization", &statistics, &[]);
        g.output(&normalized, &[1, 3, 3, 3]);
        let positive = g.node("positive", "Relu", &[&convolved], &[]);
        g.output(&positive, &[1, 3, 3, 3]);
        g.output(&convolved, &[1, 3, 3, 3]);
        agree(g.into_bytes());
    }
}

#[test]
fn the_default_epsilon_agrees() {
    agree(graph(&[1, 2, 3], &[1, 2, 3], |g, x| {
        let [scale, shift, mean, variance] = [("scale", 1.0), ("shift", 0.5), ("mean", 0.0), ("variance", 0.0)]
            .map(|(name, value)| g.constant(name, &[2], &[value; 2]));
        g.node("y", "BatchNormalization", &[x, &scale, &shift, &mean, &variance], &[])
    }));
}

#[test]
fn statistics_of_the_batch_are_refused() {
    let mut g = Graph::new("case", 7);
    let x = g.input("x", &[1, 2, 3]);
    let statistics = ["scale", "shift", "mean", "variance"].map(|name| g.constant(name, &[2], &[1.0; 2]));
    let [scale, shift, mean, variance] = &statistics;
    let outputs = ["y", "new_mean", "new_variance"];
    let y = g.node_of(
        "normalized",
        "BatchNormalization",
        &[&x, scale, shift, mean, variance],
        &[],
        &outputs,
    );
    g.output(&y[0], &[1, 2, 3]);
    refuses(
        g.into_bytes_of_opset(9),
        &[1, 2, 3],
        "training in the operator BatchNormalization",
    );
}
