//! Slicing.

use onnx_ir::node::slice::{SliceInput, SliceNode};

use crate::lower::{Lowerer, Lowering, OpSpec, Unsupported, Value, op, resolve_axes, slice_ranges};
use crate::runtime::program::{Movement, Range};

pub(super) const OPS: &[OpSpec] = &[op!("Slice", cx, Slice(n) => slice(cx, n))];

fn slice(cx: &mut Lowerer, node: &SliceNode) -> Lowering<Value> {
    let value = cx.value(&node.inputs[0])?;
    let numbers = |input: &SliceInput| match input {
        SliceInput::Static(values) => Ok(values.clone()),
        SliceInput::Runtime(reference) => cx.host_integers(&node.inputs[reference.input_index]),
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
    let axes = resolve_axes(&axes, value.shape().len())?;
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
            .slice(&slices)
            .map(Value::Host)
            .ok_or_else(|| Unsupported::new("a step of 0")),
        mut x => {
            // Slicing backwards is slicing the reversed dimension forwards.
            let mut slices = slices;
            for (axis, start, end, step) in &mut slices {
                if *step < 0 {
                    let size = i64::try_from(x.shape()[*axis]).unwrap_or(i64::MAX);
                    let reversed = |at: i64, min: i64| {
                        let at = if at < 0 { at.saturating_add(size) } else { at };
                        size - 1 - at.min(size - 1).max(min)
                    };
                    (*start, *end, *step) = (reversed(*start, 0), reversed(*end, -1), step.saturating_neg());
                    let shape = x.shape().to_vec();
                    x = cx.move_value(x, Movement::Flip(*axis), shape)?;
                }
            }
            let ranges = slice_ranges(x.shape(), &slices)?;
            let shape = ranges.iter().map(Range::len).collect();
            cx.move_value(x, Movement::Slice(ranges), shape)
        }
    }
}
