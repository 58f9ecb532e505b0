//! The names of the models that tare generates itself.

use tare_record::{Failure, FailureKind};

use crate::CATALOG;
use crate::pipelines::PIPELINES;

/// Names of all models that tare generates itself.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    let networks = CATALOG.iter().map(|entry| entry.name);
    networks.chain(PIPELINES.iter().map(|entry| entry.name))
}

/// The failure if a model is neither built in nor a file.
pub fn not_found(name: &str) -> Failure {
    let known: Vec<&str> = built_in_names().collect();
    Failure::new(
        FailureKind::Model,
        format!("there is neither a built-in model nor a file {name:?}"),
    )
    .with_hint(format!(
        "use one of {}, several of them joined by `+`, or the path of an .onnx file",
        known.join(", ")
    ))
}
