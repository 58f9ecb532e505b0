//! What the accuracy of fewer bits is judged by.

use tare_core::{NamedTensor, Originals, Tensor, TensorData, Workload};

use crate::held_out_digits;
use crate::signature::signature;
use crate::workload::{Choices, WorkloadError, complete_inputs};

/// Inputs of models without labels.
const INPUTS: u64 = 100;

/// The only model with labels.
const DIGITS: &str = "digits";

/// The model as it is with inputs drawn from the seed, or for `digits` all held-out digits.
///
/// # Errors
///
/// If the bytes are not a model.
pub(crate) fn originals(model: Workload, choices: &Choices<'_>) -> Result<Originals, WorkloadError> {
    let name = model.model.name.clone();
    let (inputs, labels) = if name == DIGITS && choices.options.batch.is_none_or(|batch| batch == 1) {
        digits(&model)
    } else {
        let signature = signature(&model.bytes).map_err(|error| WorkloadError::Model {
            model: name.clone(),
            error,
        })?;
        let drawn = (0..INPUTS).map(|index| {
            let choices = Choices {
                given: &[],
                seed: choices.seed.wrapping_add(index),
                ..*choices
            };
            complete_inputs(&name, &signature, &choices)
        });
        (drawn.collect::<Result<_, _>>()?, vec![])
    };
    Ok(Originals { model, inputs, labels })
}

fn digits(model: &Workload) -> (Vec<Vec<NamedTensor>>, Vec<usize>) {
    let (images, labels) = held_out_digits();
    let Some(input) = model.inputs.first() else {
        return (vec![], vec![]);
    };
    let shape = input.tensor.shape();
    let one = |pixels: &[f32]| {
        let tensor = Tensor::new(shape.to_vec(), TensorData::F32(pixels.to_vec())).ok()?;
        Some(vec![NamedTensor {
            name: input.name.clone(),
            tensor,
        }])
    };
    let size = shape.iter().product::<usize>().max(1);
    (images.chunks(size).filter_map(one).collect(), labels)
}
