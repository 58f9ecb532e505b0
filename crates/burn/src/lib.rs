//! An executor of ONNX graphs over the tensors of [burn](https://burn.dev): it loads files at run
//! time, natively and in browsers.
//!
//! burn itself turns ONNX files into Rust code at build time. This crate parses a file with
//! `onnx-ir`, folds everything that depends only on shapes and weights, lowers the rest to a flat
//! list of steps, uploads the weights once, and runs the steps on burn-flex (CPU) or burn-wgpu
//! (Vulkan, Metal, DX12, WebGPU).
//!
//! An operator, attribute or type that is not supported is an error when the model is loaded.
//! `CONFORMANCE.md` says what is supported, `UPSTREAM.md` what is wrong in burn and its parser and
//! how this crate works around it.
//!
//! ```
//! use tare_burn::{Burn, NamedTensor, Tensor, TensorData};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let onnx = tare_models::find("tiny").ok_or("absent")?.onnx(&Default::default());
//! // In the order and of the types of the graph's inputs. The model is loaded for these shapes.
//! let inputs = [NamedTensor {
//!     name: "image".into(),
//!     tensor: Tensor::new(vec![1, 3, 32, 32], TensorData::F32(vec![0.5; 3 * 32 * 32]))?,
//! }];
//! // `Burn::wgpu()` for a graphics adapter. The rest is the same, and the same in a browser.
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
//! # Precision
//!
//! Tensors are row-major in host memory. All arithmetic is in 32 bits, unless [`Burn::in_f16`] asks for floats in 16:
//!
//! - 64-bit integers of inputs and weights must fit. Those that a run computes wrap around.
//! - 16-bit floats are widened, and 64-bit floats are refused.
//! - `Mod` of floats divides in 32 bits too, so that a quotient just below an integer may be
//!   rounded up to it.
//! - If all scores of a row of attention are negative infinity, the result is 0.
//!
//! # Features
//!
//! - `flex`: burn-flex, on the CPU. With threads natively, and in wasm with shared memory.
//! - `wgpu`: burn-wgpu with kernel fusion and autotune, and kernels in WGSL.
//! - `spirv`: the same with kernels in SPIR-V for Vulkan drivers that take it. On macOS kernels are
//!   always in Metal's own language.

mod engine;
mod import;
mod lower;
mod ops;
mod runtime;

pub use engine::{Burn, VERSION};
#[cfg(feature = "wgpu")]
pub use runtime::device::{adapters, preferred_adapter};
pub use tare_core::{NamedTensor, Session, Tensor, TensorData};
