//! Transposed convolution on tract and on burn-flex.

use tare_models::{Attribute, WeightInit};

use crate::common::{agree, convolved, graph, ints};

#[test]
fn transposed_convolution_agrees() {
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

#[test]
fn transposed_convolution_of_volumes_agrees() {
    agree(graph(&[1, 2, 6, 5, 7], &[1, 3, 12, 10, 14], |g, x| {
        let w = g.weight("w", &[2, 3, 2, 2, 2], WeightInit::LeCun { fan_in: 27 });
        g.node("y", "ConvTranspose", &[x, &w], &[ints("strides", &[2; 3])])
    }));
}
