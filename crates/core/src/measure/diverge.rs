//! Finds where two engines begin to differ by comparing all values of a graph.

use tare_record::{Drift, Failure, FailureKind, Tolerance};

use crate::verify::compare::compare_one;
use crate::{NamedTensor, Tensor, TensorData};

/// A value of the graph and its distance from the same value of the reference.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedValue {
    /// Name of the value.
    pub name: String,
    /// Its distance, or an error if the distance exceeds the tolerance or the shapes differ.
    pub drift: Result<Drift, Failure>,
}

/// Compares all values of a graph, in its order, with those of a reference. Differences accumulate along the graph, so
/// the first value outside the tolerance shows which operator is at fault.
///
/// # Errors
///
/// If they are not the same values.
pub fn compare_values(
    found: Vec<NamedTensor>,
    expected: &[NamedTensor],
    tolerance: &Tolerance,
) -> Result<Vec<ComparedValue>, Failure> {
    let names = |values: &[NamedTensor]| values.iter().map(|value| value.name.clone()).collect::<Vec<_>>();
    if names(&found) != names(expected) {
        return Err(Failure::new(
            FailureKind::Reference,
            format!(
                "expected the {} values of the reference, found {} others",
                expected.len(),
                found.len()
            ),
        ));
    }
    let pairs = found.into_iter().zip(expected);
    Ok(pairs
        .map(|(found, expected)| compare_value(found, expected, tolerance))
        .collect())
}

fn compare_value(found: NamedTensor, expected: &NamedTensor, tolerance: &Tolerance) -> ComparedValue {
    // Inside a graph, an engine may store integers and booleans as another type.
    let same_type = found.tensor.dtype() == expected.tensor.dtype();
    let drift = if same_type {
        compare_one(&found.tensor, expected, tolerance)
    } else {
        let expected = NamedTensor {
            name: expected.name.clone(),
            tensor: to_f64_tensor(expected.tensor.clone()),
        };
        compare_one(&to_f64_tensor(found.tensor), &expected, tolerance)
    };
    ComparedValue {
        name: found.name,
        drift,
    }
}

fn to_f64_tensor(tensor: Tensor) -> Tensor {
    // Cannot fail, because the number of elements stays the same.
    Tensor::new(tensor.shape().to_vec(), TensorData::F64(tensor.to_f64())).unwrap_or(tensor)
}

#[cfg(test)]
mod tests {
    use tare_record::DType;

    use super::*;

    fn value(name: &str, data: TensorData) -> NamedTensor {
        NamedTensor {
            name: name.into(),
            tensor: Tensor::new(vec![2], data).unwrap(),
        }
    }

    #[test]
    fn values_are_compared_whatever_their_type() {
        let expected = [
            value("a", TensorData::F32(vec![1.0, 2.0])),
            value("b", TensorData::I64(vec![1, 2])),
        ];
        let found = vec![
            value("a", TensorData::F32(vec![1.0, 2.5])),
            value("b", TensorData::F32(vec![1.0, 2.0])),
        ];
        let tolerance = [(DType::F32, 1e-3), (DType::F64, 1e-3)].into();
        let compared = compare_values(found.clone(), &expected, &tolerance).unwrap();
        assert!(compared[0].drift.is_err() && compared[1].drift.is_ok(), "{compared:?}");
        assert!(compare_values(found[..1].to_vec(), &expected, &tolerance).is_err());
    }
}
