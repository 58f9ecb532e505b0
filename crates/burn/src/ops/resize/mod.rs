//! Resizing.

mod attributes;
mod line;
mod resample;

use crate::lower::{OpSpec, op};

pub(super) const OPS: &[OpSpec] = &[
    op!("Resize", cx, Resize(n) => resample::resize(cx, n), Custom(n) => resample::resize_custom(cx, n))
        // onnx-ir rejects some attributes (UPSTREAM.md: "operators and attributes that it
        // rejects").
        .bypasses_onnx_ir(1, |node, _| attributes::are_rejected(node)),
    op!("Upsample", cx, Upsample(n) => resample::resize(cx, n)),
];
