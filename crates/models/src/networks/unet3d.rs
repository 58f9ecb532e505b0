//! 3-D U-Net (Cicek et al., 2016) with the strided convolutions, instance normalization and leaky
//! ReLU of nnU-Net (Isensee et al., 2021), and four levels of 32 to 256 channels.

use crate::{Attribute, Graph, Value, WeightInit};

/// Channels of each level.
const LEVELS: [usize; 4] = [32, 64, 128, 256];
const CLASSES: usize = 2;

/// `volume` f32 [batch, 1, 96, 96, 64] (NCDHW) -> `logits` f32 [batch, 2, 96, 96, 64].
pub(crate) fn build(seed: u64, batch: usize) -> Graph {
    let mut graph = Graph::new("unet3d", seed);
    let mut x = graph.input("volume", &[batch, 1, 96, 96, 64]);
    let mut skipped = Vec::new();
    let mut channels = 1;
    for (level, width) in LEVELS.into_iter().enumerate() {
        let stride = if level == 0 { 1 } else { 2 };
        x = convolution(&mut graph, &format!("down{level}.a"), &x, [channels, width], stride);
        x = convolution(&mut graph, &format!("down{level}.b"), &x, [width, width], 1);
        skipped.push(x.clone());
        channels = width;
    }
    for level in (0..LEVELS.len() - 1).rev() {
        let width = LEVELS[level];
        let up = upsample(&mut graph, &format!("up{level}"), &x, [channels, width]);
        let both = graph.node(
            &format!("up{level}.both"),
            "Concat",
            &[&up, &skipped[level]],
            &[Attribute::Int("axis", 1)],
        );
        x = convolution(&mut graph, &format!("up{level}.a"), &both, [2 * width, width], 1);
        x = convolution(&mut graph, &format!("up{level}.b"), &x, [width, width], 1);
        channels = width;
    }
    let weight = graph.weight(
        "classifier.weight",
        &[CLASSES, channels, 1, 1, 1],
        WeightInit::LeCun { fan_in: channels },
    );
    let bias = WeightInit::Uniform {
        center: 0.0,
        spread: 0.1,
    };
    let bias = graph.weight("classifier.bias", &[CLASSES], bias);
    let logits = graph.node("logits", "Conv", &[&x, &weight, &bias], &cubic(1, 1, 0));
    graph.output(&logits, &[batch, CLASSES, 96, 96, 64]);
    graph
}

/// 3x3x3 convolution without bias, instance normalization and leaky ReLU.
fn convolution(graph: &mut Graph, name: &str, x: &Value, [wide_in, wide_out]: [usize; 2], stride: i64) -> Value {
    let fill = WeightInit::He { fan_in: wide_in * 27 };
    let weight = graph.weight(&format!("{name}.weight"), &[wide_out, wide_in, 3, 3, 3], fill);
    let y = graph.node(&format!("{name}.conv"), "Conv", &[x, &weight], &cubic(3, stride, 1));
    let mut of_channel = |part: &str, center| {
        let fill = WeightInit::Uniform { center, spread: 0.1 };
        graph.weight(&format!("{name}.norm.{part}"), &[wide_out], fill)
    };
    let (scale, shift) = (of_channel("scale", 1.0), of_channel("shift", 0.0));
    let normal = graph.node(
        &format!("{name}.norm"),
        "InstanceNormalization",
        &[&y, &scale, &shift],
        &[Attribute::Float("epsilon", 1e-5)],
    );
    graph.node(name, "LeakyRelu", &[&normal], &[Attribute::Float("alpha", 0.01)])
}

/// 2x2x2 transposed convolution that doubles every dimension.
fn upsample(graph: &mut Graph, name: &str, x: &Value, [wide_in, wide_out]: [usize; 2]) -> Value {
    let fill = WeightInit::LeCun { fan_in: wide_in };
    let weight = graph.weight(&format!("{name}.weight"), &[wide_in, wide_out, 2, 2, 2], fill);
    let bias = WeightInit::Uniform {
        center: 0.0,
        spread: 0.1,
    };
    let bias = graph.weight(&format!("{name}.bias"), &[wide_out], bias);
    graph.node(name, "ConvTranspose", &[x, &weight, &bias], &cubic(2, 2, 0))
}

fn cubic(kernel: i64, stride: i64, pad: i64) -> [Attribute; 3] {
    [
        Attribute::Ints("kernel_shape", vec![kernel; 3]),
        Attribute::Ints("strides", vec![stride; 3]),
        Attribute::Ints("pads", vec![pad; 6]),
    ]
}
