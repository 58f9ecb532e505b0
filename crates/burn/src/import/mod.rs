//! Reading ONNX files, around onnx-ir.

pub(crate) mod embedding_extraction;
pub(crate) mod header;
mod onnx_ir_workarounds;
pub(crate) mod opset;
pub(crate) mod rewrite;
