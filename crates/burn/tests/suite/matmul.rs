//! Matrix products.

use tare_models::{Attribute, WeightInit};

use crate::common::{agree, computes, graph};

#[test]
fn products_agree() {
    agree(graph(&[3, 5], &[3, 4], |g, x| {
        let w = g.weight("w", &[5, 4], WeightInit::LeCun { fan_in: 5 });
        let b = g.weight(
            "b",
            &[4],
            WeightInit::Uniform {
                center: 0.0,
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
fn a_vector_times_a_matrix_plus_a_bias_is_a_vector() {
    agree(graph(&[5], &[4], |g, x| {
        let w = g.weight("w", &[5, 4], WeightInit::LeCun { fan_in: 5 });
        let b = g.weight("b", &[4], WeightInit::LeCun { fan_in: 1 });
        let product = g.node("product", "MatMul", &[x, &w], &[]);
        g.node("y", "Add", &[&product, &b], &[])
    }));
}

#[test]
fn products_with_factors_agree() {
    agree(graph(&[3, 2], &[2, 4], |g, x| {
        let weight = g.constant(
            "weight",
            &[4, 3],
            &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2],
        );
        let bias = g.constant("bias", &[1, 4], &[1.0, 2.0, 3.0, 4.0]);
        let attributes = [
            Attribute::Int("transA", 1),
            Attribute::Int("transB", 1),
            Attribute::Float("alpha", 0.5),
            Attribute::Float("beta", 0.25),
        ];
        g.node("y", "Gemm", &[x, &weight, &bias], &attributes)
    }));
}

#[test]
fn the_product_of_two_vectors_is_a_scalar() {
    let model = graph(&[3], &[], |g, x| {
        let weights = g.trained("w", &[3], [1f32, 10.0, 100.0].map(f32::to_le_bytes).concat());
        g.node("y", "MatMul", &[x, &weights], &[])
    });
    computes(model, &[3], &[1.0, 2.0, 3.0], &[(&[], &[321.0])]);
}
