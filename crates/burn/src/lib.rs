//! The burn engine: an executor of ONNX graphs over burn's rank-erased tensors.
//!
//! burn has no loader of ONNX files at run time. This crate parses a file with `onnx-ir`, folds
//! everything that depends on shapes and weights alone on the host, lowers the rest to a flat list
//! of steps, uploads the weights once, and runs the steps on burn-flex (CPU) or burn-wgpu (Vulkan,
//! Metal, DX12, WebGPU). An operator, attribute or type that it does not support is refused when
//! the model is loaded, never guessed. What it supports is in `CONFORMANCE.md`, what was found in
//! burn and its parser on the way in `UPSTREAM.md`.
//!
//! ```
//! use tare_burn::{Burn, NamedTensor, Tensor, TensorData};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let onnx = tare_models::find("tiny").ok_or("absent")?.onnx(&Default::default());
//! // In the order and of the types that the graph says. Shapes decide on the plan: another shape, another plan.
//! let inputs = [NamedTensor {
//!     name: "image".into(),
//!     tensor: Tensor::new(vec![1, 3, 32, 32], TensorData::F32(vec![0.5; 3 * 32 * 32]))?,
//! }];
//! // `Burn::wgpu()` for a graphics adapter; the rest is the same, and the same in a browser.
//! let burn = Burn::flex(2);
//! # pollster::block_on(async {
//! let mut model = burn.open(onnx, &inputs).await?;
//! let outputs = model.run(&inputs).await?;
//! assert_eq!(outputs[0].shape(), [1, 10]);
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! Tensors are row-major in host memory. All arithmetic is in 32 bits: 64-bit integers of inputs
//! and weights must fit, those that a run computes wrap, and 16-bit floats are widened. `Mod` of
//! floats divides in 32 bits too, so that a quotient just below a whole number may count as one. A
//! row of attention whose scores are all negative infinity is 0.
//!
//! # Features
//!
//! - `flex`: burn-flex, on the CPU; with threads natively, and in wasm whose memory can be shared.
//! - `wgpu`: burn-wgpu with kernel fusion and autotune, and kernels in WGSL.
//! - `spirv`: the same with kernels in SPIR-V where a Vulkan driver takes them; on macOS they are
//!   in Metal's own language always.

mod engine;
mod import;
mod lower;
mod ops;
mod runtime;

pub use engine::{Burn, VERSION};
#[cfg(feature = "wgpu")]
pub use runtime::device::adapters;
pub use runtime::profile::NodeTime;
pub use tare_core::{NamedTensor, Session, Tensor, TensorData};
