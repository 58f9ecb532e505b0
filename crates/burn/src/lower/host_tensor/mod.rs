//! Values on the host: weights until they are uploaded, and the arithmetic of shapes.

mod pointwise;

use burn_tensor::{DType, TensorData};

use crate::lower::Unsupported;

/// Constants of more elements, which a file can ask for in a few bytes, are refused.
pub(crate) const MOST_ELEMENTS: usize = 1 << 28;

/// Number of elements; `None` beyond what a constant may have.
pub(crate) fn element_count(shape: &[usize]) -> Option<usize> {
    let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size))?;
    Some(count).filter(|&count| count <= MOST_ELEMENTS)
}

/// A value on the host, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HostTensor {
    /// Dimensions, outermost first; empty for a scalar.
    pub(crate) shape: Vec<usize>,
    pub(crate) data: HostData,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum HostData {
    F32(Vec<f32>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
}

/// Runs an expression with `$values` bound to the vector, and wraps the vector that it gives in the same variant.
macro_rules! map_data {
    ($data:expr, $values:ident => $body:expr) => {
        match $data {
            HostData::F32($values) => HostData::F32($body),
            HostData::I64($values) => HostData::I64($body),
            HostData::Bool($values) => HostData::Bool($body),
        }
    };
}

impl HostData {
    /// No elements of a type.
    pub(crate) fn of_none(dtype: tare_record::DType) -> Self {
        use tare_record::DType as Kind;
        match dtype {
            Kind::F16 | Kind::F32 | Kind::F64 => Self::F32(vec![]),
            Kind::I8 | Kind::I32 | Kind::I64 | Kind::U8 => Self::I64(vec![]),
            Kind::Bool => Self::Bool(vec![]),
        }
    }
}

impl HostTensor {
    /// From burn's own host tensor, whose memory it takes over where it can: weights are large. Integers of all widths become
    /// `i64`.
    pub(crate) fn from_burn(data: TensorData) -> Result<Self, Unsupported> {
        fn wide<T: burn_tensor::Element + Into<i64>>(data: &TensorData) -> Option<Vec<i64>> {
            data.as_slice::<T>()
                .ok()
                .map(|values| values.iter().map(|&value| value.into()).collect())
        }
        let (shape, dtype) = (data.shape().iter().copied().collect(), data.dtype());
        let values = match dtype {
            DType::F32 => data.try_into_vec::<f32>().ok().map(HostData::F32),
            DType::F16 => data
                .as_slice::<half::f16>()
                .ok()
                .map(|values| HostData::F32(values.iter().map(|value| value.to_f32()).collect())),
            DType::I64 => data.try_into_vec::<i64>().ok().map(HostData::I64),
            DType::I32 => wide::<i32>(&data).map(HostData::I64),
            DType::I16 => wide::<i16>(&data).map(HostData::I64),
            DType::I8 => wide::<i8>(&data).map(HostData::I64),
            DType::U8 => wide::<u8>(&data).map(HostData::I64),
            DType::Bool(_) => data
                .as_slice::<bool>()
                .ok()
                .map(|values| HostData::Bool(values.to_vec())),
            _ => None,
        };
        let data = values.ok_or_else(|| Unsupported::new(format!("constants of type {dtype:?}")))?;
        Ok(Self { shape, data })
    }

    /// One dimension of integers.
    pub(crate) fn from_dims(dims: impl IntoIterator<Item = usize>) -> Self {
        // A dimension that a tensor can have fits an i64.
        let values: Vec<i64> = dims
            .into_iter()
            .map(|dim| i64::try_from(dim).unwrap_or(i64::MAX))
            .collect();
        Self {
            shape: vec![values.len()],
            data: HostData::I64(values),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match &self.data {
            HostData::F32(values) => values.len(),
            HostData::I64(values) => values.len(),
            HostData::Bool(values) => values.len(),
        }
    }

    /// The elements as integers; `None` for floats that are not whole.
    pub(crate) fn as_integers(&self) -> Option<Vec<i64>> {
        match &self.data {
            HostData::I64(values) => Some(values.clone()),
            HostData::Bool(values) => Some(values.iter().map(|&value| i64::from(value)).collect()),
            HostData::F32(_) => None,
        }
    }

    pub(crate) fn as_floats(&self) -> Option<&[f32]> {
        match &self.data {
            HostData::F32(values) => Some(values),
            _ => None,
        }
    }

    /// The only element as `f64`.
    pub(crate) fn as_scalar(&self) -> Option<f64> {
        if self.len() != 1 {
            return None;
        }
        match &self.data {
            HostData::F32(values) => values.first().map(|&value| f64::from(value)),
            HostData::I64(values) => values.first().map(|&value| value as f64),
            HostData::Bool(values) => values.first().map(|&value| f64::from(u8::from(value))),
        }
    }

    pub(crate) fn reshaped(mut self, shape: Vec<usize>) -> Self {
        self.shape = shape;
        self
    }

    /// Picks elements by their positions in the flat data.
    fn picked(&self, shape: Vec<usize>, positions: &[usize]) -> Self {
        Self {
            shape,
            data: map_data!(&self.data, values => positions.iter().map(|&p| values[p]).collect()),
        }
    }

    /// Reorders the dimensions: dimension `i` of the result is dimension `axes[i]`.
    pub(crate) fn transposed(&self, axes: &[usize]) -> Self {
        let strides = strides(&self.shape);
        let shape: Vec<usize> = axes.iter().map(|&axis| self.shape[axis]).collect();
        let positions: Vec<usize> = indices(&shape)
            .map(|index| index.iter().zip(axes).map(|(&i, &axis)| i * strides[axis]).sum())
            .collect();
        self.picked(shape, &positions)
    }

    /// ONNX Gather: replaces dimension `axis` by the shape of `indices`.
    pub(crate) fn gathered(&self, axis: usize, at: &HostTensor) -> Option<Self> {
        let size = *self.shape.get(axis)?;
        let wanted: Vec<usize> = at
            .as_integers()?
            .into_iter()
            .map(|i| {
                usize::try_from(if i < 0 { i + i64::try_from(size).ok()? } else { i })
                    .ok()
                    .filter(|&i| i < size)
            })
            .collect::<Option<_>>()?;
        let inner: usize = self.shape[axis + 1..].iter().product();
        let outer: usize = self.shape[..axis].iter().product();
        let mut positions = Vec::with_capacity(outer * wanted.len() * inner);
        for o in 0..outer {
            for &w in &wanted {
                positions.extend((0..inner).map(|i| (o * size + w) * inner + i));
            }
        }
        let shape = [&self.shape[..axis], &at.shape, &self.shape[axis + 1..]].concat();
        Some(self.picked(shape, &positions))
    }

    /// ONNX Slice with one `(axis, start, end, step)` per sliced axis; starts and ends as ONNX gives them.
    pub(crate) fn sliced(&self, slices: &[(usize, i64, i64, i64)]) -> Option<Self> {
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
        Some(self.picked(shape, &positions))
    }

    /// Joins along `axis`; scalars count as one-dimensional.
    pub(crate) fn concatenated(parts: &[HostTensor], axis: usize) -> Option<Self> {
        let lift = |part: &HostTensor| {
            if part.shape.is_empty() {
                part.clone().reshaped(vec![1])
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
            .sum::<Option<usize>>()?;
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

    /// Repeats elements until the shape is `shape`, which this shape broadcasts to.
    pub(crate) fn expanded(&self, shape: &[usize]) -> Self {
        self.picked(shape.to_vec(), &broadcast_positions(&self.shape, shape))
    }
}

/// The shape that two shapes broadcast to (ONNX: multidirectional, aligned at the last dimension).
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let dim = |shape: &[usize], i: usize| (i + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
    (0..rank)
        .map(|i| match (dim(a, i), dim(b, i)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

fn broadcast_positions(from: &[usize], to: &[usize]) -> Vec<usize> {
    let strides = strides(from);
    let skip = to.len() - from.len();
    indices(to)
        .map(|index| {
            from.iter()
                .enumerate()
                .map(|(d, &dim)| if dim == 1 { 0 } else { index[d + skip] * strides[d] })
                .sum()
        })
        .collect()
}

fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for d in (1..shape.len()).rev() {
        strides[d - 1] = strides[d] * shape[d];
    }
    strides
}

/// All indices of a shape in row-major order.
fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    let count: usize = shape.iter().product();
    let strides = strides(shape);
    (0..count).map(move |flat| {
        shape
            .iter()
            .zip(&strides)
            .map(|(&dim, &stride)| flat / stride % dim)
            .collect()
    })
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
            x.gathered(0, &ints(&[2], &[2, -3])).unwrap(),
            ints(&[2, 2], &[5, 6, 1, 2])
        );
        assert_eq!(x.gathered(1, &ints(&[], &[1])).unwrap(), ints(&[3], &[2, 4, 6]));
        assert_eq!(x.gathered(0, &ints(&[1], &[3])), None);
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
                x.sliced(&[slice]).unwrap(),
                ints(&[expected.len()], &expected),
                "{slice:?}"
            );
        }
        assert_eq!(x.sliced(&[(0, 0, 1, 0)]), None);
    }

    #[test]
    fn transposition_and_concatenation() {
        let x = ints(&[2, 3], &[1, 2, 3, 4, 5, 6]);
        assert_eq!(x.transposed(&[1, 0]), ints(&[3, 2], &[1, 4, 2, 5, 3, 6]));
        let joined = HostTensor::concatenated(&[x.clone(), ints(&[2, 1], &[7, 8])], 1).unwrap();
        assert_eq!(joined, ints(&[2, 4], &[1, 2, 3, 7, 4, 5, 6, 8]));
        assert_eq!(
            HostTensor::concatenated(&[ints(&[], &[1]), ints(&[2], &[2, 3])], 0).unwrap(),
            ints(&[3], &[1, 2, 3])
        );
    }

    #[test]
    fn shapes_broadcast_from_the_right() {
        assert_eq!(broadcast(&[2, 1], &[3]), Some(vec![2, 3]));
        assert_eq!(broadcast(&[], &[4]), Some(vec![4]));
        assert_eq!(broadcast(&[2], &[3]), None);
        let sum = ints(&[2, 1], &[10, 20])
            .zipped(&ints(&[2], &[1, 2]), |a, b| a + b, i64::checked_add)
            .unwrap();
        assert_eq!(sum, ints(&[2, 2], &[11, 12, 21, 22]));
    }
}
