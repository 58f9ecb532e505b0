//! Pooling on tract and on burn-flex.

use tare_models::{Attribute, Graph, Value};
use tare_record::DType;

use crate::common::{agree, computes, graph, ints, refuses};

#[track_caller]
fn pooled(operator: &str, shape: &[usize], output: &[usize], attributes: &[Attribute]) {
    agree(graph(shape, output, |g, x| g.node("y", operator, &[x], attributes)));
}

#[test]
fn pooling_of_images_agrees() {
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
fn pooling_of_lines_and_volumes_agrees() {
    for operator in ["MaxPool", "AveragePool"] {
        let line = [ints("kernel_shape", &[3]), ints("strides", &[2]), ints("pads", &[1, 1])];
        pooled(operator, &[2, 3, 8], &[2, 3, 4], &line);
        let volume = [ints("kernel_shape", &[2, 3, 2]), ints("strides", &[2, 1, 2])];
        pooled(operator, &[1, 2, 4, 5, 6], &[1, 2, 2, 3, 3], &volume);
    }
}

#[test]
fn pooling_with_asymmetric_padding_and_dilations_agrees() {
    let uneven = [ints("kernel_shape", &[3, 3]), ints("pads", &[0, 1, 2, 1])];
    for operator in ["MaxPool", "AveragePool"] {
        pooled(operator, &[1, 2, 6, 6], &[1, 2, 6, 6], &uneven);
        let same = [
            ints("kernel_shape", &[2, 2]),
            ints("strides", &[2, 2]),
            Attribute::Text("auto_pad", "SAME_LOWER"),
        ];
        pooled(operator, &[1, 2, 5, 5], &[1, 2, 3, 3], &same);
    }
    let counted = [
        ints("kernel_shape", &[3, 3]),
        ints("pads", &[0, 1, 2, 1]),
        Attribute::Int("count_include_pad", 1),
    ];
    pooled("AveragePool", &[1, 2, 6, 6], &[1, 2, 6, 6], &counted);
    let wide = [ints("kernel_shape", &[2, 2]), ints("dilations", &[2, 2])];
    pooled("MaxPool", &[1, 2, 6, 6], &[1, 2, 4, 4], &wide);
}

#[test]
fn pooling_of_all_positions_agrees() {
    agree(graph(&[2, 3, 4, 5], &[2, 3, 1, 1], |g, x| {
        g.node("y", "GlobalMaxPool", &[x], &[])
    }));
}

#[test]
fn the_maximum_of_small_integers() {
    let mut g = Graph::new("case", 7);
    let x = g.input("x", &[1, 1, 2, 4]);
    let small = g.node("small", "Cast", &[&x], &[Attribute::Int("to", 2)]);
    let windows = [ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
    let largest = g.node("largest", "MaxPool", &[&small], &windows);
    let y = g.node("y", "Cast", &[&largest], &[Attribute::Int("to", 1)]);
    g.output_of(&y, DType::F32, &[1, 1, 1, 2]);
    computes(
        g.into_bytes(),
        &[1, 1, 2, 4],
        &[1.0, 200.0, 3.0, 255.0, 5.0, 6.0, 7.0, 8.0],
        &[(&[1, 1, 1, 2], &[200.0, 255.0])],
    );
}

#[test]
fn unpooling_puts_maxima_where_they_were() {
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
