//! Where two engines begin to differ: the same graph on both, value by value.

use tare_record::{Drift, Failure, Tolerance};

use crate::verify::compare::compare_one;
use crate::{Clock, Engine, NamedTensor, Tensor, TensorData, Workload};

/// A value of the graph and its distance from the reference's, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedValue {
    /// Name of the value.
    pub name: String,
    /// Its distance; an error if that is larger than the tolerance, or shapes differ.
    pub drift: Result<Drift, Failure>,
}

/// Runs `workload`, whose outputs are all its values, once on each of two engines and compares them in the workload's
/// order. Differences add up along the graph: the first value that is not as the reference's names the operator.
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
    // Inside a graph an engine may hold integers and booleans as another type.
    let alike = found.tensor.dtype() == expected.tensor.dtype();
    let drift = if alike {
        compare_one(&found.tensor, &expected, tolerance)
    } else {
        let expected = NamedTensor {
            name: expected.name,
            tensor: widened(expected.tensor),
        };
        compare_one(&widened(found.tensor), &expected, tolerance)
    };
    ComparedValue { name, drift }
}

fn widened(tensor: Tensor) -> Tensor {
    // As many elements as before.
    Tensor::new(tensor.shape().to_vec(), TensorData::F64(tensor.to_f64())).unwrap_or(tensor)
}
