//! Ranges of dimensions.

use crate::lower::lowerer::Lowerer;
use crate::lower::unsupported::{Lowering, Unsupported};
use crate::lower::value::{DeviceValue, Value};
use crate::runtime::program::{Movement, Op, Range};

impl Lowerer {
    /// `length` elements of a dimension from `start` on. Constants stay on the host.
    pub(crate) fn narrow_value(&mut self, x: &Value, axis: usize, start: usize, length: usize) -> Lowering<Value> {
        let own = x.shape().to_vec();
        if own.get(axis).is_none_or(|&size| start + length > size) {
            return Err(Unsupported::new(format!("weights of shape {own:?}")));
        }
        let bound = |at: usize| i64::try_from(at).unwrap_or(i64::MAX);
        let slice = [(axis, bound(start), bound(start + length), 1)];
        match x {
            Value::Host(host) => host
                .slice(&slice)
                .map(Value::Host)
                .ok_or_else(|| Unsupported::new(format!("weights of shape {own:?}"))),
            x => {
                let ranges = slice_ranges(&own, &slice)?;
                let shape = ranges.iter().map(Range::len).collect();
                self.move_value(x.clone(), Movement::Slice(ranges), shape)
            }
        }
    }

    /// `length` elements of a dimension from `start` on, which must exist.
    pub(crate) fn narrow(&mut self, x: &DeviceValue, axis: usize, start: usize, length: usize) -> DeviceValue {
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
        self.emit(Op::Move(Movement::Slice(ranges)), &[x], shape)
    }
}

/// One range for each dimension, from ONNX's `(axis, start, end, step)` for the sliced ones.
pub(crate) fn slice_ranges(shape: &[usize], slices: &[(usize, i64, i64, i64)]) -> Lowering<Vec<Range>> {
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
            .ok_or_else(|| Unsupported::new(format!("a step of {step} at run time")))?;
        // Bounds between 0 and `size` fit.
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
            let range = &slice_ranges(&[5], &[slice]).unwrap()[0];
            assert_eq!((range.start, range.end, range.step), expected, "{slice:?}");
        }
        assert!(slice_ranges(&[5], &[(0, 4, 0, -1)]).is_err());
        let odd = Range {
            start: 0,
            end: 4,
            step: 3,
        };
        assert_eq!(odd.len(), 2);
    }
}
