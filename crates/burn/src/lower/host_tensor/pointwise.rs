//! Element-wise arithmetic on host tensors.

use std::cmp::Ordering;

use super::broadcast::{broadcast, broadcast_positions};
use super::tensor::{HostData, HostTensor, computable};

impl HostTensor {
    /// Combines floats or integers with broadcasting. `None` if types or shapes do not fit, the
    /// result is too large, or an integer operation has no result.
    pub(crate) fn zip_numbers(
        &self,
        other: &HostTensor,
        floats: impl Fn(f32, f32) -> f32,
        integers: impl Fn(i64, i64) -> Option<i64>,
    ) -> Option<Self> {
        let shape = computable(broadcast(&self.shape, &other.shape)?)?;
        let (a, b) = (
            broadcast_positions(&self.shape, &shape),
            broadcast_positions(&other.shape, &shape),
        );
        let pairs = a.into_iter().zip(b);
        let data = match (&self.data, &other.data) {
            (HostData::F32(x), HostData::F32(y)) => HostData::F32(pairs.map(|(i, j)| floats(x[i], y[j])).collect()),
            (HostData::I64(x), HostData::I64(y)) => {
                HostData::I64(pairs.map(|(i, j)| integers(x[i], y[j])).collect::<Option<_>>()?)
            }
            _ => return None,
        };
        Some(Self { shape, data })
    }

    /// Maps floats. `None` for other types.
    pub(crate) fn map_floats(&self, floats: impl Fn(f32) -> f32) -> Option<Self> {
        self.map_numbers(floats, |_| None)
    }

    /// Maps floats or integers. `None` for booleans, or if an integer operation has no result.
    pub(crate) fn map_numbers(
        &self,
        floats: impl Fn(f32) -> f32,
        integers: impl Fn(i64) -> Option<i64>,
    ) -> Option<Self> {
        let data = match &self.data {
            HostData::F32(values) => HostData::F32(values.iter().map(|&value| floats(value)).collect()),
            HostData::I64(values) => HostData::I64(values.iter().map(|&value| integers(value)).collect::<Option<_>>()?),
            HostData::Bool(_) => return None,
        };
        Some(Self {
            shape: self.shape.clone(),
            data,
        })
    }

    /// Combines booleans with broadcasting. `None` for other types, or if shapes do not fit.
    pub(crate) fn zip_bools(&self, other: &HostTensor, combine: impl Fn(bool, bool) -> bool) -> Option<Self> {
        let shape = computable(broadcast(&self.shape, &other.shape)?)?;
        let pairs = broadcast_positions(&self.shape, &shape)
            .into_iter()
            .zip(broadcast_positions(&other.shape, &shape));
        let (HostData::Bool(x), HostData::Bool(y)) = (&self.data, &other.data) else {
            return None;
        };
        let data = HostData::Bool(pairs.map(|(i, j)| combine(x[i], y[j])).collect());
        Some(Self { shape, data })
    }

    /// Reduces a dimension, which stays with length 1. `None` for booleans, for an empty dimension,
    /// or if an integer operation has no result.
    pub(crate) fn reduce(
        &self,
        axis: usize,
        floats: impl Fn(f32, f32) -> f32,
        integers: impl Fn(i64, i64) -> Option<i64>,
    ) -> Option<Self> {
        let size = *self.shape.get(axis).filter(|&&size| size > 0)?;
        let inner: usize = self.shape[axis + 1..].iter().product();
        let outer: usize = self.shape[..axis].iter().product();
        let firsts = (0..outer).flat_map(|o| (0..inner).map(move |i| o * size * inner + i));
        // All positions along the dimension but the first.
        let rest = |first: usize| (1..size).map(move |k| first + k * inner);
        let data = match &self.data {
            HostData::F32(values) => {
                let line = |first: usize| rest(first).fold(values[first], |so_far, at| floats(so_far, values[at]));
                HostData::F32(firsts.map(line).collect())
            }
            HostData::I64(values) => {
                let line =
                    |first: usize| rest(first).try_fold(values[first], |so_far, at| integers(so_far, values[at]));
                HostData::I64(firsts.map(line).collect::<Option<_>>()?)
            }
            HostData::Bool(_) => return None,
        };
        let mut shape = self.shape.clone();
        shape[axis] = 1;
        Some(Self { shape, data })
    }

    /// True where the order of two elements satisfies `holds`, which is never so for NaN. `None` if
    /// types or shapes do not fit.
    pub(crate) fn compare(&self, other: &HostTensor, holds: impl Fn(Ordering) -> bool) -> Option<Self> {
        let shape = computable(broadcast(&self.shape, &other.shape)?)?;
        let a = broadcast_positions(&self.shape, &shape);
        let pairs = a.into_iter().zip(broadcast_positions(&other.shape, &shape));
        let holds = |order: Option<Ordering>| order.is_some_and(&holds);
        let bools = match (&self.data, &other.data) {
            (HostData::F32(x), HostData::F32(y)) => pairs.map(|(i, j)| holds(x[i].partial_cmp(&y[j]))).collect(),
            (HostData::I64(x), HostData::I64(y)) => pairs.map(|(i, j)| holds(Some(x[i].cmp(&y[j])))).collect(),
            (HostData::Bool(x), HostData::Bool(y)) => pairs.map(|(i, j)| holds(Some(x[i].cmp(&y[j])))).collect(),
            _ => return None,
        };
        Some(Self {
            shape,
            data: HostData::Bool(bools),
        })
    }

    /// Elements of `a` where this tensor is true, of `b` elsewhere. `None` if types or shapes do
    /// not fit.
    pub(crate) fn where_(&self, a: &HostTensor, b: &HostTensor) -> Option<Self> {
        let HostData::Bool(conditions) = &self.data else {
            return None;
        };
        let shape = computable(broadcast(&broadcast(&self.shape, &a.shape)?, &b.shape)?)?;
        let positions = [self, a, b].map(|tensor| broadcast_positions(&tensor.shape, &shape));
        macro_rules! pick {
            ($variant:ident, $x:ident, $y:ident) => {
                HostData::$variant(
                    positions[0]
                        .iter()
                        .zip(&positions[1])
                        .zip(&positions[2])
                        .map(|((&c, &i), &j)| if conditions[c] { $x[i] } else { $y[j] })
                        .collect(),
                )
            };
        }
        let data = match (&a.data, &b.data) {
            (HostData::F32(x), HostData::F32(y)) => pick!(F32, x, y),
            (HostData::I64(x), HostData::I64(y)) => pick!(I64, x, y),
            (HostData::Bool(x), HostData::Bool(y)) => pick!(Bool, x, y),
            _ => return None,
        };
        Some(Self { shape, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_combined_with_broadcasting() {
        let ints = |shape: &[usize], values: &[i64]| HostTensor {
            shape: shape.to_vec(),
            data: HostData::I64(values.to_vec()),
        };
        let sum = ints(&[2, 1], &[10, 20])
            .zip_numbers(&ints(&[2], &[1, 2]), |a, b| a + b, i64::checked_add)
            .unwrap();
        assert_eq!(sum, ints(&[2, 2], &[11, 12, 21, 22]));
    }
}
