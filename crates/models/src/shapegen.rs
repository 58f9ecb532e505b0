//! A latent diffusion model of shapes: sampling steps with their scheduler on the host, then a volume that is queried in
//! chunks.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tare_core::{NamedTensor, Pipeline, Session, Stopwatch, Tensor, TensorData};
use tare_record::{DType, Failure, FailureKind};

use crate::networks::shapegen::{CHUNK, CONDITION, LATENTS};
use crate::pipeline_entry::PipelineEntry;
use crate::signature::{Dim, InputSpec, Signature};

/// Positions of the volume along each side.
const SIDE: usize = 32;

/// Sampling steps unless the user gives other times.
const STEPS: usize = 10;

pub(crate) const ENTRY: PipelineEntry = PipelineEntry {
    name: "shapegen",
    summary: "shape from noise: 10 sampling steps, then a volume of 32x32x32 in 8 chunks",
    networks: &["shapegen-denoiser", "shapegen-decoder"],
    pipeline: &ShapeGen,
    signature,
    defaults,
};

/// `latents` f32 [1, 128, 64] (noise), `condition` f32 [1, 64, 256] and `times` f32 [steps + 1] -> `occupancy` f32
/// [32, 32, 32] (x, y, z), as logits.
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
    }
}

/// Times that fall evenly from 1 to 0.
fn defaults(shapes: &BTreeMap<String, Vec<usize>>) -> Vec<NamedTensor> {
    let count = match shapes.get("times").map(Vec::as_slice) {
        Some(&[count]) => count,
        // A shape of another rank is refused where shapes are checked.
        Some(_) => return vec![],
        None => STEPS + 1,
    };
    let steps = count.saturating_sub(1).max(1) as f32;
    let times = (0..count).map(|step| 1.0 - step as f32 / steps).collect();
    vec![NamedTensor {
        name: "times".into(),
        tensor: floats(vec![count], times),
    }]
}

fn floats(shape: Vec<usize>, values: Vec<f32>) -> Tensor {
    Tensor::new(shape, TensorData::F32(values)).unwrap_or_else(|_| unreachable!("values were counted by their shape"))
}

#[derive(Debug)]
struct ShapeGen;

#[async_trait(?Send)]
impl Pipeline for ShapeGen {
    fn stages(&self, inputs: &[NamedTensor]) -> Vec<(&'static str, usize)> {
        let times = inputs.iter().find(|input| input.name == "times");
        let steps = times.map_or(0, |times| times.tensor.data().len().saturating_sub(1));
        vec![("sampling", steps), ("decoding", SIDE.pow(3).div_ceil(CHUNK))]
    }

    async fn run(
        &self,
        networks: &mut [Box<dyn Session>],
        inputs: &[NamedTensor],
        stopwatch: &mut Stopwatch<'_>,
    ) -> Result<Vec<Tensor>, Failure> {
        let ([denoiser, decoder], [latents, condition, times]) = (networks, inputs) else {
            unreachable!("two networks were loaded, and three inputs completed by their signature");
        };
        let times = values(times)?;
        if times.len() < 2 {
            return Err(Failure::new(
                FailureKind::Input,
                format!(
                    "input times has {} elements: expected at least 2, for one step",
                    times.len()
                ),
            )
            .with_hint("for ten steps give --shape times=11"));
        }
        let latents = sampled(&mut **denoiser, latents, condition, times).await?;
        stopwatch.lap();
        let occupancy = decoded(&mut **decoder, latents).await?;
        stopwatch.lap();
        Ok(vec![floats(vec![SIDE; 3], occupancy)])
    }
}

/// Euler's steps along the velocity, from each time to the next.
async fn sampled(
    denoiser: &mut dyn Session,
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
        // Two roundings, written apart so that no compiler fuses them.
        for (x, velocity) in x.iter_mut().zip(only(&velocity)?) {
            let change = step * velocity;
            *x += change;
        }
    }
    Ok(floats(shape.to_vec(), x))
}

/// Occupancy at the centres of all cells, z fastest.
async fn decoded(decoder: &mut dyn Session, latents: Tensor) -> Result<Vec<f32>, Failure> {
    let mut volume = Vec::with_capacity(SIDE.pow(3));
    let mut inputs = ["points", "latents"].map(|name| NamedTensor {
        name: name.into(),
        tensor: latents.clone(),
    });
    while volume.len() < SIDE.pow(3) {
        let first = volume.len();
        let points = (first..first + CHUNK).flat_map(|cell| {
            [cell / (SIDE * SIDE), cell / SIDE % SIDE, cell % SIDE].map(|i| (2 * i + 1) as f32 / SIDE as f32 - 1.0)
        });
        inputs[0].tensor = floats(vec![1, CHUNK, 3], points.collect());
        volume.extend_from_slice(only(&decoder.run(&inputs).await?)?);
    }
    Ok(volume)
}

fn only(outputs: &[Tensor]) -> Result<&[f32], Failure> {
    match outputs {
        [output] => f32s(output),
        _ => Err(Failure::new(
            FailureKind::Run,
            format!("found {} outputs, expected one", outputs.len()),
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
            format!("found elements of type {}, expected f32", tensor.dtype()),
        )),
    }
}
