//! Picking parts of a value: by positions, and by ranges.

use onnx_ir::node::expand::{ExpandConfig, ExpandNode};
use onnx_ir::node::gather::GatherNode;
use onnx_ir::node::slice::{SliceInput, SliceNode};
use onnx_ir::node::split::{SplitNode, SplitSizesInput};

use crate::lower::host_tensor::{HostData, HostTensor, broadcast, element_count};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::layout::{resolve_axes, shape_of};
use crate::runtime::program::{IntegerOp, Movement, Op, Range};

/// Constants are expanded on the host to so many elements, and on the device beyond.
const EXPANDED_ON_HOST: usize = 1 << 16;

impl Lowerer {
    /// Rows of `data` along an axis: data [a, n, b], positions [p, q] -> [a, p, q, b].
    pub(crate) fn gather(&mut self, node: &GatherNode) -> Lowering<Value> {
        let axis = node.config.axis;
        let at = self.value(&node.inputs[1])?;
        let data = match &at {
            // Rows that are known are picked on the host.
            Value::Host(_) => self.value(&node.inputs[0])?,
            _ => self.shared_or_own(&node.inputs[0])?,
        };
        if let (Value::Host(data), Value::Host(at)) = (&data, &at) {
            return data
                .gathered(axis, at)
                .map(Value::Host)
                .ok_or_else(|| Unsupported::new(format!("an index outside of shape {:?}", data.shape)));
        }
        let shape = shape_of(&data).to_vec();
        let size = *shape
            .get(axis)
            .ok_or_else(|| Unsupported::new(format!("dimension {axis} of shape {shape:?}")))?;
        let positions = shape_of(&at).to_vec();
        let count: usize = positions.iter().product();
        let at = self.positions(at, vec![count], size)?;
        let mut flat = shape.clone();
        flat[axis] = count;
        let picked = self.moved_by(data, Movement::Select { axis }, &[&at], flat)?;
        let shape = [&shape[..axis], &positions, &shape[axis + 1..]].concat();
        Ok(self.reshaped(picked, shape))
    }

    /// Positions on the device in a shape of as many elements, of which negative ones count from the end of `size`.
    pub(crate) fn positions(&mut self, at: Value, shape: Vec<usize>, size: usize) -> Lowering<DeviceValue> {
        match at {
            Value::Host(host) => {
                let found = from_start(&host, size)?;
                let host = HostTensor {
                    shape,
                    data: HostData::I64(found),
                };
                self.integers(Value::Host(host))
            }
            at @ Value::Integers(_) => {
                let at = self.reshaped(at, shape);
                let at = self.integers(at)?;
                let op = Op::Integers(IntegerOp::FromEnd(size));
                Ok(self.computed(op, &[&at], at.shape.clone()))
            }
            Value::Device(_) | Value::Truths(_) => Err(Unsupported::new("positions that are no integers")),
        }
    }

    /// Parts of a value, one after the other along a dimension.
    pub(crate) fn split(&mut self, node: &SplitNode) -> Lowering<Vec<Value>> {
        let x = self.value(&node.inputs[0])?;
        let x = self.uploaded(x)?;
        let own = shape_of(&x).to_vec();
        let config = &node.config;
        let (axis, parts) = (config.axis, node.outputs.len());
        let outside = || Unsupported::new(format!("{parts} parts of dimension {axis} of shape {own:?}"));
        let size = *own.get(axis).ok_or_else(outside)?;
        let sizes: Vec<usize> = match &config.split_sizes {
            Some(SplitSizesInput::Static(sizes)) => sizes.clone(),
            Some(SplitSizesInput::Runtime(reference)) => self
                .host_integers(&node.inputs[reference.input_index])?
                .into_iter()
                .map(usize::try_from)
                .collect::<Result<_, _>>()
                .map_err(|_| outside())?,
            None => {
                // The last part is smaller where they do not divide the dimension.
                let each = config.split_size.unwrap_or(size.div_ceil(parts.max(1)));
                (0..parts)
                    .map(|part| size.saturating_sub(part * each).min(each))
                    .collect()
            }
        };
        if sizes.len() != parts || sizes.iter().sum::<usize>() != size {
            return Err(outside());
        }
        let mut start = 0;
        let mut values = Vec::with_capacity(parts);
        for length in sizes {
            let ranges = own.iter().enumerate().map(|(dimension, &size)| {
                let (start, end) = if dimension == axis {
                    (start, start + length)
                } else {
                    (0, size)
                };
                Range { start, end, step: 1 }
            });
            let ranges: Vec<Range> = ranges.collect();
            let shape = ranges.iter().map(Range::len).collect();
            values.push(self.moved(x.clone(), Movement::Slice(ranges), shape)?);
            start += length;
        }
        Ok(values)
    }

    /// A value repeated to a shape that it broadcasts to.
    pub(crate) fn expand(&mut self, node: &ExpandNode) -> Lowering<Value> {
        let x = self.value(&node.inputs[0])?;
        let wanted = match &node.config {
            ExpandConfig::Static(wanted) => wanted.clone(),
            ExpandConfig::Runtime(reference) => self.host_integers(&node.inputs[reference.input_index])?,
        };
        let refused = || Unsupported::new(format!("expanding shape {:?} to {wanted:?}", shape_of(&x)));
        let dims: Result<Vec<usize>, _> = wanted.iter().map(|&dim| usize::try_from(dim)).collect();
        let shape = broadcast(shape_of(&x), &dims.map_err(|_| refused())?).ok_or_else(refused)?;
        match x {
            // What shapes are computed from stays on the host.
            Value::Host(host) if element_count(&shape).is_some_and(|count| count <= EXPANDED_ON_HOST) => {
                Ok(Value::Host(host.expanded(&shape)))
            }
            x => self.spread(x, &shape),
        }
    }

    pub(crate) fn slice(&mut self, node: &SliceNode) -> Lowering<Value> {
        let value = self.value(&node.inputs[0])?;
        let numbers = |input: &SliceInput| match input {
            SliceInput::Static(values) => Ok(values.clone()),
            SliceInput::Runtime(reference) => self.host_integers(&node.inputs[reference.input_index]),
        };
        let starts = numbers(&node.config.starts)?;
        let ends = numbers(&node.config.ends)?;
        let count = i64::try_from(starts.len()).unwrap_or(i64::MAX);
        let axes = node
            .config
            .axes
            .as_ref()
            .map_or_else(|| Ok((0..count).collect()), &numbers)?;
        let steps = node
            .config
            .steps
            .as_ref()
            .map_or_else(|| Ok(vec![1; starts.len()]), &numbers)?;
        let axes = resolve_axes(&axes, shape_of(&value).len())?;
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
            return Err(Unsupported::new(format!(
                "{} starts, {} ends, {} axes and {} steps",
                starts.len(),
                ends.len(),
                axes.len(),
                steps.len()
            )));
        }
        let slices: Vec<_> = axes
            .into_iter()
            .zip(starts)
            .zip(ends)
            .zip(steps)
            .map(|(((axis, start), end), step)| (axis, start, end, step))
            .collect();
        match value {
            Value::Host(host) => host
                .sliced(&slices)
                .map(Value::Host)
                .ok_or_else(|| Unsupported::new("a step of 0")),
            mut x => {
                // Backwards from `start` to `end` is forwards in what was turned round.
                let mut slices = slices;
                for (axis, start, end, step) in &mut slices {
                    if *step < 0 {
                        let size = i64::try_from(shape_of(&x)[*axis]).unwrap_or(i64::MAX);
                        let turned = |at: i64, least: i64| {
                            let at = if at < 0 { at.saturating_add(size) } else { at };
                            size - 1 - at.min(size - 1).max(least)
                        };
                        (*start, *end, *step) = (turned(*start, 0), turned(*end, -1), step.saturating_neg());
                        let shape = shape_of(&x).to_vec();
                        x = self.moved(x, Movement::Flip(*axis), shape)?;
                    }
                }
                let ranges = ranges(shape_of(&x), &slices)?;
                let shape = ranges.iter().map(Range::len).collect();
                self.moved(x, Movement::Slice(ranges), shape)
            }
        }
    }

    /// So many positions of a dimension; constants stay on the host.
    pub(crate) fn part_of(&mut self, x: &Value, axis: usize, start: usize, length: usize) -> Lowering<Value> {
        let own = shape_of(x).to_vec();
        if own.get(axis).is_none_or(|&size| start + length > size) {
            return Err(Unsupported::new(format!("weights of shape {own:?}")));
        }
        let bound = |at: usize| i64::try_from(at).unwrap_or(i64::MAX);
        let slice = [(axis, bound(start), bound(start + length), 1)];
        match x {
            Value::Host(host) => host
                .sliced(&slice)
                .map(Value::Host)
                .ok_or_else(|| Unsupported::new(format!("weights of shape {own:?}"))),
            x => {
                let ranges = ranges(&own, &slice)?;
                let shape = ranges.iter().map(Range::len).collect();
                self.moved(x.clone(), Movement::Slice(ranges), shape)
            }
        }
    }

    /// So many positions of a dimension.
    pub(crate) fn part(&mut self, x: &DeviceValue, axis: usize, start: usize, length: usize) -> DeviceValue {
        let ranges = x
            .shape
            .iter()
            .enumerate()
            .map(|(dimension, &size)| match dimension == axis {
                true => (start, start + length),
                false => (0, size),
            });
        let ranges: Vec<Range> = ranges.map(|(start, end)| Range { start, end, step: 1 }).collect();
        let shape = ranges.iter().map(Range::len).collect();
        self.computed(Op::Move(Movement::Slice(ranges)), &[x], shape)
    }
}

/// Constant positions, of which negative ones count from the end of `size`.
pub(crate) fn from_start(at: &HostTensor, size: usize) -> Lowering<Vec<i64>> {
    let outside = || Unsupported::new(format!("a position outside of {size} elements"));
    let size = i64::try_from(size).map_err(|_| outside())?;
    at.as_integers()
        .ok_or_else(|| Unsupported::new("positions that are no integers"))?
        .into_iter()
        .map(|position| if position < 0 { position + size } else { position })
        .map(|position| Some(position).filter(|position| (0..size).contains(position)))
        .collect::<Option<Vec<i64>>>()
        .ok_or_else(outside)
}

/// ONNX's starts, ends and steps as a range per dimension.
pub(crate) fn ranges(shape: &[usize], slices: &[(usize, i64, i64, i64)]) -> Lowering<Vec<Range>> {
    let mut ranges: Vec<Range> = shape
        .iter()
        .map(|&size| Range {
            start: 0,
            end: size,
            step: 1,
        })
        .collect();
    for &(axis, start, end, step) in slices {
        let size = i64::try_from(shape[axis]).unwrap_or(i64::MAX);
        let step = usize::try_from(step)
            .ok()
            .filter(|&step| step > 0)
            .ok_or_else(|| Unsupported::new(format!("a step of {step} while the model runs")))?;
        // Bounds of 0 and `size` fit.
        let bound = |at: i64| {
            let at = if at < 0 { at.saturating_add(size) } else { at };
            usize::try_from(at.clamp(0, size)).unwrap_or(0)
        };
        let start = bound(start);
        ranges[axis] = Range {
            start,
            end: bound(end).max(start),
            step,
        };
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_follow_onnx() {
        for (slice, expected) in [
            ((0, 1, 3, 1), (1, 3, 1)),
            ((0, -2, i64::MAX, 1), (3, 5, 1)),
            ((0, 0, -1, 2), (0, 4, 2)),
            ((0, 4, 2, 1), (4, 4, 1)),
            ((0, i64::MIN, 9, 1), (0, 5, 1)),
        ] {
            let range = &ranges(&[5], &[slice]).unwrap()[0];
            assert_eq!((range.start, range.end, range.step), expected, "{slice:?}");
        }
        assert!(ranges(&[5], &[(0, 4, 0, -1)]).is_err());
        let odd = Range {
            start: 0,
            end: 4,
            step: 3,
        };
        assert_eq!(odd.len(), 2);
    }
}
