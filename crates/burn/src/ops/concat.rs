//! Concatenating and splitting.

use onnx_ir::node::concat::ConcatNode;
use onnx_ir::node::split::{SplitNode, SplitSizesInput};

use crate::lower::{Lowerer, Lowering, OpSpec, Unsupported, Value, op};
use crate::runtime::program::{Movement, Range};

pub(super) const OPS: &[OpSpec] = &[
    op!("Concat", cx, Concat(n) => concat(cx, n)),
    op!("Split", cx, Split(n) => split(cx, n)),
];

fn concat(cx: &mut Lowerer, node: &ConcatNode) -> Lowering<Value> {
    let axis = node.config.axis;
    let values = node
        .inputs
        .iter()
        .map(|input| cx.value(input))
        .collect::<Lowering<Vec<_>>>()?;
    cx.concat_values(values, axis)
}

/// Consecutive parts of a value along a dimension.
fn split(cx: &mut Lowerer, node: &SplitNode) -> Lowering<Vec<Value>> {
    let x = cx.value(&node.inputs[0])?;
    let x = cx.upload(x)?;
    let own = x.shape().to_vec();
    let config = &node.config;
    let (axis, parts) = (config.axis, node.outputs.len());
    let outside = || Unsupported::new(format!("{parts} parts of axis {axis} of shape {own:?}"));
    let size = *own.get(axis).ok_or_else(outside)?;
    let sizes: Vec<usize> = match &config.split_sizes {
        Some(SplitSizesInput::Static(sizes)) => sizes.clone(),
        Some(SplitSizesInput::Runtime(reference)) => cx
            .host_integers(&node.inputs[reference.input_index])?
            .into_iter()
            .map(usize::try_from)
            .collect::<Result<_, _>>()
            .map_err(|_| outside())?,
        None => {
            // The last part is smaller if the dimension is not a multiple of the number of parts.
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
        values.push(cx.move_value(x.clone(), Movement::Slice(ranges), shape)?);
        start += length;
    }
    Ok(values)
}
