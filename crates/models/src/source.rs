//! From the name of a model to what is run.

use tare_core::{NamedTensor, Workload};
use tare_record::{CellRequest, Failure, FailureKind, ModelSource};

use crate::pipelines::{PIPELINES, find_pipeline};
use crate::{CATALOG, find, prepare};

/// Names of all models that tare makes itself.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    let networks = CATALOG.iter().map(|entry| entry.name);
    networks.chain(PIPELINES.iter().map(|entry| entry.name))
}

/// Whether tare makes a model of that name itself.
pub fn is_built_in(name: &str) -> bool {
    built_in_names().any(|known| known == name)
}

/// Bytes of the weights of a model that tare makes itself.
pub fn built_in_bytes(name: &str) -> Option<u64> {
    let parameters = match find_pipeline(name) {
        Some(pipeline) => pipeline.entries().map(|entry| entry.parameters).sum(),
        None => find(name)?.parameters,
    };
    Some(parameters * 4)
}

/// The failure of asking for a model that is neither built in nor a file.
pub fn not_found(name: &str) -> Failure {
    let known: Vec<&str> = built_in_names().collect();
    Failure::new(
        FailureKind::Model,
        format!("there is neither a built-in model nor a file {name:?}"),
    )
    .with_hint(format!(
        "built-in models are {}; otherwise give an .onnx file",
        known.join(", ")
    ))
}

/// What a request asks to run, with the inputs in `given`. `file` is called for models that are not built in, and gives
/// their bytes.
///
/// # Errors
///
/// If there is no such model, or shapes and inputs do not fit it.
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
