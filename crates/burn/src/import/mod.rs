//! Reading ONNX files with onnx-ir, and around what it rejects or misreads.

mod embedding_extraction;
pub(crate) mod file_names;
pub(crate) mod header;
pub(crate) mod model;
pub(crate) mod node_names;
mod onnx_ir_workarounds;
mod opset;
pub(crate) mod own_domain;
mod parse;
mod rewrite;
