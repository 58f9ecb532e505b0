//! The devices that models run on.

#[cfg(feature = "wgpu")]
mod adapters;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "wgpu")]
mod gpu;
#[cfg(feature = "wgpu")]
mod gpu_peak;
#[cfg(feature = "wgpu")]
mod gpu_sync;
mod kernel_watch;
mod opened;
mod target;
#[cfg(all(feature = "wgpu", not(target_family = "wasm")))]
mod wgsl;

#[cfg(feature = "wgpu")]
pub use adapters::{adapters, preferred_adapter};
#[cfg(feature = "flex")]
pub(crate) use flex::use_threads;
pub(crate) use kernel_watch::KernelWatch;
pub(crate) use opened::OpenedDevice;
pub(crate) use target::Target;
