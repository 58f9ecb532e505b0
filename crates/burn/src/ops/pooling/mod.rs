//! Pooling over the positions of a line, an image or a volume.

mod average;
mod lp;
mod max;
mod max_unpool;
mod positions;
mod window_sums;

use crate::lower::{OpSpec, op};

pub(super) const OPS: &[OpSpec] = &[
    op!("AveragePool", cx,
        AveragePool1d(n) => average::pool_1d(cx, n),
        AveragePool2d(n) => average::pool_2d(cx, n),
        AveragePool3d(n) => average::pool_3d(cx, n),
    ),
    op!("GlobalAveragePool", cx, GlobalAveragePool(n) => average::global(cx, &n.inputs[0])),
    op!("GlobalMaxPool", cx, GlobalMaxPool(n) => max::global(cx, &n.inputs[0])),
    // onnx-ir rejects it over volumes and with dilations (UPSTREAM.md: "operators and attributes
    // that it rejects").
    op!("LpPool", cx, Custom(n) => lp::pool(cx, n)).bypasses_onnx_ir(1, |_, _| true),
    op!("MaxPool", cx,
        MaxPool1d(n) => max::pool_1d(cx, n),
        MaxPool2d(n) => max::pool_2d(cx, n),
        MaxPool3d(n) => max::pool_3d(cx, n),
    ),
    op!("MaxUnpool", cx, Custom(n) => max_unpool::max_unpool(cx, n)).bypasses_onnx_ir(2, |_, _| true),
];
