//! Operators that tract does not have, with results that can be seen to be right.

use tare_models::Graph;
use tare_record::DType;

use crate::common::{computes, graph, ints, refuses};

#[test]
fn determinants_of_small_matrices() {
    let det = |shape: &[usize], outer: &[usize]| graph(shape, outer, |g, x| g.node("y", "Det", &[x], &[]));
    computes(det(&[1, 1], &[]), &[1, 1], &[7.0], &[(&[], &[7.0])]);
    computes(
        det(&[2, 2, 2], &[2]),
        &[2, 2, 2],
        &[1.0, 2.0, 3.0, 4.0, 2.0, 0.0, 0.0, 5.0],
        &[(&[2], &[-2.0, 10.0])],
    );
    let x = [2.0, 0.0, 1.0, 1.0, 3.0, 2.0, 0.0, 1.0, 4.0];
    computes(det(&[3, 3], &[]), &[3, 3], &x, &[(&[], &[21.0])]);
    let x = [
        0.0, 2.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 7.0, 0.0,
    ];
    computes(det(&[4, 4], &[]), &[4, 4], &x, &[(&[], &[210.0])]);
    refuses(
        det(&[5, 5], &[]),
        &[5, 5],
        "matrices of shape [5, 5] (at most 4 by 4) in the operator Det",
    );
    refuses(det(&[2, 3], &[]), &[2, 3], "must be a square matrix");
}

#[test]
fn two_vectors_make_a_number() {
    let model = graph(&[3], &[], |g, x| {
        let weights = g.trained("w", &[3], [1f32, 10.0, 100.0].map(f32::to_le_bytes).concat());
        g.node("y", "MatMul", &[x, &weights], &[])
    });
    computes(model, &[3], &[1.0, 2.0, 3.0], &[(&[], &[321.0])]);
}

#[test]
fn what_was_pooled_goes_back_to_where_it_was() {
    let mut g = Graph::new("case", 7);
    let x = g.input("x", &[1, 2, 2, 4]);
    let windows = [ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
    let pooled = g.node_of("pool", "MaxPool", &[&x], &windows, &["largest", "positions"]);
    let back = g.node("back", "MaxUnpool", &[&pooled[0], &pooled[1]], &windows);
    g.output(&back, &[1, 2, 2, 4]);
    let x = [
        1.0, 2.0, 9.0, 3.0, 4.0, 8.0, 5.0, 6.0, -1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0,
    ];
    let expected = [
        0.0, 0.0, 9.0, 0.0, 0.0, 8.0, 0.0, 0.0, -1.0, 0.0, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    ];
    computes(g.into_bytes(), &[1, 2, 2, 4], &x, &[(&[1, 2, 2, 4], &expected)]);
}

#[test]
fn unpooling_by_windows_that_overlap_is_refused() {
    let mut g = Graph::new("case", 7);
    let x = g.input("x", &[1, 1, 3, 3]);
    let windows = [ints("kernel_shape", &[2, 2]), ints("strides", &[1, 1])];
    let pooled = g.node_of("pool", "MaxPool", &[&x], &windows, &["largest", "positions"]);
    let back = g.node("back", "MaxUnpool", &[&pooled[0], &pooled[1]], &windows);
    g.output(&back, &[1, 1, 3, 3]);
    refuses(g.into_bytes(), &[1, 1, 3, 3], "windows that overlap");
}

#[test]
fn blocks_add_up_to_lines_and_volumes() {
    let blocks = |shape: &[usize], image: &[i64], block: &[i64], output: &[usize]| {
        graph(shape, output, |g, x| {
            let (image, block) = (g.integers("image", image), g.integers("block", block));
            g.node("y", "Col2Im", &[x, &image, &block], &[])
        })
    };
    // Blocks of 2 at 0, 1 and 2 overlap in a line of 4.
    computes(
        blocks(&[1, 2, 3], &[4], &[2], &[1, 1, 4]),
        &[1, 2, 3],
        &[1.0, 2.0, 3.0, 10.0, 20.0, 30.0],
        &[(&[1, 1, 4], &[1.0, 12.0, 23.0, 30.0])],
    );
    // Blocks of one element are the volume itself.
    let x: Vec<f32> = (0..12u8).map(f32::from).collect();
    computes(
        blocks(&[1, 1, 12], &[2, 3, 2], &[1, 1, 1], &[1, 1, 2, 3, 2]),
        &[1, 1, 12],
        &x,
        &[(&[1, 1, 2, 3, 2], &x)],
    );
}

#[test]
fn the_largest_of_small_integers() {
    let mut g = Graph::new("case", 7);
    let x = g.input("x", &[1, 1, 2, 4]);
    let small = g.node("small", "Cast", &[&x], &[tare_models::Attribute::Int("to", 2)]);
    let windows = [ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
    let largest = g.node("largest", "MaxPool", &[&small], &windows);
    let y = g.node("y", "Cast", &[&largest], &[tare_models::Attribute::Int("to", 1)]);
    g.output_of(&y, DType::F32, &[1, 1, 1, 2]);
    computes(
        g.into_bytes(),
        &[1, 1, 2, 4],
        &[1.0, 200.0, 3.0, 255.0, 5.0, 6.0, 7.0, 8.0],
        &[(&[1, 1, 1, 2], &[200.0, 255.0])],
    );
}
