//! Lines as images of one row: burn's kernels for images compute lines too.

use onnx_ir::Argument;

use super::sliding_window::{SlidingWindow, split_shape};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported};

/// Windows over a line as windows over one row.
pub(super) fn row_window(sliding: SlidingWindow<1>) -> SlidingWindow<2> {
    let SlidingWindow {
        kernel: [kernel],
        stride: [stride],
        dilation: [dilation],
        padding: [padding],
        ceil,
    } = sliding;
    SlidingWindow {
        kernel: [1, kernel],
        stride: [1, stride],
        dilation: [1, dilation],
        padding: [(0, 0), padding],
        ceil,
    }
}

/// Input x [n, c, w], weight [.., .., kw] and optional bias of a convolution as x [n, c, 1, w] and
/// weight [.., .., 1, kw]. Constants are reshaped before they are uploaded.
pub(super) fn conv_operands_in_rows(cx: &mut Lowerer, inputs: &[Argument]) -> Lowering<Vec<DeviceValue>> {
    let mut operands = Vec::with_capacity(3);
    for input in &inputs[..2] {
        let value = cx.value(input)?;
        let &[a, b, w] = value.shape() else {
            return Err(Unsupported::new(format!("an input of shape {:?}", value.shape())));
        };
        let row = cx.reshape_value(value, vec![a, b, 1, w]);
        operands.push(cx.device_floats(row)?);
    }
    operands.extend(cx.optional_floats(inputs.get(2))?);
    Ok(operands)
}

/// y [n, o, 1, w] -> [n, o, w].
pub(super) fn out_of_rows(cx: &mut Lowerer, y: &DeviceValue) -> DeviceValue {
    cx.reshape(y, [&y.shape[..2], &y.shape[3..]].concat())
}

/// Pools a line as an image of one row: x [n, c, w] -> [n, c, w'].
pub(super) fn pool_rows(
    cx: &mut Lowerer,
    x: &DeviceValue,
    pool: impl FnOnce(&mut Lowerer, &DeviceValue) -> Lowering<DeviceValue>,
) -> Lowering<DeviceValue> {
    let (n, c, [w]) = split_shape(&x.shape)?;
    let rows = cx.reshape(x, vec![n, c, 1, w]);
    let pooled = pool(cx, &rows)?;
    Ok(out_of_rows(cx, &pooled))
}
