//! Finds models by name and prepares them for a run.

use std::collections::BTreeMap;

use tare_core::{NamedTensor, Workload};
use tare_record::{CellRequest, Failure, FailureKind, ModelSource};

use crate::pipelines::{PIPELINES, find_pipeline};
use crate::{CATALOG, find, prepare};

/// Names of all models that tare generates itself.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    let networks = CATALOG.iter().map(|entry| entry.name);
    networks.chain(PIPELINES.iter().map(|entry| entry.name))
}

/// Whether tare generates the model with this name itself.
pub fn is_built_in(name: &str) -> bool {
    built_in_names().any(|known| known == name)
}

/// Size of the weights of a model that tare generates itself, in bytes.
pub fn built_in_bytes(name: &str) -> Option<u64> {
    let parameters = match find_pipeline(name) {
        Some(pipeline) => pipeline.entries().map(|entry| entry.parameters).sum(),
        None => find(name)?.parameters,
    };
    Some(parameters * 4)
}

/// The failure if a model is neither built in nor a file.
pub fn not_found(name: &str) -> Failure {
    let known: Vec<&str> = built_in_names().collect();
    Failure::new(
        FailureKind::Model,
        format!("there is neither a built-in model nor a file {name:?}"),
    )
    .with_hint(format!("use one of {}, or the path of an .onnx file", known.join(", ")))
}

/// Prepares the workload of a request, with the inputs in `given`. `file` returns the bytes of a
/// model that is not built in.
///
/// # Errors
///
/// If there is no such model, or the shapes or inputs do not fit it.
pub fn workload(
    request: &CellRequest,
    given: &[NamedTensor],
    file: impl FnOnce() -> Result<Vec<u8>, Failure>,
) -> Result<Workload, Failure> {
    let shapes = &request.shapes;
    let ModelSource::BuiltIn { name } = &request.model else {
        return Ok(prepare(
            request.model.display_name(),
            file()?,
            shapes,
            given,
            request.seed,
        )?);
    };
    if let Some(pipeline) = find_pipeline(name) {
        return Ok(pipeline.prepare(shapes, given, request.seed)?);
    }
    let entry = find(name).ok_or_else(|| not_found(name))?;
    Ok(entry.prepare(shapes, given, request.seed)?)
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
