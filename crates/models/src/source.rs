//! Finds models by name and prepares them for a run.

use std::collections::BTreeMap;

use tare_core::{AccuracyCheck, NamedTensor, Workload};
use tare_record::{CellRequest, Failure, ModelSource, Precision, RequestKind, WorkloadOptions};

use crate::accuracy_check::originals;
use crate::built_in::{built_in_names, not_found};
use crate::find;
use crate::pipelines::find_pipeline;
use crate::sequence::{parts, sequence};
use crate::workload::{Choices, WorkloadError, prepare_with};

/// Whether tare generates the model with this name itself, or all models that the name joins.
pub fn is_built_in(name: &str) -> bool {
    parts(name).all(|part| built_in_names().any(|known| known == part))
}

/// Size of the weights of a model that tare generates itself, in bytes.
pub fn built_in_bytes(name: &str) -> Option<u64> {
    parts(name).map(one_built_in_bytes).sum()
}

fn one_built_in_bytes(name: &str) -> Option<u64> {
    let parameters = match find_pipeline(name) {
        Some(pipeline) => pipeline.entries().map(|entry| entry.parameters).sum(),
        None => find(name)?.parameters,
    };
    Some(parameters * 4)
}

/// Prepares the workload of a request, with the inputs in `given`. `file` returns the bytes of a
/// model that is not built in, as often as it is called.
///
/// # Errors
///
/// If there is no such model, or the shapes or inputs do not fit it.
pub fn workload(
    request: &CellRequest,
    given: &[NamedTensor],
    file: impl Fn() -> Result<Vec<u8>, Failure> + 'static,
) -> Result<Workload, Failure> {
    let choices = Choices {
        shapes: &request.shapes,
        options: &request.options,
        given,
        seed: request.seed,
    };
    if is_judged(request) {
        return with_accuracy_check(request, &choices, file);
    }
    // A reference is one request, and a server merges requests itself.
    let load = request
        .load
        .filter(|_| request.kind == RequestKind::Measure && request.sent_over().is_none());
    let Some(batching) = load.and_then(|load| load.batching) else {
        return one_workload(request, &choices, &file);
    };
    let mut workload = one_workload(request, &choices, &file)?;
    for count in merged_counts(batching.max_requests) {
        let merged = Merged::new(request, &workload.inputs, count);
        workload
            .merged
            .push((count, one_workload(request, &merged.choices(request.seed), &file)?));
    }
    Ok(workload)
}

/// Whether the accuracy of fewer bits is computed with this request: with the reference if an engine computes in f32
/// anyway, and otherwise with the first samples of the engine.
fn is_judged(request: &CellRequest) -> bool {
    match (request.options.precision, request.kind) {
        (None, _) => false,
        (Some(Precision::F16), _) => {
            request.in_f16() && request.round == 1 && request.load.is_none() && request.sent_over().is_none()
        }
        (Some(_), kind) => kind == RequestKind::Reference,
    }
}

/// The converted workload, with what its accuracy is judged by. Models in sequence are not judged.
fn with_accuracy_check(
    request: &CellRequest,
    choices: &Choices<'_>,
    file: impl Fn() -> Result<Vec<u8>, Failure> + 'static,
) -> Result<Workload, Failure> {
    let mut converted = one_workload(request, choices, &file)?;
    if converted.composition.is_none() {
        let (request, given) = (request.clone(), choices.given.to_vec());
        converted.accuracy = Some(AccuracyCheck::new(move || {
            let options = WorkloadOptions {
                precision: None,
                ..request.options.clone()
            };
            let choices = Choices {
                shapes: &request.shapes,
                options: &options,
                given: &given,
                seed: request.seed,
            };
            Ok(originals(one_workload(&request, &choices, &file)?, &choices)?)
        }));
    }
    Ok(converted)
}

/// Powers of two, and the largest number: a run for three requests uses the model for four.
fn merged_counts(max: usize) -> impl Iterator<Item = usize> {
    let powers = std::iter::successors(Some(2), |count| Some(count * 2));
    powers.take_while(move |&count| count < max).chain([max])
}

/// What the user chose, for several requests at once.
struct Merged {
    shapes: BTreeMap<String, Vec<usize>>,
    options: WorkloadOptions,
    given: Vec<NamedTensor>,
}

impl Merged {
    /// `inputs` are those of one request.
    fn new(request: &CellRequest, inputs: &[NamedTensor], count: usize) -> Self {
        let mut shapes = request.shapes.clone();
        for first in shapes.values_mut().filter_map(|shape| shape.first_mut()) {
            *first *= count;
        }
        let own_batch = || inputs.first()?.tensor.shape().first().copied();
        let batch = request.options.batch.or_else(own_batch).unwrap_or(1);
        Self {
            shapes,
            options: WorkloadOptions {
                batch: Some(batch * count),
                ..request.options.clone()
            },
            given: inputs
                .iter()
                .map(|input| NamedTensor {
                    name: input.name.clone(),
                    tensor: input.tensor.repeated(count),
                })
                .collect(),
        }
    }

    fn choices(&self, seed: u64) -> Choices<'_> {
        Choices {
            shapes: &self.shapes,
            options: &self.options,
            given: &self.given,
            seed,
        }
    }
}

fn one_workload(
    request: &CellRequest,
    choices: &Choices<'_>,
    file: &dyn Fn() -> Result<Vec<u8>, Failure>,
) -> Result<Workload, Failure> {
    let ModelSource::BuiltIn { name } = &request.model else {
        return file_workload(request.model.display_name(), file()?, choices);
    };
    let names: Vec<&str> = parts(name).collect();
    if names.len() > 1 {
        return sequence(name, &names, choices);
    }
    if let Some(pipeline) = find_pipeline(name) {
        return Ok(pipeline.prepare_with(choices)?);
    }
    let entry = find(name).ok_or_else(|| not_found(name))?;
    Ok(entry.prepare_with(choices)?)
}

fn file_workload(name: &str, bytes: Vec<u8>, choices: &Choices<'_>) -> Result<Workload, Failure> {
    let size = choices.options;
    let missing = [("steps", size.steps), ("chunks", size.chunk)];
    if let Some((size, _)) = missing.into_iter().find(|(_, value)| value.is_some()) {
        let model = name.to_owned();
        return Err(WorkloadError::Size { model, size }.into());
    }
    Ok(prepare_with(name, bytes, choices)?)
}

/// The small real workload that the self-test measures against itself.
///
/// # Errors
///
/// Never in practice, because the model is part of the program.
pub fn selftest_workload() -> Result<Workload, Failure> {
    let entry = find("tiny").ok_or_else(|| not_found("tiny"))?;
    Ok(entry.prepare(&BTreeMap::new(), &[], 0)?)
}
