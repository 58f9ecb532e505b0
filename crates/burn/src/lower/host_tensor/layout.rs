//! Moving elements of host tensors.

use super::broadcast::{broadcast_positions, indices, strides};
use super::tensor::{HostData, HostTensor, computable};

impl HostTensor {
    /// Permutes the dimensions: dimension `i` of the result is dimension `axes[i]` of the tensor.
    pub(crate) fn transpose(&self, axes: &[usize]) -> Self {
        let strides = strides(&self.shape);
        let shape: Vec<usize> = axes.iter().map(|&axis| self.shape[axis]).collect();
        let positions: Vec<usize> = indices(&shape)
            .map(|index| index.iter().zip(axes).map(|(&i, &axis)| i * strides[axis]).sum())
            .collect();
        self.pick(shape, &positions)
    }

    /// ONNX Gather: replaces dimension `axis` by the shape of the indices. `None` if an index is
    /// out of range, or the result too large.
    pub(crate) fn gather(&self, axis: usize, at: &HostTensor) -> Option<Self> {
        let size = *self.shape.get(axis)?;
        let resolved: Vec<usize> = at
            .as_integers()?
            .into_iter()
            .map(|i| {
                usize::try_from(if i < 0 { i + i64::try_from(size).ok()? } else { i })
                    .ok()
                    .filter(|&i| i < size)
            })
            .collect::<Option<_>>()?;
        let shape = computable([&self.shape[..axis], &at.shape, &self.shape[axis + 1..]].concat())?;
        let inner: usize = self.shape[axis + 1..].iter().product();
        let outer: usize = self.shape[..axis].iter().product();
        let mut positions = Vec::with_capacity(outer * resolved.len() * inner);
        for o in 0..outer {
            for &index in &resolved {
                positions.extend((0..inner).map(|i| (o * size + index) * inner + i));
            }
        }
        Some(self.pick(shape, &positions))
    }

    /// ONNX Slice with one `(axis, start, end, step)` for each sliced axis, starts and ends as ONNX
    /// gives them. `None` for a step of 0.
    pub(crate) fn slice(&self, slices: &[(usize, i64, i64, i64)]) -> Option<Self> {
        let mut kept: Vec<Vec<usize>> = self.shape.iter().map(|&dim| (0..dim).collect()).collect();
        for &(axis, start, end, step) in slices {
            let dim = i64::try_from(*self.shape.get(axis)?).ok()?;
            let wrap = |i: i64| if i < 0 { i.saturating_add(dim) } else { i };
            let mut positions = Vec::new();
            if step > 0 {
                let (mut i, end) = (wrap(start).clamp(0, dim), wrap(end).clamp(0, dim));
                while i < end {
                    positions.push(usize::try_from(i).ok()?);
                    i += step;
                }
            } else if step < 0 {
                let (mut i, end) = (wrap(start).max(0).min(dim - 1), wrap(end).max(-1).min(dim - 1));
                while i > end {
                    positions.push(usize::try_from(i).ok()?);
                    i += step;
                }
            } else {
                return None;
            }
            kept[axis] = positions;
        }
        let shape: Vec<usize> = kept.iter().map(Vec::len).collect();
        let strides = strides(&self.shape);
        let positions: Vec<usize> = indices(&shape)
            .map(|index| index.iter().enumerate().map(|(d, &i)| kept[d][i] * strides[d]).sum())
            .collect();
        Some(self.pick(shape, &positions))
    }

    /// ONNX Concat along `axis`. Scalars count as vectors. `None` if types or shapes do not fit, or the result is too large.
    pub(crate) fn concat(parts: &[HostTensor], axis: usize) -> Option<Self> {
        let lift = |part: &HostTensor| {
            if part.shape.is_empty() {
                part.clone().reshape(vec![1])
            } else {
                part.clone()
            }
        };
        let parts: Vec<HostTensor> = parts.iter().map(lift).collect();
        let first = parts.first()?;
        let outer: usize = first.shape.get(..axis)?.iter().product();
        let mut shape = first.shape.clone();
        *shape.get_mut(axis)? = parts
            .iter()
            .map(|part| part.shape.get(axis).copied())
            .try_fold(0usize, |sum, size| sum.checked_add(size?))?;
        let shape = computable(shape)?;
        let chunk = |part: &HostTensor| part.shape[axis..].iter().product::<usize>();
        macro_rules! join {
            ($variant:ident) => {{
                let mut joined = Vec::new();
                for o in 0..outer {
                    for part in &parts {
                        let HostData::$variant(values) = &part.data else {
                            return None;
                        };
                        let size = chunk(part);
                        joined.extend_from_slice(values.get(o * size..(o + 1) * size)?);
                    }
                }
                HostData::$variant(joined)
            }};
        }
        let data = match &first.data {
            HostData::F32(_) => join!(F32),
            HostData::I64(_) => join!(I64),
            HostData::Bool(_) => join!(Bool),
        };
        Some(Self { shape, data })
    }

    /// Repeats elements up to a shape that this one broadcasts to.
    pub(crate) fn broadcast_to(&self, shape: &[usize]) -> Self {
        self.pick(shape.to_vec(), &broadcast_positions(&self.shape, shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(shape: &[usize], values: &[i64]) -> HostTensor {
        HostTensor {
            shape: shape.to_vec(),
            data: HostData::I64(values.to_vec()),
        }
    }

    #[test]
    fn gather_takes_rows_and_negative_indices() {
        let x = ints(&[3, 2], &[1, 2, 3, 4, 5, 6]);
        assert_eq!(
            x.gather(0, &ints(&[2], &[2, -3])).unwrap(),
            ints(&[2, 2], &[5, 6, 1, 2])
        );
        assert_eq!(x.gather(1, &ints(&[], &[1])).unwrap(), ints(&[3], &[2, 4, 6]));
        assert_eq!(x.gather(0, &ints(&[1], &[3])), None);
    }

    #[test]
    fn slices_follow_onnx() {
        let x = ints(&[5], &[0, 1, 2, 3, 4]);
        for (slice, expected) in [
            ((0, 1, 3, 1), vec![1, 2]),
            ((0, -2, i64::MAX, 1), vec![3, 4]),
            ((0, -1, i64::MIN, -1), vec![4, 3, 2, 1, 0]),
            ((0, -1, i64::MIN, -2), vec![4, 2, 0]),
            ((0, 3, 1, 1), vec![]),
        ] {
            assert_eq!(
                x.slice(&[slice]).unwrap(),
                ints(&[expected.len()], &expected),
                "{slice:?}"
            );
        }
        assert_eq!(x.slice(&[(0, 0, 1, 0)]), None);
    }

    #[test]
    fn transposition_and_concatenation() {
        let x = ints(&[2, 3], &[1, 2, 3, 4, 5, 6]);
        assert_eq!(x.transpose(&[1, 0]), ints(&[3, 2], &[1, 4, 2, 5, 3, 6]));
        let joined = HostTensor::concat(&[x.clone(), ints(&[2, 1], &[7, 8])], 1).unwrap();
        assert_eq!(joined, ints(&[2, 4], &[1, 2, 3, 7, 4, 5, 6, 8]));
        assert_eq!(
            HostTensor::concat(&[ints(&[], &[1]), ints(&[2], &[2, 3])], 0).unwrap(),
            ints(&[3], &[1, 2, 3])
        );
    }
}
