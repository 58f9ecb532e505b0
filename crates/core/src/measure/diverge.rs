//! Finds where two engines begin to differ by comparing all values of a graph.

use tare_record::{Drift, Failure, Tolerance};

use crate::verify::compare::compare_one;
use crate::{Clock, Engine, NamedTensor, Tensor, TensorData, Workload};

/// A value of the graph and its distance from the same value of the reference.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedValue {
    /// Name of the value.
    pub name: String,
    /// Its distance, or an error if the distance exceeds the tolerance or the shapes differ.
    pub drift: Result<Drift, Failure>,
}

/// Runs `workload` once on each of two engines and compares all outputs in the workload's order.
/// The outputs of the workload must be all values of its graph. Differences accumulate along the
/// graph, so the first value outside the tolerance shows which operator is at fault.
///
/// # Errors
///
/// If an engine cannot load or run the model.
pub async fn diverge(
    workload: &Workload,
    engine: &dyn Engine,
    reference: &dyn Engine,
    tolerance: &Tolerance,
    clock: &dyn Clock,
) -> Result<Vec<ComparedValue>, Failure> {
    let expected = outputs(workload, reference, clock).await?;
    let found = outputs(workload, engine, clock).await?;
    Ok(found
        .into_iter()
        .zip(expected)
        .map(|(found, expected)| compare_values(found, expected, tolerance))
        .collect())
}

async fn outputs(workload: &Workload, engine: &dyn Engine, clock: &dyn Clock) -> Result<Vec<NamedTensor>, Failure> {
    let outputs = workload.load(engine, clock).await?.run(clock).await?;
    Ok(workload.name_outputs(outputs))
}

fn compare_values(found: NamedTensor, expected: NamedTensor, tolerance: &Tolerance) -> ComparedValue {
    let name = expected.name.clone();
    // Inside a graph, an engine may store integers and booleans as another type.
    let same_type = found.tensor.dtype() == expected.tensor.dtype();
    let drift = if same_type {
        compare_one(&found.tensor, &expected, tolerance)
    } else {
        let expected = NamedTensor {
            name: expected.name,
            tensor: to_f64_tensor(expected.tensor),
        };
        compare_one(&to_f64_tensor(found.tensor), &expected, tolerance)
    };
    ComparedValue { name, drift }
}

fn to_f64_tensor(tensor: Tensor) -> Tensor {
    // Cannot fail, because the number of elements stays the same.
    Tensor::new(tensor.shape().to_vec(), TensorData::F64(tensor.to_f64())).unwrap_or(tensor)
}
