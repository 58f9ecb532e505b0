use tare_record::{DType, Failure, FailureKind};

use crate::precision::PrecisionError;
use crate::signature::SignatureError;

/// Maximum number of elements of a generated input: 1 GiB of `f32`.
pub(crate) const MAX_ELEMENTS: usize = 1 << 28;

/// Why a model cannot be prepared with the given shapes and inputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkloadError {
    /// The bytes are not a model.
    #[error("model {model:?}: {error}")]
    Model {
        /// Name of the model.
        model: String,
        /// What is wrong.
        error: SignatureError,
    },
    /// A shape or tensor was given for an input that the model does not have.
    #[error("model {model:?} has no input {input:?}: expected one of {known}")]
    UnknownInput {
        /// Name of the model.
        model: String,
        /// The given name.
        input: String,
        /// The model's inputs, with types and shapes.
        known: String,
    },
    /// A dimension that the model leaves open was not given.
    #[error("model {model:?} leaves dimensions of input {input} open")]
    OpenShape {
        /// Name of the model.
        model: String,
        /// The input, with type and shape.
        input: String,
        /// An example of an option that sets the shape.
        example: String,
    },
    /// A given shape contradicts the model.
    #[error("model {model:?}, input {input}: found shape {found:?}")]
    Shape {
        /// Name of the model.
        model: String,
        /// The input, with type and shape.
        input: String,
        /// The given shape.
        found: Vec<usize>,
    },
    /// More elements than tare generates.
    #[error("model {model:?}, input {input}: expected at most {MAX_ELEMENTS} elements, found shape {found:?}")]
    TooLarge {
        /// Name of the model.
        model: String,
        /// The input, with type and shape.
        input: String,
        /// The given shape.
        found: Vec<usize>,
    },
    /// No input can hold that many items.
    #[error("model {model:?} cannot take batches of {batch}: its inputs are {known}")]
    Batch {
        /// Name of the model.
        model: String,
        /// Items per run that were asked for.
        batch: usize,
        /// The model's inputs, with types and shapes.
        known: String,
    },
    /// Its weights cannot be converted.
    #[error("model {model:?}: {error}")]
    Precision {
        /// Name of the model.
        model: String,
        /// Why.
        error: PrecisionError,
    },
    /// The model has no such size.
    #[error("model {model:?} has no {size} to choose")]
    Size {
        /// Name of the model.
        model: String,
        /// What was asked for.
        size: &'static str,
    },
    /// A given tensor has another element type.
    #[error("model {model:?}, input {input}: found elements of type {found}")]
    Type {
        /// Name of the model.
        model: String,
        /// The input, with type and shape.
        input: String,
        /// The type of the given tensor.
        found: DType,
    },
}

impl From<WorkloadError> for Failure {
    fn from(error: WorkloadError) -> Self {
        let (kind, hint) = match &error {
            WorkloadError::Model { error, .. } => (FailureKind::Model, error.hint().to_owned()),
            WorkloadError::UnknownInput { .. } => (FailureKind::Input, "check the spelling of the input's name".into()),
            WorkloadError::OpenShape { example, .. } => (
                FailureKind::Input,
                format!("set all dimensions of the input, for example {example}"),
            ),
            WorkloadError::Shape { .. } => (
                FailureKind::Input,
                "use the same number of dimensions as the model, and keep its fixed dimensions".into(),
            ),
            WorkloadError::TooLarge { .. } => (FailureKind::Input, "choose smaller dimensions".into()),
            WorkloadError::Batch { .. } => (
                FailureKind::Input,
                "export the model with an open dimension for the batch, and name it with --batch-dim if it is not the first".into(),
            ),
            WorkloadError::Precision { error, .. } => (FailureKind::Model, error.hint().to_owned()),
            WorkloadError::Size { .. } => (
                FailureKind::Input,
                "leave it out, or choose shapegen, which has steps and chunks".into(),
            ),
            WorkloadError::Type { .. } => (
                FailureKind::Input,
                "convert the array, for example with array.astype(...) in Python".into(),
            ),
        };
        Failure::new(kind, error.to_string()).with_hint(hint)
    }
}
