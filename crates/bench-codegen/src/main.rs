//! Compares our executor with the code that burn-onnx generates.
//!
//! `bench-codegen flex THREADS` and `bench-codegen wgpu` run ResNet-50 and MiniLM on both sides in
//! turn, on the same device and in the same process, and print the ratio of the durations.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use burn::tensor::{Device, Int, Tensor, TensorData};
use tare_burn::{Burn, NamedTensor, TensorData as Elements};
use tare_core::stats::rounds_ratio;

#[allow(warnings, clippy::all, clippy::pedantic, missing_docs, reason = "generated")]
mod resnet50 {
    include!(concat!(env!("OUT_DIR"), "/generated/resnet50.rs"));
}

#[allow(warnings, clippy::all, clippy::pedantic, missing_docs, reason = "generated")]
mod minilm {
    include!(concat!(env!("OUT_DIR"), "/generated/minilm.rs"));
}

/// Blocks of each side before the timed ones, in which kernels are compiled and chosen.
const WARM_UP_BLOCKS: usize = 5;

/// Timed blocks of each side. They alternate, because the speed of the machine may change.
const BLOCKS: usize = 30;

/// Minimum duration of a block.
const BLOCK_NS: u128 = 150_000_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let engine = match arguments.as_slice() {
        ["flex", threads] => Burn::flex(threads.parse().context("THREADS")?),
        ["wgpu"] => Burn::wgpu(),
        _ => bail!("usage: bench-codegen flex THREADS, or bench-codegen wgpu"),
    };
    pollster::block_on(async {
        let device = engine.device().await?;
        compare("resnet50", &engine, |inputs| {
            let model = resnet50::Model::from_file(concat!(env!("OUT_DIR"), "/generated/resnet50.bpk"), &device);
            let (image, device) = (inputs[0].clone(), device.clone());
            move || vec![floats(model.forward(tensor(&image, &device)))]
        })
        .await?;
        compare("minilm", &engine, |inputs| {
            let model = minilm::Model::from_file(concat!(env!("OUT_DIR"), "/generated/minilm.bpk"), &device);
            let (inputs, device) = (inputs.to_vec(), device.clone());
            move || {
                let [ids, mask, kinds] = [0, 1, 2].map(|input| integers(&inputs[input], &device));
                let (embedding, pooled) = model.forward(ids, mask, kinds);
                vec![floats(embedding), floats(pooled)]
            }
        })
        .await
    })
}

/// The elements of a tensor of type `f32`.
fn elements(data: Elements) -> Vec<f32> {
    match data {
        Elements::F32(elements) => elements,
        other => unreachable!("expected f32, found {}", other.dtype()),
    }
}

/// Reads an output back.
fn floats<const RANK: usize>(tensor: Tensor<RANK>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap_or_default()
}

fn tensor(input: &NamedTensor, device: &Device) -> Tensor<4> {
    let image = elements(input.tensor.data().clone());
    Tensor::from_data(TensorData::new(image, input.tensor.shape().to_vec()), device)
}

fn integers(input: &NamedTensor, device: &Device) -> Tensor<2, Int> {
    let elements = match input.tensor.data() {
        Elements::I64(elements) => elements.clone(),
        other => unreachable!("tokens are i64, found {}", other.dtype()),
    };
    Tensor::from_data(TensorData::new(elements, input.tensor.shape().to_vec()), device)
}

/// Loads the model on both sides, checks that the outputs agree, and times the sides in turn.
async fn compare<T: FnMut() -> Vec<Vec<f32>>>(
    name: &str,
    engine: &Burn,
    generated: impl FnOnce(&[NamedTensor]) -> T,
) -> Result<()> {
    let entry = tare_models::find(name).with_context(|| format!("there is no built-in {name}"))?;
    let workload = entry.prepare(&Default::default(), &[], 0)?;
    let inputs = workload.inputs.clone();
    let mut session = engine.open(workload.bytes, &inputs).await?;
    let mut generated = generated(&inputs);
    let mut block = async |ours: bool| -> Result<(Vec<f64>, Vec<Vec<f32>>)> {
        let (mut durations_ns, mut last) = (Vec::new(), Vec::new());
        let start = Instant::now();
        while start.elapsed().as_nanos() < BLOCK_NS || durations_ns.is_empty() {
            let start = Instant::now();
            last = match ours {
                false => generated(),
                true => {
                    let outputs = session.run(&inputs).await?.into_iter();
                    outputs.map(|output| elements(output.into_data())).collect()
                }
            };
            durations_ns.push(start.elapsed().as_nanos() as f64);
        }
        Ok((durations_ns, last))
    };
    for _ in 0..WARM_UP_BLOCKS {
        let ((_, ours), (_, theirs)) = (block(true).await?, block(false).await?);
        let (ours, theirs) = (ours.concat(), theirs.concat());
        let largest = theirs.iter().fold(0f32, |most, value| most.max(value.abs()));
        let off = ours
            .iter()
            .zip(&theirs)
            .map(|(a, b)| (a - b).abs())
            .fold(0f32, f32::max);
        ensure!(
            ours.len() == theirs.len() && off <= largest * 1e-4,
            "{name}: the outputs differ by {off} of {largest}"
        );
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..BLOCKS {
        // Alternate which side comes first.
        for is_ours in [number % 2 == 0, number % 2 != 0] {
            let (durations_ns, _) = block(is_ours).await?;
            if is_ours { &mut ours } else { &mut theirs }.push(durations_ns);
        }
    }
    let ratio = rounds_ratio(&ours, &theirs, 1).context("no samples")?;
    let median = |blocks: &[Vec<f64>]| tare_core::stats::median(&blocks.concat()).unwrap_or(f64::NAN) / 1e6;
    println!(
        "{name}: ours {:.3} ms, generated {:.3} ms, ratio {:.4} (95 % interval {:.4} to {:.4})",
        median(&ours),
        median(&theirs),
        ratio.value,
        ratio.low,
        ratio.high
    );
    Ok(())
}
