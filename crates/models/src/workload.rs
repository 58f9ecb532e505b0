use std::collections::BTreeMap;

use tare_core::{NamedTensor, Random, Tensor, TensorData, Workload, sha256_hex};
use tare_record::{DType, ModelInfo, WorkloadOptions};

use crate::precision::with_precision;
use crate::signature::{Dim, InputSpec, Signature, signature};
use crate::workload_error::MAX_ELEMENTS;
pub use crate::workload_error::WorkloadError;

/// The given tensors, and the defaults for missing ones.
pub(crate) fn with_defaults(given: &[NamedTensor], defaults: Vec<NamedTensor>) -> Vec<NamedTensor> {
    let missing = |default: &NamedTensor| given.iter().all(|input| input.name != default.name);
    [given.to_vec(), defaults.into_iter().filter(missing).collect()].concat()
}

/// Exclusive upper bound of generated integers. Small enough for token ids of any vocabulary and
/// for masks.
const INTEGER_BOUND: u64 = 2;

/// What the user chose for a workload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choices<'a> {
    /// Shapes, by input name.
    pub(crate) shapes: &'a BTreeMap<String, Vec<usize>>,
    pub(crate) options: &'a WorkloadOptions,
    /// Inputs that are not generated.
    pub(crate) given: &'a [NamedTensor],
    /// Seed of those that are.
    pub(crate) seed: u64,
}

/// The sizes of a model's own.
pub(crate) const OWN_OPTIONS: &WorkloadOptions = &WorkloadOptions {
    batch: None,
    batch_dim: None,
    steps: None,
    chunk: None,
    precision: None,
};

/// Reads a model and completes its inputs: those in `given` as they are, and the others drawn from
/// `seed`.
///
/// Generated floats are uniform in [-1, 1). Generated integers and booleans are 0 or 1, which fits
/// token ids, masks and flags. The hash is computed here, from the bytes that will run.
///
/// # Errors
///
/// If the bytes are not a model, or the shapes or inputs do not fit it.
pub fn prepare(
    name: &str,
    bytes: Vec<u8>,
    shapes: &BTreeMap<String, Vec<usize>>,
    given: &[NamedTensor],
    seed: u64,
) -> Result<Workload, WorkloadError> {
    let choices = Choices {
        shapes,
        options: OWN_OPTIONS,
        given,
        seed,
    };
    prepare_with(name, bytes, &choices)
}

/// Like [`prepare`], with sizes.
pub(crate) fn prepare_with(name: &str, bytes: Vec<u8>, choices: &Choices<'_>) -> Result<Workload, WorkloadError> {
    let bytes = match choices.options.precision {
        None => bytes,
        Some(precision) => with_precision(&bytes, precision).map_err(|error| WorkloadError::Precision {
            model: name.to_owned(),
            error,
        })?,
    };
    let signature = signature(&bytes).map_err(|error| WorkloadError::Model {
        model: name.to_owned(),
        error,
    })?;
    let inputs = complete_inputs(name, &signature, choices)?;
    Ok(Workload {
        model: model_info(name, &bytes),
        bytes: bytes.into(),
        inputs,
        outputs: signature.outputs,
        composition: None,
        post_processing: None,
        merged: vec![],
        accuracy: None,
    })
}

/// Name, hash and size of a model.
pub(crate) fn model_info(name: &str, bytes: &[u8]) -> ModelInfo {
    ModelInfo {
        name: name.to_owned(),
        sha256: Some(sha256_hex(bytes)),
        size_bytes: Some(bytes.len() as u64),
    }
}

/// All inputs of a signature: those in `given` as they are, and the others drawn from `seed`.
pub(crate) fn complete_inputs(
    name: &str,
    signature: &Signature,
    choices: &Choices<'_>,
) -> Result<Vec<NamedTensor>, WorkloadError> {
    let &Choices {
        shapes,
        options,
        given,
        seed,
    } = choices;
    let model = || name.to_owned();
    for input in shapes.keys().chain(given.iter().map(|named| &named.name)) {
        if !signature.inputs.iter().any(|spec| spec.name == *input) {
            return Err(WorkloadError::UnknownInput {
                model: model(),
                input: input.clone(),
                known: known(signature),
            });
        }
    }
    if let Some(batch) = options
        .batch
        .filter(|&batch| !takes_batch(signature, batch, options.batch_dim.as_deref()))
    {
        return Err(WorkloadError::Batch {
            model: model(),
            batch,
            known: known(signature),
        });
    }
    signature
        .inputs
        .iter()
        .map(|spec| {
            let tensor = match given.iter().find(|named| named.name == spec.name) {
                Some(named) => check_given(name, spec, &named.tensor)?,
                None => {
                    let shape = shape(name, spec, shapes.get(&spec.name), options)?;
                    let count = shape.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim));
                    match count.filter(|&count| count <= MAX_ELEMENTS) {
                        Some(count) => generate(spec, shape, count, seed),
                        None => {
                            return Err(WorkloadError::TooLarge {
                                model: model(),
                                input: spec.to_string(),
                                found: shape,
                            });
                        }
                    }
                }
            };
            Ok(NamedTensor {
                name: spec.name.clone(),
                tensor,
            })
        })
        .collect()
}

fn known(signature: &Signature) -> String {
    signature
        .inputs
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// Whether some input has a dimension for the batch: open, or as large as it.
fn takes_batch(signature: &Signature, batch: usize, batch_dim: Option<&str>) -> bool {
    let is_batch = |(axis, dim): (usize, &Dim)| match dim {
        Dim::Known(size) => axis == 0 && batch_dim.is_none() && *size == batch,
        Dim::Open(label) => holds_batch(axis, label, batch_dim),
    };
    signature
        .inputs
        .iter()
        .any(|spec| spec.dims.iter().flatten().enumerate().any(is_batch))
}

fn holds_batch(axis: usize, label: &str, batch_dim: Option<&str>) -> bool {
    match batch_dim {
        Some(name) => name == label,
        None => axis == 0,
    }
}

fn fits(spec: &InputSpec, shape: &[usize]) -> bool {
    spec.dims.as_ref().is_none_or(|dims| {
        dims.len() == shape.len()
            && dims.iter().zip(shape).all(|(dim, &size)| match dim {
                Dim::Known(known) => *known == size,
                Dim::Open(_) => true,
            })
    })
}

fn check_given(model: &str, spec: &InputSpec, tensor: &Tensor) -> Result<Tensor, WorkloadError> {
    if tensor.dtype() != spec.dtype {
        return Err(WorkloadError::Type {
            model: model.into(),
            input: spec.to_string(),
            found: tensor.dtype(),
        });
    }
    if !fits(spec, tensor.shape()) {
        return Err(WorkloadError::Shape {
            model: model.into(),
            input: spec.to_string(),
            found: tensor.shape().to_vec(),
        });
    }
    Ok(tensor.clone())
}

fn shape(
    model: &str,
    spec: &InputSpec,
    given: Option<&Vec<usize>>,
    options: &WorkloadOptions,
) -> Result<Vec<usize>, WorkloadError> {
    if let Some(given) = given {
        if fits(spec, given) {
            return Ok(given.clone());
        }
        return Err(WorkloadError::Shape {
            model: model.into(),
            input: spec.to_string(),
            found: given.clone(),
        });
    }
    let known = spec.dims.as_ref().and_then(|dims| {
        dims.iter()
            .enumerate()
            .map(|(axis, dim)| match dim {
                Dim::Known(known) => Some(*known),
                Dim::Open(label) => options
                    .batch
                    .filter(|_| holds_batch(axis, label, options.batch_dim.as_deref())),
            })
            .collect::<Option<Vec<usize>>>()
    });
    known.ok_or_else(|| {
        let example: Vec<String> = spec
            .dims
            .iter()
            .flatten()
            .map(|dim| match dim {
                Dim::Known(size) => size.to_string(),
                Dim::Open(_) => "1".into(),
            })
            .collect();
        WorkloadError::OpenShape {
            model: model.into(),
            input: spec.to_string(),
            example: format!("--shape {}={}", spec.name, example.join(",")),
        }
    })
}

fn generate(spec: &InputSpec, shape: Vec<usize>, count: usize, seed: u64) -> Tensor {
    let mut random = Random::new(seed, &format!("input/{}", spec.name));
    let floats = |random: &mut Random| (0..count).map(|_| random.symmetric_f32()).collect::<Vec<f32>>();
    macro_rules! integers {
        ($ty:ty) => {
            // Values below INTEGER_BOUND fit every type.
            (0..count).map(|_| random.below(INTEGER_BOUND) as $ty).collect()
        };
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "values are below INTEGER_BOUND"
    )]
    let data = match spec.dtype {
        DType::F32 => TensorData::F32(floats(&mut random)),
        DType::F64 => TensorData::F64(floats(&mut random).into_iter().map(f64::from).collect()),
        DType::F16 => TensorData::F16(floats(&mut random).into_iter().map(half::f16::from_f32).collect()),
        DType::I8 => TensorData::I8(integers!(i8)),
        DType::I32 => TensorData::I32(integers!(i32)),
        DType::I64 => TensorData::I64(integers!(i64)),
        DType::U8 => TensorData::U8(integers!(u8)),
        DType::Bool => TensorData::Bool(integers!(u8)),
    };
    Tensor::new(shape, data).unwrap_or_else(|_| unreachable!("`count` is the product of the shape"))
}
