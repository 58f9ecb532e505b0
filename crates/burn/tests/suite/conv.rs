//! Convolution on tract and on burn-flex.

use tare_models::{Attribute, Graph, WeightInit};

use crate::common::{agree, conv, convolved, graph, ints};

#[test]
fn convolution_of_images_agrees() {
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
fn convolution_of_each_channel_agrees() {
    for (x, kernel, attributes, output) in [
        (
            [1, 4, 9, 8],
            [3, 3],
            [ints("strides", &[1, 1]), ints("pads", &[1, 1, 1, 1])],
            [1, 4, 9, 8],
        ),
        (
            [2, 4, 9, 8],
            [3, 3],
            [ints("strides", &[2, 2]), ints("pads", &[0, 0, 2, 1])],
            [2, 4, 5, 4],
        ),
        (
            [2, 3, 40, 70],
            [5, 5],
            [ints("strides", &[2, 2]), ints("pads", &[2, 2, 2, 2])],
            [2, 3, 20, 35],
        ),
        (
            [1, 4, 9, 8],
            [3, 3],
            [ints("dilations", &[2, 2]), ints("pads", &[0, 0, 0, 0])],
            [1, 4, 5, 4],
        ),
    ] {
        let channels = x[1];
        agree(graph(&x, &output, |g, x| {
            let group = Attribute::Int("group", channels.try_into().unwrap());
            let [first, second] = attributes;
            conv(g, x, &[channels, 1, kernel[0], kernel[1]], &[group, first, second])
        }));
    }
}

#[test]
fn convolution_of_lines_agrees() {
    let attributes = [ints("strides", &[2]), ints("pads", &[2, 1]), ints("dilations", &[2])];
    convolved("Conv", [&[1, 4, 12], &[6, 4, 3], &[1, 6, 6]], 6, &attributes);
    let same = [Attribute::Text("auto_pad", "SAME_UPPER"), Attribute::Int("group", 2)];
    convolved("Conv", [&[2, 4, 9], &[6, 2, 4], &[2, 6, 9]], 6, &same);
}

#[test]
fn convolution_of_volumes_agrees() {
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
}
