//! The burn engine: an executor of ONNX graphs over burn's rank-erased tensors.
//!
//! burn has no loader of ONNX files at run time. This crate parses a file with `onnx-ir`, folds everything that
//! depends on shapes and weights alone on the host, lowers the rest to a flat list of steps, uploads the weights once,
//! and runs the steps on burn-flex (CPU) or burn-wgpu (Vulkan, Metal, DX12, WebGPU). An operator, attribute or type that
//! it does not support is refused when the model is loaded, never guessed.

mod device;
mod dialect;
mod engine;
mod header;
mod host;
mod lower;
mod names;
mod order;
mod plan;
mod profile;
mod refusal;
mod tables;
mod transfer;

#[cfg(feature = "wgpu")]
pub use device::adapters;
pub use engine::{Burn, VERSION};
pub use profile::NodeTime;
