//! What onnx-ir reads wrongly or refuses, put right before it reads a file.

pub(super) mod copied_weights;
pub(super) mod node_order;
pub(super) mod shared_products;
pub(super) mod value_names;
