//! ResNet-50 (He et al., "Deep Residual Learning for Image Recognition", 2016, table 1), with the
//! stride in the 3x3 convolution ("v1.5"), as published by torchvision: 25,557,032 parameters.

use crate::{Attribute, Graph, Value, WeightInit};

const CLASSES: usize = 1000;

/// `image` f32 [batch, 3, 224, 224] (NCHW) -> `logits` f32 [batch, 1000].
pub(crate) fn build(seed: u64, batch: usize) -> Graph {
    let mut graph = Graph::new("resnet50", seed);
    let image = graph.input("image", &[batch, 3, 224, 224]);
    let stem = Convolution {
        channels: [3, 64],
        kernel: 7,
        stride: 2,
        gain: 1.0,
    }
    .build(&mut graph, "stem", &image);
    let stem = graph.node("stem.relu", "Relu", &[&stem], &[]);
    let mut x = graph.node(
        "stem.pool",
        "MaxPool",
        &[&stem],
        &[
            Attribute::Ints("kernel_shape", vec![3, 3]),
            Attribute::Ints("strides", vec![2, 2]),
            Attribute::Ints("pads", vec![1, 1, 1, 1]),
        ],
    );
    let mut channels = 64;
    for (stage, (width, blocks)) in [(64, 3), (128, 4), (256, 6), (512, 3)].into_iter().enumerate() {
        for block in 0..blocks {
            let name = format!("stage{}.block{}", stage + 1, block + 1);
            let stride = if block == 0 && stage > 0 { 2 } else { 1 };
            x = bottleneck(&mut graph, &name, &x, channels, width, stride);
            channels = width * 4;
        }
    }
    let pooled = graph.node("pool", "GlobalAveragePool", &[&x], &[]);
    let flat = graph.node("flat", "Flatten", &[&pooled], &[Attribute::Int("axis", 1)]);
    let weight = graph.weight(
        "classifier.weight",
        &[CLASSES, channels],
        WeightInit::LeCun { fan_in: channels },
    );
    let bias = graph.weight(
        "classifier.bias",
        &[CLASSES],
        WeightInit::Uniform {
            center: 0.0,
            spread: 0.01,
        },
    );
    let logits = graph.node(
        "logits",
        "Gemm",
        &[&flat, &weight, &bias],
        &[Attribute::Int("transB", 1)],
    );
    graph.output(&logits, &[batch, CLASSES]);
    graph
}

/// 1x1, 3x3 and 1x1 convolutions with a shortcut, which is a 1x1 convolution if the shape changes.
fn bottleneck(graph: &mut Graph, name: &str, x: &Value, channels: usize, width: usize, stride: usize) -> Value {
    let out = width * 4;
    let conv = |channels, kernel, stride, gain| Convolution {
        channels,
        kernel,
        stride,
        gain,
    };
    let a = conv([channels, width], 1, 1, 1.0).build(graph, &format!("{name}.a"), x);
    let a = graph.node(&format!("{name}.a.relu"), "Relu", &[&a], &[]);
    let b = conv([width, width], 3, stride, 1.0).build(graph, &format!("{name}.b"), &a);
    let b = graph.node(&format!("{name}.b.relu"), "Relu", &[&b], &[]);
    // A small gain of the branch keeps the values from growing with every block.
    let c = conv([width, out], 1, 1, 0.4).build(graph, &format!("{name}.c"), &b);
    let shortcut = if channels == out {
        x.clone()
    } else {
        conv([channels, out], 1, stride, 0.7).build(graph, &format!("{name}.shortcut"), x)
    };
    let sum = graph.node(&format!("{name}.sum"), "Add", &[&c, &shortcut], &[]);
    graph.node(&format!("{name}.relu"), "Relu", &[&sum], &[])
}

/// Convolution without bias, followed by batch normalization with learned scale and shift.
struct Convolution {
    /// Input and output channels.
    channels: [usize; 2],
    /// Height and width.
    kernel: usize,
    stride: usize,
    /// Mean of the normalization's scale.
    gain: f32,
}

impl Convolution {
    fn build(self, graph: &mut Graph, name: &str, x: &Value) -> Value {
        let Self {
            channels: [channels_in, channels_out],
            kernel,
            stride,
            gain,
        } = self;
        let fill = WeightInit::He {
            fan_in: channels_in * kernel * kernel,
        };
        let weight = graph.weight(
            &format!("{name}.weight"),
            &[channels_out, channels_in, kernel, kernel],
            fill,
        );
        let square = |name, value: usize| Attribute::Ints(name, vec![value as i64; 2]);
        let attributes = [
            square("kernel_shape", kernel),
            square("strides", stride),
            Attribute::Ints("pads", vec![(kernel / 2) as i64; 4]),
        ];
        let y = graph.node(&format!("{name}.conv"), "Conv", &[x, &weight], &attributes);
        let mut channel_weight = |part: &str, center, spread| {
            graph.weight(
                &format!("{name}.norm.{part}"),
                &[channels_out],
                WeightInit::Uniform { center, spread },
            )
        };
        let scale = channel_weight("scale", gain, 0.1);
        let shift = channel_weight("shift", 0.0, 0.1);
        let mean = channel_weight("running_mean", 0.0, 0.1);
        let variance = channel_weight("running_variance", 1.0, 0.2);
        graph.node(
            &format!("{name}.norm"),
            "BatchNormalization",
            &[&y, &scale, &shift, &mean, &variance],
            &[Attribute::Float("epsilon", 1e-5)],
        )
    }
}
