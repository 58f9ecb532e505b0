//! Classes as vectors.

use onnx_ir::node::one_hot::{OneHotDepthInput, OneHotNode, OneHotValuesInput};

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{EQUAL, Lowerer, Lowering, OpSpec, Unsupported, Value, op};
use crate::runtime::program::{IntegerOp, Op};

pub(super) const OPS: &[OpSpec] = &[op!("OneHot", cx, OneHot(n) => one_hot(cx, n))];

/// Adds a dimension, with one value at the index that each element gives, and another value
/// elsewhere.
fn one_hot(cx: &mut Lowerer, node: &OneHotNode) -> Lowering<Value> {
    let depth = match &node.config.depth {
        OneHotDepthInput::Static(depth) => *depth,
        OneHotDepthInput::Runtime(reference) => {
            let host = cx.host_value(&node.inputs[reference.input_index])?;
            let depth = host.as_scalar().filter(|depth| *depth >= 1.0 && *depth < 1e9);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
            let depth = depth.map(|depth| depth as usize);
            depth.ok_or_else(|| Unsupported::new("a depth that is not a number of classes"))?
        }
    };
    let values = match &node.config.values {
        OneHotValuesInput::Static(values) => {
            // In the type that they have in the file.
            match cx.value(&node.inputs[2])? {
                Value::Host(host) => host,
                _ => HostTensor {
                    shape: vec![2],
                    data: HostData::F32(values.to_vec()),
                },
            }
        }
        OneHotValuesInput::Runtime(reference) => cx.host_value(&node.inputs[reference.input_index])?,
    };
    let parts = [0, 1].map(|index| values.gather(0, &HostTensor::from_dims([index]).reshape(vec![])));
    let [Some(off), Some(on)] = parts else {
        return Err(Unsupported::new("other than two values"));
    };
    let classes = cx.value(&node.inputs[0])?;
    let classes = cx.integers(classes)?;
    let rank = classes.shape.len();
    let axis = node.config.axis;
    let axis = usize::try_from(if axis < 0 { axis + rank as i64 + 1 } else { axis });
    let axis = axis.ok().filter(|&axis| axis <= rank);
    let axis = axis.ok_or_else(|| Unsupported::new(format!("axis {} for indices of rank {rank}", node.config.axis)))?;
    let positive = Op::Integers(IntegerOp::ResolveNegative(depth));
    let classes = cx.emit(positive, &[&classes], classes.shape.clone());
    let mut wide = classes.shape.clone();
    wide.insert(axis, 1);
    let classes = cx.reshape_value(Value::Integers(classes), wide);
    let mut along = vec![1; rank + 1];
    along[axis] = depth;
    let all = Value::Host(HostTensor::from_dims(0..depth).reshape(along));
    let hot = cx.compare_on_device(&EQUAL, [classes, all])?;
    cx.where_device(hot, Value::Host(on), Value::Host(off))
}
