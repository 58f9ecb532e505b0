//! All positions of a line, an image or a volume at once.

use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::runtime::program::Op;

/// Reduces all positions by an operation on dimension 2: x [n, c, ..] -> [n, c, 1, ..].
pub(super) fn reduce_positions(cx: &mut Lowerer, x: &DeviceValue, op: Op) -> Lowering<Value> {
    let &[n, c, ref positions @ ..] = x.shape.as_slice() else {
        return Err(Unsupported::new(format!("an input of shape {:?}", x.shape)));
    };
    let flat = cx.reshape(x, vec![n, c, positions.iter().product()]);
    let one = cx.emit(op, &[&flat], vec![n, c, 1]);
    let shape = [&[n, c], vec![1; positions.len()].as_slice()].concat();
    Ok(Value::Floats(cx.reshape(&one, shape)))
}
