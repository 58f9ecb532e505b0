//! Running sums.

use onnx_ir::node::cumsum::{CumSumAxis, CumSumNode};

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{DeviceValue, Lowerer, Lowering, OpSpec, Unsupported, Value, op, resolve_axes};
use crate::runtime::program::{Movement, Op, Range};

pub(super) const OPS: &[OpSpec] = &[op!("CumSum", cx, CumSum(n) => cumsum(cx, n))];

/// Sums of all elements up to each one, along a dimension.
fn cumsum(cx: &mut Lowerer, node: &CumSumNode) -> Lowering<Value> {
    let x = cx.floats(&node.inputs[0])?;
    let axis = match &node.config.axis {
        CumSumAxis::Static(axis) => *axis,
        CumSumAxis::Runtime(reference) => {
            let axes = cx.host_integers(&node.inputs[reference.input_index])?;
            resolve_axes(&axes, x.shape.len())?.first().copied().unwrap_or(0)
        }
    };
    if axis >= x.shape.len() {
        return Err(Unsupported::new(format!("axis {axis} of shape {:?}", x.shape)));
    }
    let flip_if_reverse = |cx: &mut Lowerer, x: &DeviceValue| match node.config.reverse {
        true => cx.emit(Op::Move(Movement::Flip(axis)), &[x], x.shape.clone()),
        false => x.clone(),
    };
    let x_in_order = flip_if_reverse(cx, &x);
    let sums = cx.emit(Op::CumSum(axis), &[&x_in_order], x.shape.clone());
    if !node.config.exclusive {
        return Ok(Value::Floats(flip_if_reverse(cx, &sums)));
    }
    // The sums are shifted by one. Subtracting each element again would lose digits.
    let mut first = x.shape.clone();
    first[axis] = 1;
    let zeros = Value::Host(HostTensor {
        data: HostData::F32(vec![0.0; first.iter().product()]),
        shape: first,
    });
    let mut parts = vec![zeros];
    if x.shape[axis] > 1 {
        let mut shape = x.shape.clone();
        shape[axis] -= 1;
        let ranges = shape.iter().map(|&end| Range { start: 0, end, step: 1 }).collect();
        parts.push(cx.move_value(Value::Floats(sums), Movement::Slice(ranges), shape)?);
    }
    let shifted = cx.concat_values(parts, axis)?;
    let shifted = cx.device_floats(shifted)?;
    Ok(Value::Floats(flip_if_reverse(cx, &shifted)))
}
