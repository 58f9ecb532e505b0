//! Normalization on tract and on burn-flex.

use tare_models::{Attribute, Graph, Value, WeightInit};

use crate::common::{agree, graph};

#[test]
fn normalization_agrees() {
    fn norm(g: &mut Graph, x: &Value, op: &str, width: usize) -> Value {
        let mut part = |name: &str, center| g.weight(name, &[width], WeightInit::Uniform { center, spread: 0.5 });
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
fn normalization_over_several_dimensions_agrees() {
    for axis in [1, 2, -1, -2] {
        agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
            let shape: &[usize] = if axis == 1 || axis == -2 { &[3, 4] } else { &[4] };
            let elements: Vec<f32> = (0..shape.iter().product::<usize>())
                .map(|i| 0.5 + i as f32 / 10.0)
                .collect();
            let scale = g.constant("scale", shape, &elements);
            g.node("y", "LayerNormalization", &[x, &scale], &[Attribute::Int("axis", axis)])
        }));
    }
}

#[test]
fn normalization_by_neighbors_and_norms_agrees() {
    agree(graph(&[2, 6, 3, 3], &[2, 6, 3, 3], |g, x| {
        let attributes = [Attribute::Int("size", 3), Attribute::Float("alpha", 0.2)];
        g.node("y", "LRN", &[x], &attributes)
    }));
    for p in [1, 2] {
        agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
            let attributes = [Attribute::Int("axis", 1), Attribute::Int("p", p)];
            g.node("y", "LpNormalization", &[x], &attributes)
        }));
    }
    agree(graph(&[2, 3, 4], &[2, 3, 1], |g, x| {
        let scale = g.constant("scale", &[4], &[0.5, 1.0, 1.5, 2.0]);
        let names = ["normal", "mean", "spread"];
        let all = g.node_of("norm", "LayerNormalization", &[x, &scale], &[], &names);
        g.node("both", "Add", &[&all[1], &all[2]], &[])
    }));
}
