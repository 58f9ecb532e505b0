//! Trains `digits`, the small classifier whose weights come with tare, on the handwritten digits of
//! Alpaydin and Kaynak (UCI Machine Learning Repository, 1998), as shipped by scikit-learn.
//!
//! `train-digits DIGITS.csv.gz FOLDER` writes `weights.f32` (little-endian, in the order of
//! [`Net`]) and `test.csv` with the held-out digits, and prints how many of these the network
//! classifies correctly.

mod data;

use std::path::Path;

use anyhow::{Context, Result, bail};
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};
use data::{Digit, PIXELS, SIDE, shuffled, split};

const EPOCHS: u64 = 40;
const BATCH: usize = 64;
const LEARNING_RATE: f64 = 1e-3;
const SEED: u64 = 1;

/// The network that `crates/models/src/networks/digits.rs` writes as ONNX.
#[derive(Module, Debug)]
struct Net {
    first: Conv2d,
    second: Conv2d,
    classifier: Linear,
}

impl Net {
    fn new(device: &Device) -> Self {
        let convolution = |channels, stride| {
            Conv2dConfig::new(channels, [3, 3])
                .with_stride([stride; 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(device)
        };
        Self {
            first: convolution([1, 16], 1),
            second: convolution([16, 32], 2),
            classifier: LinearConfig::new(32 * 4 * 4, 10).init(device),
        }
    }

    /// `images` [n, 1, 8, 8] -> logits [n, 10].
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = relu(self.first.forward(images));
        let x = relu(self.second.forward(x));
        self.classifier.forward(x.flatten(1, 3))
    }

    fn weights(&self) -> Result<Vec<f32>> {
        let bias = |bias: &Option<burn::module::Param<Tensor<1>>>| bias.as_ref().map(|bias| bias.val().into_data());
        let all = [
            Some(self.first.weight.val().into_data()),
            bias(&self.first.bias),
            Some(self.second.weight.val().into_data()),
            bias(&self.second.bias),
            Some(self.classifier.weight.val().into_data()),
            bias(&self.classifier.bias),
        ];
        let mut weights = Vec::new();
        for part in all {
            let part = part.context("a layer has no bias")?;
            weights.extend(part.try_to_vec::<f32>().map_err(|error| anyhow::anyhow!("{error:?}"))?);
        }
        Ok(weights)
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, folder] = arguments.as_slice() else {
        bail!("usage: train-digits DIGITS.csv.gz FOLDER");
    };
    let digits = data::read(Path::new(source))?;
    let (held_out, training) = split(shuffled(digits, SEED, "split"));
    let net = train(&training)?;
    let right = held_out
        .iter()
        .zip(classify(&net, &held_out)?)
        .filter(|(digit, class)| digit.label == *class);
    println!(
        "{} of {} held-out digits are classified correctly",
        right.count(),
        held_out.len()
    );

    let folder = Path::new(folder);
    let bytes: Vec<u8> = net.weights()?.iter().flat_map(|weight| weight.to_le_bytes()).collect();
    std::fs::write(folder.join("weights.f32"), bytes).context("cannot write the weights")?;
    std::fs::write(folder.join("test.csv"), data::csv(&held_out)).context("cannot write the held-out digits")
}

fn train(training: &[Digit]) -> Result<Net> {
    let device = Device::flex().autodiff();
    device.seed(SEED);
    let mut net = Net::new(&device);
    let mut adam = AdamConfig::new().init();
    let loss = CrossEntropyLossConfig::new().init(&device);
    for epoch in 0..EPOCHS {
        let mut total = 0.0;
        let order = shuffled(training.to_vec(), SEED, &format!("epoch {epoch}"));
        for batch in order.chunks(BATCH) {
            let labels: Vec<i64> = batch.iter().map(|digit| digit.label as i64).collect();
            let labels = Tensor::<1, Int>::from_ints(TensorData::new(labels, [batch.len()]), &device);
            let found = loss.forward(net.forward(images(batch, &device)), labels);
            total += found.clone().into_scalar::<f32>();
            let gradients = GradientsParams::from_grads(found.backward(), &net);
            net = adam.step(LEARNING_RATE, net, gradients);
        }
        eprintln!(
            "epoch {epoch}: loss {:.4}",
            total / (training.len() as f32 / BATCH as f32)
        );
    }
    Ok(net)
}

fn classify(net: &Net, digits: &[Digit]) -> Result<Vec<usize>> {
    let logits = net.forward(images(digits, &Device::flex().autodiff())).into_data();
    let logits = logits
        .try_to_vec::<f32>()
        .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let best = |row: &[f32]| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
    Ok(logits.chunks(10).map(best).collect())
}

/// [n, 1, 8, 8], 0 for paper and 1 for ink.
fn images(digits: &[Digit], device: &Device) -> Tensor<4> {
    let pixels: Vec<f32> = digits
        .iter()
        .flat_map(|digit| digit.pixels.iter().map(|&pixel| f32::from(pixel) / 16.0))
        .collect();
    debug_assert_eq!(pixels.len(), digits.len() * PIXELS);
    Tensor::from_data(TensorData::new(pixels, [digits.len(), 1, SIDE, SIDE]), device)
}
