//! Elements picked and replaced one by one, by their positions.
//!
//! Positions that are constants become one selection from the flat elements: exact, the same on every device, and without
//! the races of elements that several updates go to.

use burn_tensor::DType as Onnx;
use onnx_ir::Argument;
use onnx_ir::node::gather_elements::GatherElementsNode;
use onnx_ir::node::gathernd::GatherNDNode;

use crate::lower::element_types::element_type;
use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{Lowerer, Lowering, Unsupported, Value};
use crate::ops::elementwise::Binary;
use crate::ops::index::from_start;
use crate::ops::integers::are_integers;
use crate::ops::layout::shape_of;
use crate::ops::logical::{GREATER, LESS};
use crate::runtime::program::{Movement, Op};

/// What becomes of an element that updates go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Update {
    Replace,
    Add,
    Multiply,
    Max,
    Min,
}

impl Lowerer {
    /// data [a, n, b], positions [c, p, d] -> [c, p, d], where the other dimensions are those of a position itself.
    pub(crate) fn gather_elements(&mut self, node: &GatherElementsNode) -> Lowering<Value> {
        let (data, at) = (self.value(&node.inputs[0])?, self.value(&node.inputs[1])?);
        let (own, shape, axis) = (shape_of(&data).to_vec(), shape_of(&at).to_vec(), node.config.axis);
        if own.len() != shape.len() || axis >= own.len() {
            return Err(Unsupported::new(format!("positions of shape {shape:?} in {own:?}")));
        }
        match at {
            Value::Host(at) => {
                let places = element_places(&own, &at, axis)?;
                self.selected(data, &places, shape)
            }
            at => {
                // burn picks along the dimension from data of the positions' own shape.
                if (0..own.len()).any(|d| d != axis && own[d] != shape[d]) {
                    return Err(Unsupported::new(format!(
                        "computed positions of shape {shape:?} in {own:?}"
                    )));
                }
                let at = self.positions(at, shape.clone(), own[axis])?;
                self.moved_by(data, Movement::Gather { axis }, &[&at], shape)
            }
        }
    }

    /// data [b.., n.., rest..], positions [b.., p.., k] -> [b.., p.., rest after k dimensions].
    pub(crate) fn gather_nd(&mut self, node: &GatherNDNode) -> Lowering<Value> {
        let data = self.value(&node.inputs[0])?;
        let at = self.host(&node.inputs[1])?;
        let (own, batch) = (shape_of(&data).to_vec(), node.config.batch_dims);
        let refused = || Unsupported::new(format!("positions of shape {:?} in {own:?}", at.shape));
        let (&count, rows) = at.shape.split_last().ok_or_else(refused)?;
        if batch + count > own.len() || rows.len() < batch || rows[..batch] != own[..batch] {
            return Err(refused());
        }
        let rest: usize = own[batch + count..].iter().product();
        let per_batch: usize = rows[batch..].iter().product();
        let firsts = tuple_places(&own[batch..], &at, count)?;
        let in_batch: usize = own[batch..].iter().product();
        let firsts = firsts.iter().enumerate();
        let firsts = firsts.map(|(row, first)| row / per_batch.max(1) * in_batch + first);
        let places: Vec<usize> = firsts.flat_map(|first| first..first + rest).collect();
        let shape = [rows, &own[batch + count..]].concat();
        self.selected(data, &places, shape)
    }

    /// data [a, n, b] with updates [c, p, d] at positions [c, p, d] of a dimension.
    pub(crate) fn scatter_elements(&mut self, inputs: &[Argument], axis: usize, update: Update) -> Lowering<Value> {
        let data = self.value(&inputs[0])?;
        let at = self.host(&inputs[1])?;
        let own = shape_of(&data).to_vec();
        if own.len() != at.shape.len() || axis >= own.len() {
            return Err(Unsupported::new(format!(
                "positions of shape {:?} in {own:?}",
                at.shape
            )));
        }
        let places = element_places(&own, &at, axis)?;
        let updates = self.value(&inputs[2])?;
        self.updated(data, &places, updates, update, element_type(&inputs[0]))
    }

    /// data [n.., rest..] with updates [p.., rest..] at positions [p.., k] of its first k dimensions.
    pub(crate) fn scatter_nd(&mut self, inputs: &[Argument], update: Update) -> Lowering<Value> {
        let data = self.value(&inputs[0])?;
        let at = self.host(&inputs[1])?;
        let own = shape_of(&data).to_vec();
        let refused = || Unsupported::new(format!("positions of shape {:?} in {own:?}", at.shape));
        let &count = at
            .shape
            .last()
            .filter(|&&count| count <= own.len())
            .ok_or_else(refused)?;
        let rest: usize = own[count..].iter().product();
        let firsts = tuple_places(&own, &at, count)?;
        let places: Vec<usize> = firsts.into_iter().flat_map(|first| first..first + rest).collect();
        let updates = self.value(&inputs[2])?;
        self.updated(data, &places, updates, update, element_type(&inputs[0]))
    }

    /// Elements of the flat data.
    fn selected(&mut self, data: Value, places: &[usize], shape: Vec<usize>) -> Lowering<Value> {
        let count = shape_of(&data).iter().product();
        let flat = self.uploaded(data)?;
        let flat = self.reshaped(flat, vec![count]);
        let at = self.integers(Value::Host(HostTensor::from_dims(places.iter().copied())))?;
        let picked = self.moved_by(flat, Movement::Select { axis: 0 }, &[&at], vec![places.len()])?;
        Ok(self.reshaped(picked, shape))
    }

    /// The data with updates at places of its flat elements, one layer after the other where several go to one place.
    fn updated(
        &mut self,
        data: Value,
        places: &[usize],
        updates: Value,
        update: Update,
        dtype: Onnx,
    ) -> Lowering<Value> {
        let shape = shape_of(&data).to_vec();
        let (count, update_count): (usize, usize) = (shape.iter().product(), shape_of(&updates).iter().product());
        if update_count != places.len() {
            return Err(Unsupported::new(format!(
                "updates of shape {:?} for {} places",
                shape_of(&updates),
                places.len()
            )));
        }
        if are_integers(&data) != are_integers(&updates) {
            return Err(Unsupported::new("updates of another type"));
        }
        let data = self.uploaded(data)?;
        let mut flat = self.reshaped(data, vec![count]);
        let updates = self.uploaded(updates)?;
        let updates = self.reshaped(updates, vec![update_count]);
        for layer in layers(places, count, update) {
            let sources: Vec<usize> = (0..count)
                .map(|place| layer[place].map_or(place, |from| count + from))
                .collect();
            let (Value::Device(more) | Value::Truths(more) | Value::Integers(more)) = &updates else {
                unreachable!("it was uploaded")
            };
            let both = vec![count + update_count];
            let joined = self.moved_by(flat.clone(), Movement::Concat { axis: 0 }, &[more], both)?;
            let moved = self.selected(joined, &sources, vec![count])?;
            if update == Update::Replace {
                flat = moved;
                continue;
            }
            let combined = self.by_update(update, flat.clone(), moved, dtype)?;
            // Where no update goes, an element would meet itself.
            let touched = HostTensor {
                shape: vec![count],
                data: HostData::Bool(layer.iter().map(Option::is_some).collect()),
            };
            flat = self.choose_value(Value::Host(touched), combined, flat)?;
        }
        Ok(self.reshaped(flat, shape))
    }

    fn by_update(&mut self, update: Update, a: Value, b: Value, dtype: Onnx) -> Lowering<Value> {
        let kind = match update {
            Update::Replace => return Ok(b),
            Update::Max => return self.preferred(&GREATER, a, b),
            Update::Min => return self.preferred(&LESS, a, b),
            Update::Add => Binary::Add,
            Update::Multiply => Binary::Mul,
        };
        if are_integers(&a) {
            return self.binary_of_integers(kind, [a, b], dtype);
        }
        let (a, b) = (self.device(a)?, self.device(b)?);
        let op = if kind == Binary::Add { Op::Add } else { Op::Mul };
        Ok(Value::Device(self.both(op, &a, &b)))
    }
}

/// For each layer, which update goes to each element, if any. Of replacements the last counts, of others all.
fn layers(places: &[usize], count: usize, update: Update) -> Vec<Vec<Option<usize>>> {
    let mut layers: Vec<Vec<Option<usize>>> = vec![];
    let mut used = vec![0; count];
    for (from, &place) in places.iter().enumerate() {
        let layer = if update == Update::Replace { 0 } else { used[place] };
        if layer == layers.len() {
            layers.push(vec![None; count]);
        }
        layers[layer][place] = Some(from);
        used[place] += 1;
    }
    layers
}

/// Where in the flat data each position along a dimension points to.
fn element_places(own: &[usize], at: &HostTensor, axis: usize) -> Lowering<Vec<usize>> {
    let wider = (0..own.len()).any(|d| d != axis && at.shape[d] > own[d]);
    if wider {
        return Err(Unsupported::new(format!(
            "positions of shape {:?} in {own:?}",
            at.shape
        )));
    }
    let along = from_start(at, own[axis])?;
    let places = along.iter().enumerate().map(|(flat, &position)| {
        let (mut rest, mut stride, mut place) = (flat, 1, 0);
        for d in (0..own.len()).rev() {
            let index = rest % at.shape[d];
            rest /= at.shape[d];
            let index = if d == axis {
                usize::try_from(position).unwrap_or(0)
            } else {
                index
            };
            place += index * stride;
            stride *= own[d];
        }
        place
    });
    Ok(places.collect())
}

/// The first flat element that each tuple of `count` positions points to.
fn tuple_places(own: &[usize], at: &HostTensor, count: usize) -> Lowering<Vec<usize>> {
    let outside = || Unsupported::new(format!("a position outside of shape {own:?}"));
    let numbers = at
        .as_integers()
        .ok_or_else(|| Unsupported::new("positions that are no integers"))?;
    let strides: Vec<usize> = (0..count).map(|d| own[d + 1..].iter().product()).collect();
    let rows: usize = at.shape[..at.shape.len() - 1].iter().product();
    let place = |row: usize| {
        (0..count)
            .map(|d| {
                let size = i64::try_from(own[d]).ok()?;
                let position = numbers[row * count + d];
                let position = if position < 0 { position + size } else { position };
                let position = usize::try_from(position).ok().filter(|_| position < size)?;
                Some(position * strides[d])
            })
            .sum::<Option<usize>>()
            .ok_or_else(outside)
    };
    (0..rows).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(shape: &[usize], values: &[i64]) -> HostTensor {
        HostTensor {
            shape: shape.to_vec(),
            data: HostData::I64(values.to_vec()),
        }
    }

    #[test]
    fn places_are_those_of_the_flat_elements() {
        let along_rows = element_places(&[2, 3], &at(&[1, 3], &[1, 0, -1]), 0).unwrap();
        assert_eq!(along_rows, [3, 1, 5]);
        let along_columns = element_places(&[2, 3], &at(&[2, 2], &[0, 2, -3, 1]), 1).unwrap();
        assert_eq!(along_columns, [0, 2, 3, 4]);
        assert!(element_places(&[2, 3], &at(&[1, 3], &[2, 0, 0]), 0).is_err());
        assert_eq!(
            tuple_places(&[2, 3, 4], &at(&[2, 2], &[1, 2, 0, -1]), 2).unwrap(),
            [20, 8]
        );
        assert!(tuple_places(&[2, 3], &at(&[1, 1], &[2]), 1).is_err());
    }

    #[test]
    fn the_last_replacement_counts_and_all_sums_do() {
        assert_eq!(layers(&[1, 1], 3, Update::Replace), [[None, Some(1), None]]);
        let sums = layers(&[1, 1, 0], 2, Update::Add);
        assert_eq!(sums, [[Some(2), Some(0)], [None, Some(1)]]);
    }
}
