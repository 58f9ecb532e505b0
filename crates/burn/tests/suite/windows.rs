//! Windows that slide over lines, images and volumes, on tract and on burn-flex: their outputs must agree.

use tare_models::{Attribute, WeightInit};

use crate::common::{agree, graph, ints};

/// Weights between -0.5 and 0.5.
const HALF: WeightInit = WeightInit::Uniform {
    centre: 0.0,
    spread: 0.5,
};

/// One operator without weights.
#[track_caller]
fn pooled(operator: &str, shape: &[usize], output: &[usize], attributes: &[Attribute]) {
    agree(graph(shape, output, |g, x| g.node("y", operator, &[x], attributes)));
}

/// One operator with weights and a bias for `bias` channels.
#[track_caller]
fn convolved(operator: &str, shapes: [&[usize]; 3], bias: usize, attributes: &[Attribute]) {
    let [shape, weight, output] = shapes;
    agree(graph(shape, output, |g, x| {
        let weight = g.weight("weight", weight, HALF);
        let bias = g.weight("bias", &[bias], HALF);
        g.node("y", operator, &[x, &weight, &bias], attributes)
    }));
}

#[test]
fn pooling_over_lines_and_volumes_agrees() {
    for operator in ["MaxPool", "AveragePool"] {
        let line = [ints("kernel_shape", &[3]), ints("strides", &[2]), ints("pads", &[1, 1])];
        pooled(operator, &[2, 3, 8], &[2, 3, 4], &line);
        let volume = [ints("kernel_shape", &[2, 3, 2]), ints("strides", &[2, 1, 2])];
        pooled(operator, &[1, 2, 4, 5, 6], &[1, 2, 2, 3, 3], &volume);
    }
}

#[test]
fn pooling_with_uneven_padding_and_gaps_agrees() {
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
fn convolutions_over_lines_agree() {
    let attributes = [ints("strides", &[2]), ints("pads", &[2, 1]), ints("dilations", &[2])];
    convolved("Conv", [&[1, 4, 12], &[6, 4, 3], &[1, 6, 6]], 6, &attributes);
    let same = [Attribute::Text("auto_pad", "SAME_UPPER"), Attribute::Int("group", 2)];
    convolved("Conv", [&[2, 4, 9], &[6, 2, 4], &[2, 6, 9]], 6, &same);
}

#[test]
fn transposed_convolutions_agree() {
    convolved(
        "ConvTranspose",
        [&[1, 3, 5], &[3, 2, 4], &[1, 2, 12]],
        2,
        &[ints("strides", &[2])],
    );
    let plain = [
        ints("strides", &[2, 3]),
        ints("pads", &[1, 1, 1, 1]),
        ints("output_padding", &[1, 0]),
    ];
    convolved(
        "ConvTranspose",
        [&[1, 4, 3, 4], &[4, 2, 3, 3], &[1, 2, 6, 10]],
        2,
        &plain,
    );
    let groups = [Attribute::Int("group", 2), ints("dilations", &[2, 1])];
    convolved(
        "ConvTranspose",
        [&[1, 4, 3, 4], &[4, 3, 2, 3], &[1, 6, 5, 6]],
        6,
        &groups,
    );
    for auto in ["SAME_UPPER", "SAME_LOWER"] {
        let same = [ints("strides", &[2, 2]), Attribute::Text("auto_pad", auto)];
        convolved("ConvTranspose", [&[1, 2, 3, 3], &[2, 2, 3, 3], &[1, 2, 6, 6]], 2, &same);
    }
}
