//! Triangles of matrices.

use onnx_ir::node::trilu::{TriluDiagonal, TriluNode};

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{Lowerer, Lowering, OpSpec, Unsupported, Value, op};

pub(super) const OPS: &[OpSpec] = &[op!("Trilu", cx, Trilu(n) => trilu(cx, n))];

/// The upper or lower triangle of the last two dimensions, 0 elsewhere.
fn trilu(cx: &mut Lowerer, node: &TriluNode) -> Lowering<Value> {
    let x = cx.value(&node.inputs[0])?;
    let own = x.shape().to_vec();
    let k = match &node.config.diagonal {
        TriluDiagonal::Static(k) => *k,
        TriluDiagonal::Runtime(reference) => {
            let k = cx.host_integers(&node.inputs[reference.input_index])?;
            k.first().copied().unwrap_or(0)
        }
    };
    let &[.., rows, columns] = own.as_slice() else {
        return Err(Unsupported::new(format!("a triangle of shape {own:?}")));
    };
    let kept = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let kept = kept.map(|(row, column)| {
        let right = i128::try_from(column).unwrap_or(i128::MAX) - i128::try_from(row).unwrap_or(i128::MAX);
        if node.config.upper {
            right >= i128::from(k)
        } else {
            right <= i128::from(k)
        }
    });
    let kept = cx.constant(HostTensor {
        shape: vec![rows, columns],
        data: HostData::Bool(kept.collect()),
    });
    let zero = Value::Host(HostTensor {
        shape: vec![],
        data: match &x {
            x if x.is_integers() => HostData::I64(vec![0]),
            Value::Bools(_) => HostData::Bool(vec![false]),
            _ => HostData::F32(vec![0.0]),
        },
    });
    cx.where_device(kept, x, zero)
}
