//! Indices into the flattened elements of a tensor.

use crate::lower::host_tensor::HostTensor;
use crate::lower::{Lowerer, Lowering, Unsupported, Value, resolve_indices};
use crate::runtime::program::Movement;

/// Selects elements of the flattened data.
pub(super) fn select_flat(cx: &mut Lowerer, data: Value, indices: &[usize], shape: Vec<usize>) -> Lowering<Value> {
    let count = data.shape().iter().product();
    let flat = cx.upload(data)?;
    let flat = cx.reshape_value(flat, vec![count]);
    let on_device = cx.integers(Value::Host(HostTensor::from_dims(indices.iter().copied())))?;
    let picked = cx.move_value_with(flat, Movement::Select { axis: 0 }, &[&on_device], vec![indices.len()])?;
    Ok(cx.reshape_value(picked, shape))
}

/// The flat index of the element that each index along an axis points to.
pub(super) fn flat_element_indices(shape: &[usize], indices: &HostTensor, axis: usize) -> Lowering<Vec<usize>> {
    let wider = (0..shape.len()).any(|d| d != axis && indices.shape[d] > shape[d]);
    if wider {
        return Err(Unsupported::new(format!(
            "indices of shape {:?} into {shape:?}",
            indices.shape
        )));
    }
    let along = resolve_indices(indices, shape[axis])?;
    let flat = along.iter().enumerate().map(|(entry, &along)| {
        let (mut rest, mut stride, mut flat) = (entry, 1, 0);
        for d in (0..shape.len()).rev() {
            let index = rest % indices.shape[d];
            rest /= indices.shape[d];
            let index = if d == axis {
                usize::try_from(along).unwrap_or(0)
            } else {
                index
            };
            flat += index * stride;
            stride *= shape[d];
        }
        flat
    });
    Ok(flat.collect())
}

/// The flat index of the first element that each tuple of `count` indices points to.
pub(super) fn flat_tuple_indices(shape: &[usize], indices: &HostTensor, count: usize) -> Lowering<Vec<usize>> {
    let outside = || Unsupported::new(format!("an index outside shape {shape:?}"));
    let numbers = indices
        .as_integers()
        .ok_or_else(|| Unsupported::new("indices that are not integers"))?;
    let strides: Vec<usize> = (0..count).map(|d| shape[d + 1..].iter().product()).collect();
    let rows: usize = indices.shape[..indices.shape.len() - 1].iter().product();
    let flat = |row: usize| {
        (0..count)
            .map(|d| {
                let size = i64::try_from(shape[d]).ok()?;
                let index = numbers[row * count + d];
                let index = if index < 0 { index + size } else { index };
                let index = usize::try_from(index).ok().filter(|_| index < size)?;
                Some(index * strides[d])
            })
            .sum::<Option<usize>>()
            .ok_or_else(outside)
    };
    (0..rows).map(flat).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::host_tensor::HostData;

    fn indices(shape: &[usize], values: &[i64]) -> HostTensor {
        HostTensor {
            shape: shape.to_vec(),
            data: HostData::I64(values.to_vec()),
        }
    }

    #[test]
    fn indices_become_those_of_flat_elements() {
        let along_rows = flat_element_indices(&[2, 3], &indices(&[1, 3], &[1, 0, -1]), 0).unwrap();
        assert_eq!(along_rows, [3, 1, 5]);
        let along_columns = flat_element_indices(&[2, 3], &indices(&[2, 2], &[0, 2, -3, 1]), 1).unwrap();
        assert_eq!(along_columns, [0, 2, 3, 4]);
        assert!(flat_element_indices(&[2, 3], &indices(&[1, 3], &[2, 0, 0]), 0).is_err());
        assert_eq!(
            flat_tuple_indices(&[2, 3, 4], &indices(&[2, 2], &[1, 2, 0, -1]), 2).unwrap(),
            [20, 8]
        );
        assert!(flat_tuple_indices(&[2, 3], &indices(&[1, 1], &[2]), 1).is_err());
    }
}
