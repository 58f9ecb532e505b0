//! Picking elements by their indices.
//!
//! Elements with constant indices are selected from the flattened data: exact, and the same on
//! every device.

use onnx_ir::node::gather::GatherNode;
use onnx_ir::node::gather_elements::GatherElementsNode;
use onnx_ir::node::gathernd::GatherNDNode;

use super::flat_indices::{flat_element_indices, flat_tuple_indices, select_flat};
use crate::lower::{Lowerer, Lowering, OpSpec, Unsupported, Value, op};
use crate::runtime::program::Movement;

pub(super) const OPS: &[OpSpec] = &[
    op!("Gather", cx, Gather(n) => gather(cx, n)),
    op!("GatherElements", cx, GatherElements(n) => gather_elements(cx, n)),
    op!("GatherND", cx, GatherND(n) => gather_nd(cx, n)),
];

/// data [a, n, b], indices [p, q] into n -> [a, p, q, b].
fn gather(cx: &mut Lowerer, node: &GatherNode) -> Lowering<Value> {
    let axis = node.config.axis;
    let indices = cx.value(&node.inputs[1])?;
    let data = match &indices {
        // Constant data with constant indices is picked on the host.
        Value::Host(_) => cx.value(&node.inputs[0])?,
        _ => cx.shared_weight(&node.inputs[0])?,
    };
    if let (Value::Host(data), Value::Host(indices)) = (&data, &indices) {
        return data.gather(axis, indices).map(Value::Host).ok_or_else(|| {
            Unsupported::new(format!(
                "an index outside shape {:?}, or too large a result",
                data.shape
            ))
        });
    }
    let shape = data.shape().to_vec();
    let size = *shape
        .get(axis)
        .ok_or_else(|| Unsupported::new(format!("axis {axis} of shape {shape:?}")))?;
    let index_shape = indices.shape().to_vec();
    let count: usize = index_shape.iter().product();
    let indices = cx.device_indices(indices, vec![count], size)?;
    let mut flat = shape.clone();
    flat[axis] = count;
    let picked = cx.move_value_with(data, Movement::Select { axis }, &[&indices], flat)?;
    let shape = [&shape[..axis], &index_shape, &shape[axis + 1..]].concat();
    Ok(cx.reshape_value(picked, shape))
}

/// data [a, n, b], indices [c, p, d] into n -> [c, p, d]. The position of an index is the index in
/// the other dimensions.
fn gather_elements(cx: &mut Lowerer, node: &GatherElementsNode) -> Lowering<Value> {
    let (data, at) = (cx.value(&node.inputs[0])?, cx.value(&node.inputs[1])?);
    let (own, shape, axis) = (data.shape().to_vec(), at.shape().to_vec(), node.config.axis);
    if own.len() != shape.len() || axis >= own.len() {
        return Err(Unsupported::new(format!("indices of shape {shape:?} into {own:?}")));
    }
    match at {
        Value::Host(at) => {
            let flat = flat_element_indices(&own, &at, axis)?;
            select_flat(cx, data, &flat, shape)
        }
        at => {
            // burn gathers along a dimension if the others are those of the indices.
            if (0..own.len()).any(|d| d != axis && own[d] != shape[d]) {
                return Err(Unsupported::new(format!(
                    "computed indices of shape {shape:?} into {own:?}"
                )));
            }
            let at = cx.device_indices(at, shape.clone(), own[axis])?;
            cx.move_value_with(data, Movement::Gather { axis }, &[&at], shape)
        }
    }
}

/// data [b.., n.., rest..], indices [b.., p.., k] into n.. -> [b.., p.., rest..].
fn gather_nd(cx: &mut Lowerer, node: &GatherNDNode) -> Lowering<Value> {
    let data = cx.value(&node.inputs[0])?;
    let at = cx.host_value(&node.inputs[1])?;
    let (own, batch) = (data.shape().to_vec(), node.config.batch_dims);
    let unsupported = || Unsupported::new(format!("indices of shape {:?} into {own:?}", at.shape));
    let (&count, rows) = at.shape.split_last().ok_or_else(unsupported)?;
    if batch + count > own.len() || rows.len() < batch || rows[..batch] != own[..batch] {
        return Err(unsupported());
    }
    let rest: usize = own[batch + count..].iter().product();
    let per_batch: usize = rows[batch..].iter().product();
    let firsts = flat_tuple_indices(&own[batch..], &at, count)?;
    let in_batch: usize = own[batch..].iter().product();
    let firsts = firsts.iter().enumerate();
    let firsts = firsts.map(|(row, first)| row / per_batch.max(1) * in_batch + first);
    let flat: Vec<usize> = firsts.flat_map(|first| first..first + rest).collect();
    let shape = [rows, &own[batch + count..]].concat();
    select_flat(cx, data, &flat, shape)
}
