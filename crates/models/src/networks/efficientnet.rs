//! EfficientNet without its classifier (Tan and Le, "EfficientNet: Rethinking Model Scaling for
//! Convolutional Neural Networks", 2019, table 1), with swish, squeeze and excitation, and
//! TensorFlow's "same" padding.

use crate::{Attribute, Graph, Value, WeightInit};

/// Width and depth relative to EfficientNet-B0, in tenths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scaling {
    pub(super) width: usize,
    pub(super) depth: usize,
}

/// A feature map: a value with its number of channels and its size, which is both height and width.
#[derive(Debug, Clone)]
pub(super) struct Map {
    pub(super) value: Value,
    pub(super) channels: usize,
    pub(super) size: usize,
}

/// Expansion, channels, repeats, stride and kernel of each stage.
const STAGES: [[usize; 5]; 7] = [
    [1, 16, 1, 1, 3],
    [6, 24, 2, 2, 3],
    [6, 40, 2, 2, 5],
    [6, 80, 3, 2, 3],
    [6, 112, 3, 1, 5],
    [6, 192, 4, 2, 5],
    [6, 320, 1, 1, 3],
];

/// Initialization of a convolution that follows a linear layer.
pub(super) fn after_linear(fan_in: usize) -> WeightInit {
    WeightInit::LeCun { fan_in }
}

/// Initialization of a convolution that follows swish. The mean square of swish of standard normal
/// numbers is 0.36 instead of ReLU's 0.5, and the following normalization compensates for the
/// difference.
pub(super) fn after_swish(fan_in: usize) -> WeightInit {
    WeightInit::He { fan_in }
}

/// `image` [n, 3, size, size] -> the last feature maps of strides 8, 16 and 32.
pub(super) fn build(graph: &mut Graph, scaling: Scaling, image: &Value, size: usize) -> [Map; 3] {
    let channels = widened(32, scaling.width);
    let stem = convolution(
        graph,
        "stem",
        &Map {
            value: image.clone(),
            channels: 3,
            size,
        },
        channels,
        3,
        2,
        after_linear(27),
    );
    let stem = norm(graph, "stem", &stem, 1.0);
    let mut x = swish(graph, "stem", &stem);
    let mut taken = Vec::new();
    for (stage, [expansion, channels, repeats, stride, kernel]) in STAGES.into_iter().enumerate() {
        let channels = widened(channels, scaling.width);
        for block in 0..(repeats * scaling.depth).div_ceil(10) {
            let name = format!("stage{}.block{}", stage + 1, block + 1);
            let stride = if block == 0 { stride } else { 1 };
            x = inverted_bottleneck(graph, &name, &x, [expansion, channels, stride, kernel]);
        }
        // The last stages of strides 8, 16 and 32.
        if [2, 4, 6].contains(&stage) {
            taken.push(x.clone());
        }
    }
    [0, 1, 2].map(|at| taken[at].clone())
}

/// Scales a number of channels to the nearest multiple of eight, and rounds up if that is less than
/// nine tenths of the scaled number.
fn widened(channels: usize, tenths: usize) -> usize {
    let wanted = channels * tenths;
    let rounded = ((wanted + 40) / 80 * 8).max(8);
    if rounded * 100 < wanted * 9 {
        rounded + 8
    } else {
        rounded
    }
}

/// Expansion, depthwise convolution, squeeze and excitation, and projection. The result is added to
/// the input if the shapes are equal.
fn inverted_bottleneck(
    graph: &mut Graph,
    name: &str,
    x: &Map,
    [expansion, channels, stride, kernel]: [usize; 4],
) -> Map {
    let wide = x.channels * expansion;
    let expanded = if expansion == 1 {
        x.clone()
    } else {
        let part = format!("{name}.expand");
        let y = convolution(graph, &part, x, wide, 1, 1, after_linear(x.channels));
        let y = norm(graph, &part, &y, 1.0);
        swish(graph, &part, &y)
    };
    let part = format!("{name}.depthwise");
    let y = depthwise(graph, &part, &expanded, kernel, stride);
    let y = norm(graph, &part, &y, 1.1);
    let y = swish(graph, &part, &y);
    let y = excited(graph, &format!("{name}.squeeze"), &y, (x.channels / 4).max(1));
    let part = format!("{name}.project");
    let is_added = stride == 1 && x.channels == channels;
    let y = convolution(graph, &part, &y, channels, 1, 1, after_swish(wide));
    // Excitation halves the values, and normalization compensates. A branch that is added may stay
    // small.
    let y = norm(graph, &part, &y, if is_added { 0.6 } else { 2.0 });
    if is_added {
        let sum = graph.node(&format!("{name}.sum"), "Add", &[&y.value, &x.value], &[]);
        return Map { value: sum, ..y };
    }
    y
}

/// Weights the channels by a function of their means (Hu et al., "Squeeze-and-Excitation Networks",
/// 2018).
fn excited(graph: &mut Graph, name: &str, x: &Map, narrow: usize) -> Map {
    let means = graph.node(&format!("{name}.means"), "GlobalAveragePool", &[&x.value], &[]);
    let means = Map {
        value: means,
        channels: x.channels,
        size: 1,
    };
    let part = format!("{name}.reduce");
    let y = biased(graph, &part, &means, narrow, after_swish(x.channels));
    let y = swish(graph, &part, &y);
    let part = format!("{name}.restore");
    let y = biased(graph, &part, &y, x.channels, after_swish(narrow));
    let shares = graph.node(&format!("{part}.shares"), "Sigmoid", &[&y.value], &[]);
    let value = graph.node(&format!("{name}.excited"), "Mul", &[&x.value, &shares], &[]);
    Map { value, ..x.clone() }
}

/// Convolution without bias.
pub(super) fn convolution(
    graph: &mut Graph,
    name: &str,
    x: &Map,
    channels: usize,
    kernel: usize,
    stride: usize,
    fill: WeightInit,
) -> Map {
    let weight = graph.weight(&format!("{name}.weight"), &[channels, x.channels, kernel, kernel], fill);
    let attributes = window(kernel, stride);
    let value = graph.node(&format!("{name}.conv"), "Conv", &[&x.value, &weight], &attributes);
    Map {
        value,
        channels,
        size: x.size / stride,
    }
}

/// 1x1 convolution with bias.
pub(super) fn biased(graph: &mut Graph, name: &str, x: &Map, channels: usize, fill: WeightInit) -> Map {
    let weight = graph.weight(&format!("{name}.weight"), &[channels, x.channels, 1, 1], fill);
    let bias = small_bias(graph, name, channels);
    let value = graph.node(
        &format!("{name}.conv"),
        "Conv",
        &[&x.value, &weight, &bias],
        &window(1, 1),
    );
    Map {
        value,
        channels,
        size: x.size,
    }
}

pub(super) fn small_bias(graph: &mut Graph, name: &str, channels: usize) -> Value {
    let fill = WeightInit::Uniform {
        center: 0.0,
        spread: 0.1,
    };
    graph.weight(&format!("{name}.bias"), &[channels], fill)
}

fn depthwise(graph: &mut Graph, name: &str, x: &Map, kernel: usize, stride: usize) -> Map {
    let fill = after_swish(kernel * kernel);
    let weight = graph.weight(&format!("{name}.weight"), &[x.channels, 1, kernel, kernel], fill);
    let value = by_channel(graph, name, x, &weight, kernel, stride);
    Map {
        value,
        channels: x.channels,
        size: x.size / stride,
    }
}

/// Depthwise convolution with a weight of [channels, 1, kernel, kernel].
pub(super) fn by_channel(
    graph: &mut Graph,
    name: &str,
    x: &Map,
    weight: &Value,
    kernel: usize,
    stride: usize,
) -> Value {
    let [shape, strides, pads] = window(kernel, stride);
    let group = Attribute::Int("group", x.channels as i64);
    graph.node(
        &format!("{name}.conv"),
        "Conv",
        &[&x.value, weight],
        &[shape, strides, pads, group],
    )
}

/// Attributes of a window with TensorFlow's "same" padding. The stride must divide the size.
pub(super) fn window(kernel: usize, stride: usize) -> [Attribute; 3] {
    let total = (kernel - 1).saturating_sub(stride - 1) as i64;
    let (before, after) = (total / 2, total - total / 2);
    [
        Attribute::Ints("kernel_shape", vec![kernel as i64; 2]),
        Attribute::Ints("strides", vec![stride as i64; 2]),
        Attribute::Ints("pads", vec![before, before, after, after]),
    ]
}

/// Batch normalization with a scale near `gain`.
pub(super) fn norm(graph: &mut Graph, name: &str, x: &Map, gain: f32) -> Map {
    let mut part = |part: &str, center, spread| {
        let fill = WeightInit::Uniform { center, spread };
        graph.weight(&format!("{name}.norm.{part}"), &[x.channels], fill)
    };
    let scale = part("scale", gain, 0.1);
    let shift = part("shift", 0.0, 0.1);
    let mean = part("running_mean", 0.0, 0.1);
    let variance = part("running_variance", 1.0, 0.2);
    let value = graph.node(
        &format!("{name}.norm"),
        "BatchNormalization",
        &[&x.value, &scale, &shift, &mean, &variance],
        &[Attribute::Float("epsilon", 1e-3)],
    );
    Map { value, ..x.clone() }
}

/// x times its logistic function (Ramachandran, Zoph and Le, "Searching for Activation Functions",
/// 2017).
pub(super) fn swish(graph: &mut Graph, name: &str, x: &Map) -> Map {
    let shares = graph.node(&format!("{name}.sigmoid"), "Sigmoid", &[&x.value], &[]);
    let value = graph.node(&format!("{name}.swish"), "Mul", &[&x.value, &shares], &[]);
    Map { value, ..x.clone() }
}
