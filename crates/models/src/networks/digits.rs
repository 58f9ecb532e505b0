//! The only trained network here. `cargo xtask train-digits` trains it on the handwritten digits of
//! Alpaydin and Kaynak (UCI Machine Learning Repository, "Optical Recognition of Handwritten
//! Digits", 1998, CC BY 4.0).

use tare_core::{NamedTensor, Tensor, TensorData};

use crate::{Attribute, Graph, Value};

/// Little-endian `f32`: weights and bias of each layer, in order.
const WEIGHTS: &[u8] = include_bytes!("digits/weights.f32");

/// Held-out digits, one per line: 64 pixels from 0 (paper) to 16 (ink), and the digit.
const TEST: &str = include_str!("digits/test.csv");

const SIDE: usize = 8;

/// `image` f32 [batch, 1, 8, 8] (NCHW), 0 for paper and 1 for ink -> `logits` f32 [batch, 10], one
/// for each digit.
pub(crate) fn build(seed: u64, batch: usize) -> Graph {
    let mut graph = Graph::new("digits", seed);
    let mut trained = WEIGHTS;
    let image = graph.input("image", &[batch, 1, SIDE, SIDE]);
    let x = convolution(&mut graph, "first", &image, [1, 16], 1, &mut trained);
    let x = convolution(&mut graph, "second", &x, [16, 32], 2, &mut trained);
    let x = graph.node("flat", "Flatten", &[&x], &[Attribute::Int("axis", 1)]);
    let weight = next_weight(&mut graph, "classifier.weight", &[512, 10], &mut trained);
    let bias = next_weight(&mut graph, "classifier.bias", &[10], &mut trained);
    let logits = graph.node("logits", "Gemm", &[&x, &weight, &bias], &[]);
    graph.output(&logits, &[batch, 10]);
    graph
}

/// 3x3 convolution with bias, followed by ReLU.
fn convolution(
    graph: &mut Graph,
    name: &str,
    x: &Value,
    [wide_in, wide_out]: [usize; 2],
    stride: i64,
    trained: &mut &'static [u8],
) -> Value {
    let weight = next_weight(graph, &format!("{name}.weight"), &[wide_out, wide_in, 3, 3], trained);
    let bias = next_weight(graph, &format!("{name}.bias"), &[wide_out], trained);
    let attributes = [
        Attribute::Ints("kernel_shape", vec![3; 2]),
        Attribute::Ints("strides", vec![stride; 2]),
        Attribute::Ints("pads", vec![1; 4]),
    ];
    let y = graph.node(&format!("{name}.conv"), "Conv", &[x, &weight, &bias], &attributes);
    graph.node(name, "Relu", &[&y], &[])
}

/// Adds the next of the trained weights to the graph.
fn next_weight(graph: &mut Graph, name: &str, shape: &[usize], trained: &mut &'static [u8]) -> Value {
    let (taken, rest) = trained.split_at(4 * shape.iter().product::<usize>());
    *trained = rest;
    graph.trained(name, shape, taken)
}

/// The first held-out digit, so that users can see that the output is right.
pub(crate) fn example() -> Vec<NamedTensor> {
    let (images, _) = held_out();
    let first = images[..SIDE * SIDE].to_vec();
    let tensor = Tensor::new(vec![1, 1, SIDE, SIDE], TensorData::F32(first));
    let name = String::from("image");
    tensor.map(|tensor| NamedTensor { name, tensor }).into_iter().collect()
}

/// All held-out digits: images f32 [n, 1, 8, 8], and the digit of each image.
pub fn held_out() -> (Vec<f32>, Vec<usize>) {
    let (mut images, mut labels) = (vec![], vec![]);
    for line in TEST.lines() {
        let fields: Vec<u8> = line.split(',').filter_map(|field| field.parse().ok()).collect();
        if let Some((&label, pixels)) = fields.split_last() {
            labels.push(usize::from(label));
            images.extend(pixels.iter().map(|&pixel| f32::from(pixel) / 16.0));
        }
    }
    (images, labels)
}
