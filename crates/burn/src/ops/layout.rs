//! Operators that change the shape or the order of elements.

use onnx_ir::node::depth_to_space::{DepthToSpaceMode, DepthToSpaceNode};
use onnx_ir::node::expand::{ExpandConfig, ExpandNode};
use onnx_ir::node::flatten::FlattenNode;
use onnx_ir::node::reshape::{ReshapeInput, ReshapeNode};
use onnx_ir::node::space_to_depth::SpaceToDepthNode;
use onnx_ir::node::squeeze::{SqueezeInput, SqueezeNode};
use onnx_ir::node::tile::{TileInput, TileNode};
use onnx_ir::node::transpose::TransposeNode;
use onnx_ir::node::unsqueeze::{UnsqueezeConfig, UnsqueezeNode};

use crate::lower::host_tensor::{broadcast, element_count};
use crate::lower::{DeviceValue, Lowerer, Lowering, OpSpec, Unsupported, Value, op, resolve_axes};
use crate::runtime::program::{Movement, Op};

pub(super) const OPS: &[OpSpec] = &[
    op!("DepthToSpace", cx, DepthToSpace(n) => depth_to_space(cx, n)),
    op!("Expand", cx, Expand(n) => expand(cx, n)),
    op!("Flatten", cx, Flatten(n) => flatten(cx, n)),
    op!("Reshape", cx, Reshape(n) => reshape(cx, n)).ignores_inferred_rank(),
    op!("SpaceToDepth", cx, SpaceToDepth(n) => space_to_depth(cx, n)),
    op!("Squeeze", cx, Squeeze(n) => squeeze(cx, n)),
    op!("Tile", cx, Tile(n) => tile(cx, n)),
    op!("Transpose", cx, Transpose(n) => transpose(cx, n)),
    op!("Unsqueeze", cx, Unsqueeze(n) => unsqueeze(cx, n)),
];

/// Constants are expanded on the host up to this number of elements, and on the device beyond.
const MAX_EXPANDED_ON_HOST: usize = 1 << 16;

fn reshape(cx: &mut Lowerer, node: &ReshapeNode) -> Lowering<Value> {
    let wanted = match &node.config.shape {
        ReshapeInput::Static(shape) => shape.clone(),
        ReshapeInput::Runtime(reference) => cx.host_integers(&node.inputs[reference.input_index])?,
    };
    let value = cx.value(&node.inputs[0])?;
    let shape = resolve_reshape(value.shape(), &wanted)?;
    Ok(cx.reshape_value(value, shape))
}

/// ONNX Reshape: 0 keeps a dimension, one -1 takes what remains.
fn resolve_reshape(shape: &[usize], wanted: &[i64]) -> Lowering<Vec<usize>> {
    let misfit = || Unsupported::new(format!("reshaping {shape:?} to {wanted:?}"));
    let total: usize = shape.iter().product();
    // Whether 0 keeps a dimension depends on `allowzero`, which onnx-ir loses (UPSTREAM.md: "lost
    // attributes and defaults").
    let is_copy = |(&wanted, &size): (&i64, &usize)| wanted == 0 && size != 0;
    if total == 0 && wanted.iter().zip(shape).any(is_copy) {
        return Err(misfit());
    }
    let mut resolved = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (index, &dim) in wanted.iter().enumerate() {
        resolved.push(match dim {
            -1 if open.is_none() => {
                open = Some(index);
                1
            }
            0 => *shape.get(index).ok_or_else(misfit)?,
            dim => usize::try_from(dim).map_err(|_| misfit())?,
        });
    }
    let known = resolved
        .iter()
        .try_fold(1usize, |product, &dim| product.checked_mul(dim))
        .ok_or_else(misfit)?;
    if let Some(index) = open {
        resolved[index] = total.checked_div(known).ok_or_else(misfit)?;
    }
    if resolved
        .iter()
        .try_fold(1usize, |product, &dim| product.checked_mul(dim))
        == Some(total)
    {
        Ok(resolved)
    } else {
        Err(misfit())
    }
}

fn flatten(cx: &mut Lowerer, node: &FlattenNode) -> Lowering<Value> {
    let value = cx.value(&node.inputs[0])?;
    let shape = value.shape();
    let axis = node.config.axis.min(shape.len());
    let flat = vec![shape[..axis].iter().product(), shape[axis..].iter().product()];
    Ok(cx.reshape_value(value, flat))
}

fn squeeze(cx: &mut Lowerer, node: &SqueezeNode) -> Lowering<Value> {
    let value = cx.value(&node.inputs[0])?;
    let shape = value.shape().to_vec();
    let axes = match &node.config.axes {
        None => (0..shape.len()).filter(|&axis| shape[axis] == 1).collect(),
        Some(SqueezeInput::Static(axes)) => resolve_axes(axes, shape.len())?,
        Some(SqueezeInput::Runtime(reference)) => {
            resolve_axes(&cx.host_integers(&node.inputs[reference.input_index])?, shape.len())?
        }
    };
    if let Some(axis) = axes.iter().find(|&&axis| shape[axis] != 1) {
        return Err(Unsupported::new(format!(
            "removing axis {axis} of shape {shape:?}, whose length is not 1,"
        )));
    }
    let kept = (0..shape.len())
        .filter(|axis| !axes.contains(axis))
        .map(|axis| shape[axis])
        .collect();
    Ok(cx.reshape_value(value, kept))
}

fn unsqueeze(cx: &mut Lowerer, node: &UnsqueezeNode) -> Lowering<Value> {
    let axes = match &node.config {
        UnsqueezeConfig::Static(axes) => axes.clone(),
        UnsqueezeConfig::Runtime(reference) => cx.host_integers(&node.inputs[reference.input_index])?,
    };
    let value = cx.value(&node.inputs[0])?;
    let shape = value.shape();
    let rank = shape.len() + axes.len();
    let axes = resolve_axes(&axes, rank)?;
    let mut old = shape.iter().copied();
    let wide = (0..rank)
        .map(|axis| {
            if axes.contains(&axis) {
                1
            } else {
                old.next().unwrap_or(1)
            }
        })
        .collect();
    Ok(cx.reshape_value(value, wide))
}

fn transpose(cx: &mut Lowerer, node: &TransposeNode) -> Lowering<Value> {
    let value = cx.shared_weight(&node.inputs[0])?;
    let axes = resolve_axes(&node.config.perm, value.shape().len())?;
    cx.permute_value(value, axes)
}

/// Repeats a value up to a shape that it broadcasts to.
fn expand(cx: &mut Lowerer, node: &ExpandNode) -> Lowering<Value> {
    let x = cx.value(&node.inputs[0])?;
    let wanted = match &node.config {
        ExpandConfig::Static(wanted) => wanted.clone(),
        ExpandConfig::Runtime(reference) => cx.host_integers(&node.inputs[reference.input_index])?,
    };
    let unsupported = || Unsupported::new(format!("expanding shape {:?} to {wanted:?}", x.shape()));
    let dims: Result<Vec<usize>, _> = wanted.iter().map(|&dim| usize::try_from(dim)).collect();
    let shape = broadcast(x.shape(), &dims.map_err(|_| unsupported())?).ok_or_else(unsupported)?;
    match x {
        // Shapes may be computed from small constants, which stay on the host.
        Value::Host(host) if element_count(&shape).is_some_and(|count| count <= MAX_EXPANDED_ON_HOST) => {
            Ok(Value::Host(host.broadcast_to(&shape)))
        }
        x => cx.broadcast_to(x, &shape),
    }
}

fn tile(cx: &mut Lowerer, node: &TileNode) -> Lowering<Value> {
    let x = cx.value(&node.inputs[0])?;
    let own = x.shape();
    let repeats = match &node.config.repeats {
        TileInput::Static(repeats) => repeats.clone(),
        TileInput::Runtime(reference) => {
            let repeats = cx.host_integers(&node.inputs[reference.input_index])?;
            let repeats = repeats.iter().map(|&times| usize::try_from(times).ok());
            repeats
                .collect::<Option<Vec<usize>>>()
                .ok_or_else(|| Unsupported::new("a negative number of repetitions"))?
        }
    };
    if repeats.len() != own.len() || repeats.contains(&0) {
        return Err(Unsupported::new(format!("repeats {repeats:?} of shape {own:?}")));
    }
    let shape = own.iter().zip(&repeats).map(|(size, times)| size * times).collect();
    cx.move_value(x, Movement::Tile(repeats), shape)
}

/// x [n, c, h, w] -> [n, c / b^2, h b, w b].
fn depth_to_space(cx: &mut Lowerer, node: &DepthToSpaceNode) -> Lowering<Value> {
    let x = cx.floats(&node.inputs[0])?;
    let (b, [n, c, h, w]) = (
        node.config.block_size,
        image_in_blocks(&x, node.config.block_size, [1, 1])?,
    );
    if c % (b * b) != 0 {
        return Err(Unsupported::new(format!("blocks of {b} in shape {:?}", x.shape)));
    }
    let wide = c / (b * b);
    let (apart, order) = match node.config.mode {
        DepthToSpaceMode::Dcr => (vec![n, b, b, wide, h, w], vec![0, 3, 4, 1, 5, 2]),
        DepthToSpaceMode::Crd => (vec![n, wide, b, b, h, w], vec![0, 1, 4, 2, 5, 3]),
    };
    Ok(rearrange(cx, &x, apart, order, vec![n, wide, h * b, w * b]))
}

/// x [n, c, h, w] -> [n, c b^2, h / b, w / b].
fn space_to_depth(cx: &mut Lowerer, node: &SpaceToDepthNode) -> Lowering<Value> {
    let x = cx.floats(&node.inputs[0])?;
    let b = node.config.block_size;
    let [n, c, h, w] = image_in_blocks(&x, b, [b, b])?;
    let apart = vec![n, c, h / b, b, w / b, b];
    Ok(rearrange(
        cx,
        &x,
        apart,
        vec![0, 3, 5, 1, 2, 4],
        vec![n, c * b * b, h / b, w / b],
    ))
}

/// Reshapes to `apart`, permutes, and reshapes to `shape`.
fn rearrange(cx: &mut Lowerer, x: &DeviceValue, apart: Vec<usize>, order: Vec<usize>, shape: Vec<usize>) -> Value {
    let permuted = order.iter().map(|&axis| apart[axis]).collect();
    let x = cx.emit(Op::Move(Movement::Reshape(apart.clone())), &[x], apart);
    let x = cx.emit(Op::Move(Movement::Permute(order)), &[&x], permuted);
    cx.emit_floats(Op::Move(Movement::Reshape(shape.clone())), &[&x], shape)
}

/// The dimensions of an image, whose height and width must be multiples.
fn image_in_blocks(x: &DeviceValue, size: usize, multiples: [usize; 2]) -> Lowering<[usize; 4]> {
    match *x.shape.as_slice() {
        [n, c, h, w] if size > 0 && h % multiples[0] == 0 && w % multiples[1] == 0 => Ok([n, c, h, w]),
        _ => Err(Unsupported::new(format!("blocks of {size} in shape {:?}", x.shape))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshapes_follow_onnx() {
        for (shape, wanted, expected) in [
            (vec![2, 3, 4], vec![0, -1], Some(vec![2, 12])),
            (vec![2, 3, 4], vec![4, 6], Some(vec![4, 6])),
            (vec![1, 1280, 1, 1], vec![1, -1], Some(vec![1, 1280])),
            (vec![1], vec![], Some(vec![])),
            (vec![2, 3], vec![-1, -1], None),
            (vec![2, 3], vec![4], None),
            (vec![2, 3], vec![-2, 3], None),
            (vec![0, 3], vec![0, -1], None),
        ] {
            assert_eq!(
                resolve_reshape(&shape, &wanted).ok(),
                expected,
                "{shape:?} to {wanted:?}"
            );
        }
    }
}
