//! Constants computed with element by element.

use std::cmp::Ordering;

use super::{HostData, HostTensor, broadcast, broadcast_positions};

impl HostTensor {
    /// Element by element with broadcasting. `None` if types or shapes do not fit, or an integer operation has no result.
    pub(crate) fn zipped(
        &self,
        other: &HostTensor,
        floats: impl Fn(f32, f32) -> f32,
        integers: impl Fn(i64, i64) -> Option<i64>,
    ) -> Option<Self> {
        let shape = broadcast(&self.shape, &other.shape)?;
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

    /// Floats, element by element. `None` for other types.
    pub(crate) fn mapped(&self, floats: impl Fn(f32) -> f32) -> Option<Self> {
        self.mapped_any(floats, |_| None)
    }

    /// Floats or integers, element by element. `None` for truth values, or if an integer operation has no result.
    pub(crate) fn mapped_any(
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

    /// Truth values, element by element with broadcasting. `None` for other types, or if shapes do not fit.
    pub(crate) fn combined(&self, other: &HostTensor, truths: impl Fn(bool, bool) -> bool) -> Option<Self> {
        let shape = broadcast(&self.shape, &other.shape)?;
        let pairs = broadcast_positions(&self.shape, &shape)
            .into_iter()
            .zip(broadcast_positions(&other.shape, &shape));
        let (HostData::Bool(x), HostData::Bool(y)) = (&self.data, &other.data) else {
            return None;
        };
        let data = HostData::Bool(pairs.map(|(i, j)| truths(x[i], y[j])).collect());
        Some(Self { shape, data })
    }

    /// All elements along a dimension made one, which is kept with length 1. `None` for truth values, no elements, or if an integer
    /// operation has no result.
    pub(crate) fn reduced(
        &self,
        axis: usize,
        floats: impl Fn(f32, f32) -> f32,
        integers: impl Fn(i64, i64) -> Option<i64>,
    ) -> Option<Self> {
        let size = *self.shape.get(axis).filter(|&&size| size > 0)?;
        let inner: usize = self.shape[axis + 1..].iter().product();
        let outer: usize = self.shape[..axis].iter().product();
        let firsts = (0..outer).flat_map(|o| (0..inner).map(move |i| o * size * inner + i));
        // Positions of a line but its first.
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

    /// Whether each pair of elements is in an order that `holds`; a NaN is in none. `None` if types or shapes do not fit.
    pub(crate) fn compared(&self, other: &HostTensor, holds: impl Fn(Ordering) -> bool) -> Option<Self> {
        let shape = broadcast(&self.shape, &other.shape)?;
        let a = broadcast_positions(&self.shape, &shape);
        let pairs = a.into_iter().zip(broadcast_positions(&other.shape, &shape));
        let holds = |order: Option<Ordering>| order.is_some_and(&holds);
        let truths = match (&self.data, &other.data) {
            (HostData::F32(x), HostData::F32(y)) => pairs.map(|(i, j)| holds(x[i].partial_cmp(&y[j]))).collect(),
            (HostData::I64(x), HostData::I64(y)) => pairs.map(|(i, j)| holds(Some(x[i].cmp(&y[j])))).collect(),
            (HostData::Bool(x), HostData::Bool(y)) => pairs.map(|(i, j)| holds(Some(x[i].cmp(&y[j])))).collect(),
            _ => return None,
        };
        Some(Self {
            shape,
            data: HostData::Bool(truths),
        })
    }

    /// Elements of `a` where this is true, of `b` elsewhere. `None` if types or shapes do not fit.
    pub(crate) fn chosen(&self, a: &HostTensor, b: &HostTensor) -> Option<Self> {
        let HostData::Bool(truths) = &self.data else {
            return None;
        };
        let shape = broadcast(&broadcast(&self.shape, &a.shape)?, &b.shape)?;
        let places = [self, a, b].map(|tensor| broadcast_positions(&tensor.shape, &shape));
        macro_rules! choose {
            ($variant:ident, $x:ident, $y:ident) => {
                HostData::$variant(
                    places[0]
                        .iter()
                        .zip(&places[1])
                        .zip(&places[2])
                        .map(|((&t, &i), &j)| if truths[t] { $x[i] } else { $y[j] })
                        .collect(),
                )
            };
        }
        let data = match (&a.data, &b.data) {
            (HostData::F32(x), HostData::F32(y)) => choose!(F32, x, y),
            (HostData::I64(x), HostData::I64(y)) => choose!(I64, x, y),
            (HostData::Bool(x), HostData::Bool(y)) => choose!(Bool, x, y),
            _ => return None,
        };
        Some(Self { shape, data })
    }
}
