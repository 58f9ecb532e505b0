//! What onnx-ir rejects or misreads, put right before it reads a file. Each file handles one entry
//! of UPSTREAM.md.

pub(super) mod batch_norm_epsilon;
pub(super) mod copied_weights;
pub(super) mod node_order;
pub(super) mod shared_products;
mod subgraphs;
pub(super) mod training_dropout;
pub(super) mod value_names;
