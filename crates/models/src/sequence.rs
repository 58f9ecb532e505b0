//! Built-in networks that run one after the other in every run, each with its post-processing: how applications
//! combine detectors.

use std::sync::Arc;

use async_trait::async_trait;
use tare_core::{Composition, NamedTensor, Network, Pipeline, PostProcessing, Session, Stopwatch, Tensor, Workload};
use tare_record::{Failure, FailureKind};

use crate::workload::{Choices, model_info};
use crate::{find, not_found};

/// What joins the names of the networks.
const SEPARATOR: char = '+';

/// What joins the name of a network and that of its input or output.
const OF_NETWORK: char = '/';

/// The names of the networks that a name joins.
pub(crate) fn parts(name: &str) -> impl Iterator<Item = &str> {
    name.split(SEPARATOR)
}

/// Prepares networks that run one after the other. Inputs and outputs are named `network/name`.
///
/// # Errors
///
/// If a network is unknown, consists of several itself or occurs twice, or the shapes or inputs do not fit.
pub(crate) fn sequence(name: &str, networks: &[&str], choices: &Choices<'_>) -> Result<Workload, Failure> {
    let (mut bytes, mut parts, mut composed) = (Vec::new(), Vec::<Part>::new(), Vec::new());
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for &network in networks {
        let entry = find(network).ok_or_else(|| match crate::find_pipeline(network) {
            Some(_) => refused(format!("{network:?} consists of several networks itself")),
            None => not_found(network),
        })?;
        if parts.iter().any(|part| part.name == network) {
            return Err(refused(format!("{network:?} occurs twice")));
        }
        let prefix = format!("{network}{OF_NETWORK}");
        let own = |name: &str| name.strip_prefix(&prefix).map(str::to_owned);
        let shapes = choices.shapes.iter();
        let shapes = shapes
            .filter_map(|(name, dims)| Some((own(name)?, dims.clone())))
            .collect();
        let given = choices.given.iter().filter_map(|input| {
            Some(NamedTensor {
                name: own(&input.name)?,
                tensor: input.tensor.clone(),
            })
        });
        let given: Vec<NamedTensor> = given.collect();
        let workload = entry.prepare_with(&Choices {
            shapes: &shapes,
            given: &given,
            ..*choices
        })?;
        inputs.extend(workload.inputs.iter().map(|input| NamedTensor {
            name: format!("{prefix}{}", input.name),
            tensor: input.tensor.clone(),
        }));
        outputs.extend(workload.outputs.iter().map(|output| format!("{prefix}{output}")));
        let start = bytes.len();
        bytes.extend_from_slice(&workload.bytes);
        composed.push(Network {
            bytes: start..bytes.len(),
            inputs: workload.inputs.clone(),
        });
        parts.push(Part {
            name: network.to_owned(),
            inputs: workload.inputs,
            outputs: workload.outputs,
            post_processing: workload.post_processing,
        });
    }
    let is_known = |name: &String| {
        parts
            .iter()
            .any(|part| name.starts_with(&format!("{}{OF_NETWORK}", part.name)))
    };
    if let Some(unknown) = choices.shapes.keys().find(|name| !is_known(name)) {
        return Err(Failure::new(
            FailureKind::Input,
            format!("model {name:?}, shape of {unknown:?}: expected the name of a network, `{OF_NETWORK}` and the name of its input"),
        )
        .with_hint(format!("for example --shape {}=1,3,512,512", inputs.first().map_or("", |input| &input.name))));
    }
    Ok(Workload {
        model: model_info(name, &bytes),
        bytes: bytes.into(),
        inputs,
        outputs,
        composition: Some(Composition {
            pipeline: Arc::new(Sequence { parts }),
            networks: composed,
        }),
        post_processing: None,
        merged: vec![],
        accuracy: None,
    })
}

fn refused(message: String) -> Failure {
    Failure::new(FailureKind::Model, format!("models in sequence: {message}"))
        .with_hint("join different single networks that `tare models list` shows")
}

#[derive(Debug)]
struct Sequence {
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    name: String,
    inputs: Vec<NamedTensor>,
    outputs: Vec<String>,
    post_processing: Option<PostProcessing>,
}

#[async_trait(?Send)]
impl Pipeline for Sequence {
    fn stages(&self, _: &[NamedTensor]) -> Vec<(String, usize)> {
        let mut stages = Vec::new();
        for part in &self.parts {
            stages.push((part.name.clone(), 1));
            if let Some(work) = part.post_processing {
                stages.push((format!("{} of {}", work.name, part.name), 1));
            }
        }
        stages
    }

    async fn run(
        &self,
        networks: &mut [Box<dyn Session + '_>],
        _: &[NamedTensor],
        stopwatch: &mut Stopwatch<'_>,
    ) -> Result<Vec<Tensor>, Failure> {
        let mut all = Vec::new();
        for (part, network) in self.parts.iter().zip(networks) {
            let outputs = network.run(&part.inputs).await?;
            stopwatch.lap();
            match part.post_processing {
                None => all.extend(outputs),
                Some(work) => {
                    let named: Vec<NamedTensor> = part
                        .outputs
                        .iter()
                        .cloned()
                        .zip(outputs)
                        .map(|(name, tensor)| NamedTensor { name, tensor })
                        .collect();
                    std::hint::black_box((work.run)(&named));
                    stopwatch.lap();
                    all.extend(named.into_iter().map(|output| output.tensor));
                }
            }
        }
        Ok(all)
    }
}
