//! A latent diffusion model of 3-D shapes: sampling steps with a scheduler on the CPU, then a
//! volume that is decoded in chunks.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tare_core::{NamedTensor, Pipeline, Session, Stopwatch, Tensor, TensorData};
use tare_record::{DType, Failure, FailureKind, WorkloadOptions};

use crate::networks::shapegen::{CHUNK, CONDITION, LATENTS};
use crate::pipeline_entry::PipelineEntry;
use crate::signature::{Dim, InputSpec, Signature};

/// Number of cells of the volume along each side.
const SIDE: usize = 32;

/// Default number of sampling steps.
const STEPS: usize = 10;

pub(crate) const ENTRY: PipelineEntry = PipelineEntry {
    name: "shapegen",
    summary: "3-D shape from noise: 10 sampling steps, then a 32x32x32 volume in 8 chunks",
    networks: &["shapegen-denoiser", "shapegen-decoder"],
    pipeline: |options| {
        Arc::new(ShapeGen {
            chunk: options.chunk.unwrap_or(CHUNK),
        })
    },
    signature,
    defaults,
};

/// `latents` f32 [1, 128, 64] (noise), `condition` f32 [1, 64, 256] and `times` f32 [steps + 1] ->
/// `occupancy` f32 [32, 32, 32] (x, y, z), as logits.
fn signature() -> Signature {
    let input = |name: &str, dims: Vec<Dim>| InputSpec {
        name: name.into(),
        dtype: DType::F32,
        dims: Some(dims),
    };
    let known = |dims: [usize; 2]| vec![Dim::Known(1), Dim::Known(dims[0]), Dim::Known(dims[1])];
    Signature {
        inputs: vec![
            input("latents", known(LATENTS)),
            input("condition", known(CONDITION)),
            input("times", vec![Dim::Open("steps + 1".into())]),
        ],
        outputs: vec!["occupancy".into()],
        output_types: vec![Some(DType::F32)],
    }
}

/// Evenly spaced times from 1 to 0.
fn defaults(shapes: &BTreeMap<String, Vec<usize>>, options: &WorkloadOptions) -> Vec<NamedTensor> {
    let count = match shapes.get("times").map(Vec::as_slice) {
        Some(&[count]) => count,
        // The check of shapes rejects a shape with another rank.
        Some(_) => return vec![],
        None => options.steps.unwrap_or(STEPS) + 1,
    };
    let steps = count.saturating_sub(1).max(1) as f32;
    let times = (0..count).map(|step| 1.0 - step as f32 / steps).collect();
    vec![NamedTensor {
        name: "times".into(),
        tensor: floats(vec![count], times),
    }]
}

fn floats(shape: Vec<usize>, values: Vec<f32>) -> Tensor {
    Tensor::new(shape, TensorData::F32(values))
        .unwrap_or_else(|_| unreachable!("the number of values follows from the shape"))
}

#[derive(Debug)]
struct ShapeGen {
    /// Points per call of the decoder. The last call takes points beyond the volume if it does not divide evenly.
    chunk: usize,
}

#[async_trait(?Send)]
impl Pipeline for ShapeGen {
    fn stages(&self, inputs: &[NamedTensor]) -> Vec<(String, usize)> {
        let times = inputs.iter().find(|input| input.name == "times");
        let steps = times.map_or(0, |times| times.tensor.data().len().saturating_sub(1));
        let calls = SIDE.pow(3).div_ceil(self.chunk);
        vec![("sampling".into(), steps), ("decoding".into(), calls)]
    }

    async fn run(
        &self,
        networks: &mut [Box<dyn Session + '_>],
        inputs: &[NamedTensor],
        stopwatch: &mut Stopwatch<'_>,
    ) -> Result<Vec<Tensor>, Failure> {
        let ([denoiser, decoder], [latents, condition, times]) = (networks, inputs) else {
            unreachable!("the pipeline has two networks, and its signature three inputs");
        };
        let times = values(times)?;
        if times.len() < 2 {
            return Err(Failure::new(
                FailureKind::Input,
                format!(
                    "input \"times\": expected at least 2 elements for one step, found {}",
                    times.len()
                ),
            )
            .with_hint("for ten steps pass --shape times=11"));
        }
        let latents = sample(&mut **denoiser, latents, condition, times).await?;
        stopwatch.lap();
        let occupancy = decode(&mut **decoder, latents, self.chunk).await?;
        stopwatch.lap();
        Ok(vec![floats(vec![SIDE; 3], occupancy)])
    }
}

/// Takes Euler steps along the velocity, from each time to the next.
async fn sample(
    denoiser: &mut (dyn Session + '_),
    latents: &NamedTensor,
    condition: &NamedTensor,
    times: &[f32],
) -> Result<Tensor, Failure> {
    let mut x = values(latents)?.to_vec();
    let shape = latents.tensor.shape();
    let time = NamedTensor {
        name: "time".into(),
        tensor: floats(vec![1, 1], vec![0.0]),
    };
    let mut inputs = [latents.clone(), time, condition.clone()];
    for pair in times.windows(2) {
        inputs[0].tensor = floats(shape.to_vec(), x.clone());
        inputs[1].tensor = floats(vec![1, 1], vec![pair[0]]);
        let velocity = denoiser.run(&inputs).await?;
        let step = pair[1] - pair[0];
        // Two separate statements, so that no compiler fuses the multiplication and the addition.
        for (x, velocity) in x.iter_mut().zip(only_output(&velocity)?) {
            let change = step * velocity;
            *x += change;
        }
    }
    Ok(floats(shape.to_vec(), x))
}

/// Occupancy at the centers of all cells, with z varying fastest.
async fn decode(decoder: &mut (dyn Session + '_), latents: Tensor, chunk: usize) -> Result<Vec<f32>, Failure> {
    let mut volume = Vec::with_capacity(SIDE.pow(3));
    let mut inputs = ["points", "latents"].map(|name| NamedTensor {
        name: name.into(),
        tensor: latents.clone(),
    });
    while volume.len() < SIDE.pow(3) {
        let first = volume.len();
        let points = (first..first + chunk).flat_map(|cell| {
            [cell / (SIDE * SIDE), cell / SIDE % SIDE, cell % SIDE].map(|i| (2 * i + 1) as f32 / SIDE as f32 - 1.0)
        });
        inputs[0].tensor = floats(vec![1, chunk, 3], points.collect());
        volume.extend_from_slice(only_output(&decoder.run(&inputs).await?)?);
    }
    volume.truncate(SIDE.pow(3));
    Ok(volume)
}

fn only_output(outputs: &[Tensor]) -> Result<&[f32], Failure> {
    match outputs {
        [output] => f32s(output),
        _ => Err(Failure::new(
            FailureKind::Run,
            format!("expected one output, found {}", outputs.len()),
        )),
    }
}

fn values(input: &NamedTensor) -> Result<&[f32], Failure> {
    f32s(&input.tensor)
}

fn f32s(tensor: &Tensor) -> Result<&[f32], Failure> {
    match tensor.data() {
        TensorData::F32(values) => Ok(values),
        _ => Err(Failure::new(
            FailureKind::Run,
            format!("expected elements of type f32, found {}", tensor.dtype()),
        )),
    }
}
