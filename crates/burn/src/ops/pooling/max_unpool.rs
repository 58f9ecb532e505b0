//! MaxUnpool: the inverse of MaxPool.

use onnx_ir::node::custom::CustomNode;

use crate::import::own_domain::usize_attribute;
use crate::lower::host_tensor::{HostData, HostTensor, element_count};
use crate::lower::{Lowerer, Lowering, Unsupported, Value};
use crate::runtime::program::Op;

/// Puts each element at its index among zeros: x and indices [n, c, d..] -> [n, c, d'..].
pub(super) fn max_unpool(cx: &mut Lowerer, node: &CustomNode) -> Lowering<Value> {
    if node.inputs.get(2).is_some_and(|input| !input.is_optional()) {
        return Err(Unsupported::new("an output shape"));
    }
    let x = cx.floats(&node.inputs[0])?;
    let &[n, c, ref size @ ..] = x.shape.as_slice() else {
        return Err(Unsupported::new(format!("an input of shape {:?}", x.shape)));
    };
    let d = size.len();
    let kernel = usize_attribute(node, "kernel_shape", d, None)?;
    let strides = usize_attribute(node, "strides", d, Some(1))?;
    let pads = usize_attribute(node, "pads", 2 * d, Some(0))?;
    if (0..d).any(|d| kernel[d] > strides[d]) {
        return Err(Unsupported::new(
            "windows that overlap, so that elements share an index",
        ));
    }
    let sizes: Option<Vec<usize>> = (0..d)
        .map(|d| {
            let reach = size[d]
                .checked_sub(1)?
                .checked_mul(strides[d])?
                .checked_add(kernel[d])?;
            reach.checked_sub(pads[d])?.checked_sub(pads[d + size.len()])
        })
        .collect();
    let unsupported = || Unsupported::new(format!("strides {strides:?} with pads {pads:?}"));
    let shape = [&[n, c], sizes.ok_or_else(unsupported)?.as_slice()].concat();
    let total = element_count(&shape).ok_or_else(unsupported)?;
    let count = x.shape.iter().product();
    let indices = cx.value(&node.inputs[1])?;
    if indices.shape() != x.shape {
        return Err(Unsupported::new(format!("indices of shape {:?}", indices.shape())));
    }
    let indices = cx.device_indices(indices, vec![count], total)?;
    let values = cx.reshape(&x, vec![count]);
    let zero = Value::Host(HostTensor {
        shape: vec![1],
        data: HostData::F32(vec![0.0]),
    });
    let zeros = cx.broadcast_to(zero, &[total])?;
    let zeros = cx.device_floats(zeros)?;
    let all = cx.emit(Op::ScatterAdd, &[&zeros, &indices, &values], vec![total]);
    Ok(Value::Floats(cx.reshape(&all, shape)))
}
