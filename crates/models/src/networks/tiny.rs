//! A small convolutional classifier with five distinct layer shapes, so that a GPU engine tunes
//! only five kernels.

use crate::{Attribute, Graph, Value, WeightInit};

const CHANNELS: usize = 16;
const CLASSES: usize = 10;

/// `image` f32 [batch, 3, 32, 32] (NCHW) -> `logits` f32 [batch, 10].
pub(crate) fn build(seed: u64, batch: usize) -> Graph {
    let mut graph = Graph::new("tiny", seed);
    let image = graph.input("image", &[batch, 3, 32, 32]);
    // Layer shape 1: 3 -> 16 channels, 32x32 -> 16x16.
    let stem = convolution(&mut graph, "stem", &image, 3, 2);
    // Layer shape 2, twice: 16 -> 16 channels at 16x16. Layer shape 3: the sum with their input.
    let inner = convolution(&mut graph, "inner", &stem, CHANNELS, 1);
    let outer = convolution(&mut graph, "outer", &inner, CHANNELS, 1);
    let sum = graph.node("sum", "Add", &[&outer, &stem], &[]);
    // Layer shape 4: mean over 16x16. Layer shape 5: 16 -> 10 classes.
    let pooled = graph.node("pool", "GlobalAveragePool", &[&sum], &[]);
    let flat = graph.node("flat", "Flatten", &[&pooled], &[Attribute::Int("axis", 1)]);
    let weight = graph.weight(
        "classifier.weight",
        &[CLASSES, CHANNELS],
        WeightInit::LeCun { fan_in: CHANNELS },
    );
    let bias = graph.weight(
        "classifier.bias",
        &[CLASSES],
        WeightInit::Uniform {
            center: 0.0,
            spread: 0.1,
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

fn convolution(graph: &mut Graph, name: &str, x: &Value, channels_in: usize, stride: i64) -> Value {
    let fill = WeightInit::He {
        fan_in: channels_in * 9,
    };
    let weight = graph.weight(&format!("{name}.weight"), &[CHANNELS, channels_in, 3, 3], fill);
    let bias = graph.weight(
        &format!("{name}.bias"),
        &[CHANNELS],
        WeightInit::Uniform {
            center: 0.0,
            spread: 0.1,
        },
    );
    let attributes = [
        Attribute::Ints("kernel_shape", vec![3, 3]),
        Attribute::Ints("strides", vec![stride, stride]),
        Attribute::Ints("pads", vec![1, 1, 1, 1]),
    ];
    let y = graph.node(&format!("{name}.conv"), "Conv", &[x, &weight, &bias], &attributes);
    graph.node(&format!("{name}.relu"), "Relu", &[&y], &[])
}
