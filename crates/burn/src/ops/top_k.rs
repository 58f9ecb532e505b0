//! The largest or smallest elements.

use onnx_ir::node::topk::{TopKInput, TopKNode};

use crate::lower::host_tensor::HostTensor;
use crate::lower::{EQUAL, Lowerer, Lowering, OpSpec, Unsupported, Value, op};
use crate::runtime::program::Op;

pub(super) const OPS: &[OpSpec] = &[op!("TopK", cx, TopK(n) => top_k(cx, n))];

/// Larger k are refused: elements are found one after the other. burn sorts on the host for
/// graphics adapters, and a browser cannot wait for that.
const MAX_K: usize = 512;

/// The k largest or smallest elements along a dimension, best first, and their indices. Of equal
/// elements the first one comes first.
fn top_k(cx: &mut Lowerer, node: &TopKNode) -> Lowering<Vec<Value>> {
    let config = &node.config;
    let k = match &config.k {
        TopKInput::Static(k) => *k,
        TopKInput::Runtime(reference) => {
            let k = cx.host_integers(&node.inputs[reference.input_index])?;
            let k = k.first().and_then(|&k| usize::try_from(k).ok());
            k.ok_or_else(|| Unsupported::new("a k that is not a number of elements"))?
        }
    };
    let value = cx.value(&node.inputs[0])?;
    if value.is_integers() {
        return Err(Unsupported::new("ranking integers"));
    }
    let mut x = cx.device_floats(value)?;
    let (axis, own) = (config.axis, x.shape.clone());
    let size = *own
        .get(axis)
        .ok_or_else(|| Unsupported::new(format!("axis {axis} of shape {own:?}")))?;
    if k == 0 || k > size || k > MAX_K {
        return Err(Unsupported::new(format!(
            "the first {k} of {size} elements (at most {MAX_K} are found)"
        )));
    }
    let mut along = vec![1; own.len()];
    along[axis] = size;
    let all_indices = Value::Host(HostTensor::from_dims(0..size).reshape(along));
    let worst = if config.largest {
        f64::NEG_INFINITY
    } else {
        f64::INFINITY
    };
    let mut one = own.clone();
    one[axis] = 1;
    let (mut values, mut indices) = (Vec::with_capacity(k), Vec::with_capacity(k));
    // 1 where an element was not taken yet. Taken elements may equal the remaining ones.
    let mut free = Value::scalar(1.0);
    for rank in 0..k {
        let best = if config.largest {
            Op::MaxDim(axis)
        } else {
            Op::MinDim(axis)
        };
        let best = cx.emit(best, &[&x], one.clone());
        values.push(Value::Floats(best.clone()));
        let equal = cx.compare(&EQUAL, [Value::Floats(x.clone()), Value::Floats(best)])?;
        let equal = cx.floats_or_bools(equal)?;
        let equal = match &free {
            Value::Floats(free) => cx.zip(Op::Mul, &equal, free),
            _ => equal,
        };
        let index = cx.emit(Op::ArgMax(axis), &[&equal], one.clone());
        indices.push(Value::Integers(index.clone()));
        if rank + 1 < k {
            let taken = cx.compare_on_device(&EQUAL, [Value::Integers(index), all_indices.clone()])?;
            free = cx.where_device(taken.clone(), Value::scalar(0.0), free)?;
            let rest = cx.where_device(taken, Value::scalar(worst), Value::Floats(x))?;
            x = cx.device_floats(rest)?;
        }
    }
    Ok(vec![cx.concat_values(values, axis)?, cx.concat_values(indices, axis)?])
}
