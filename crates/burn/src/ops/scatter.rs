//! Replacing or combining elements by their indices, which must be constant.
//!
//! Updates become selections from the flattened data and updates. That is exact, the same on every
//! device, and free of races between updates of one element.

use burn_tensor::DType as OnnxType;
use onnx_ir::Argument;
use onnx_ir::node::custom::CustomNode;
use onnx_ir::node::scatter_elements::{ScatterElementsNode, ScatterElementsReduction};
use onnx_ir::node::scatter_nd::{ScatterNDNode, ScatterNDReduction};

use super::flat_indices::{flat_element_indices, flat_tuple_indices, select_flat};
use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{
    Arithmetic, GREATER, LESS, Lowerer, Lowering, OpSpec, Unsupported, Value, element_type, op, resolve_axis,
};
use crate::runtime::program::{Movement, Op};

pub(super) const OPS: &[OpSpec] = &[
    // onnx-ir rejects this predecessor of ScatterElements (UPSTREAM.md: "operators and attributes
    // that it rejects").
    op!("Scatter", cx, Custom(n) => scatter(cx, n)).bypasses_onnx_ir(3, |_, _| true),
    op!("ScatterElements", cx, ScatterElements(n) => scatter_elements(cx, n)),
    op!("ScatterND", cx, ScatterND(n) => scatter_nd(cx, n)),
];

/// What an update does to an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Update {
    Replace,
    Add,
    Multiply,
    Max,
    Min,
}

fn scatter(cx: &mut Lowerer, node: &CustomNode) -> Lowering<Value> {
    let axis = node.attrs.get_i64("axis").unwrap_or(0);
    let rank = cx.value(&node.inputs[0])?.shape().len();
    update_elements(cx, &node.inputs, resolve_axis(axis, rank)?, Update::Replace)
}

fn scatter_elements(cx: &mut Lowerer, node: &ScatterElementsNode) -> Lowering<Value> {
    let update = match node.config.reduction {
        ScatterElementsReduction::None => Update::Replace,
        ScatterElementsReduction::Add => Update::Add,
        ScatterElementsReduction::Mul => Update::Multiply,
        ScatterElementsReduction::Max => Update::Max,
        ScatterElementsReduction::Min => Update::Min,
    };
    update_elements(cx, &node.inputs, node.config.axis, update)
}

fn scatter_nd(cx: &mut Lowerer, node: &ScatterNDNode) -> Lowering<Value> {
    let update = match node.config.reduction {
        ScatterNDReduction::None => Update::Replace,
        ScatterNDReduction::Add => Update::Add,
        ScatterNDReduction::Mul => Update::Multiply,
        ScatterNDReduction::Max => Update::Max,
        ScatterNDReduction::Min => Update::Min,
    };
    update_tuples(cx, &node.inputs, update)
}

/// data [a, n, b] with updates [c, p, d] at indices [c, p, d] into n.
fn update_elements(cx: &mut Lowerer, inputs: &[Argument], axis: usize, update: Update) -> Lowering<Value> {
    let data = cx.value(&inputs[0])?;
    let indices = cx.host_value(&inputs[1])?;
    let own = data.shape().to_vec();
    if own.len() != indices.shape.len() || axis >= own.len() {
        return Err(Unsupported::new(format!(
            "indices of shape {:?} into {own:?}",
            indices.shape
        )));
    }
    let flat = flat_element_indices(&own, &indices, axis)?;
    let updates = cx.value(&inputs[2])?;
    apply_updates(cx, data, &flat, updates, update, element_type(&inputs[0]))
}

/// data [n.., rest..] with updates [p.., rest..] at indices [p.., k] into the first k dimensions.
fn update_tuples(cx: &mut Lowerer, inputs: &[Argument], update: Update) -> Lowering<Value> {
    let data = cx.value(&inputs[0])?;
    let indices = cx.host_value(&inputs[1])?;
    let own = data.shape().to_vec();
    let unsupported = || Unsupported::new(format!("indices of shape {:?} into {own:?}", indices.shape));
    let &count = indices
        .shape
        .last()
        .filter(|&&count| count <= own.len())
        .ok_or_else(unsupported)?;
    let rest: usize = own[count..].iter().product();
    let firsts = flat_tuple_indices(&own, &indices, count)?;
    let flat: Vec<usize> = firsts.into_iter().flat_map(|first| first..first + rest).collect();
    let updates = cx.value(&inputs[2])?;
    apply_updates(cx, data, &flat, updates, update, element_type(&inputs[0]))
}

/// The data with updates at indices of its flattened elements. If several updates go to one
/// element, they are applied in layers, one after the other.
fn apply_updates(
    cx: &mut Lowerer,
    data: Value,
    indices: &[usize],
    updates: Value,
    update: Update,
    dtype: OnnxType,
) -> Lowering<Value> {
    let shape = data.shape().to_vec();
    let (count, update_count): (usize, usize) = (shape.iter().product(), updates.shape().iter().product());
    if update_count != indices.len() {
        return Err(Unsupported::new(format!(
            "updates of shape {:?} for {} elements",
            updates.shape(),
            indices.len()
        )));
    }
    if data.is_integers() != updates.is_integers() {
        return Err(Unsupported::new("updates of another type"));
    }
    let data = cx.upload(data)?;
    let mut flat = cx.reshape_value(data, vec![count]);
    let updates = cx.upload(updates)?;
    let updates = cx.reshape_value(updates, vec![update_count]);
    for layer in update_layers(indices, count, update) {
        let sources: Vec<usize> = (0..count)
            .map(|index| layer[index].map_or(index, |from| count + from))
            .collect();
        let (Value::Floats(more) | Value::Bools(more) | Value::Integers(more)) = &updates else {
            unreachable!("it was uploaded")
        };
        let both = vec![count + update_count];
        let joined = cx.move_value_with(flat.clone(), Movement::Concat { axis: 0 }, &[more], both)?;
        let moved = select_flat(cx, joined, &sources, vec![count])?;
        if update == Update::Replace {
            flat = moved;
            continue;
        }
        let combined = combine_update(cx, update, flat.clone(), moved, dtype)?;
        // Without this an element without an update would be combined with itself.
        let touched = HostTensor {
            shape: vec![count],
            data: HostData::Bool(layer.iter().map(Option::is_some).collect()),
        };
        flat = cx.where_value(Value::Host(touched), combined, flat)?;
    }
    Ok(cx.reshape_value(flat, shape))
}

fn combine_update(cx: &mut Lowerer, update: Update, a: Value, b: Value, dtype: OnnxType) -> Lowering<Value> {
    let kind = match update {
        Update::Replace => return Ok(b),
        Update::Max => return cx.where_compared(&GREATER, a, b),
        Update::Min => return cx.where_compared(&LESS, a, b),
        Update::Add => Arithmetic::Add,
        Update::Multiply => Arithmetic::Mul,
    };
    if a.is_integers() {
        return cx.integer_arithmetic(kind, [a, b], dtype);
    }
    let (a, b) = (cx.device_floats(a)?, cx.device_floats(b)?);
    let op = if kind == Arithmetic::Add { Op::Add } else { Op::Mul };
    Ok(Value::Floats(cx.zip(op, &a, &b)))
}

/// For each layer, the position of the update that goes to each element. Of replacements only the
/// last one counts.
fn update_layers(indices: &[usize], count: usize, update: Update) -> Vec<Vec<Option<usize>>> {
    let mut layers: Vec<Vec<Option<usize>>> = vec![];
    let mut used = vec![0; count];
    for (from, &index) in indices.iter().enumerate() {
        let layer = if update == Update::Replace { 0 } else { used[index] };
        if layer == layers.len() {
            layers.push(vec![None; count]);
        }
        layers[layer][index] = Some(from);
        used[index] += 1;
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_replacement_counts_but_all_sums() {
        assert_eq!(update_layers(&[1, 1], 3, Update::Replace), [[None, Some(1), None]]);
        let sums = update_layers(&[1, 1, 0], 2, Update::Add);
        assert_eq!(sums, [[Some(2), Some(0)], [None, Some(1)]]);
    }
}
