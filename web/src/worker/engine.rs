//! The engine of this module. `CONTRIBUTING.md` explains how to add one.

use tare_core::Engine;
use tare_record::Failure;

#[cfg(feature = "tract")]
pub(super) async fn engine(threads: usize) -> Result<Box<dyn Engine>, Failure> {
    Ok(Box::new(tare_tract::Tract::new(threads)))
}

#[cfg(feature = "burn-flex")]
pub(super) async fn engine(threads: usize) -> Result<Box<dyn Engine>, Failure> {
    Ok(Box::new(tare_burn::Burn::flex(threads)))
}

/// Rejects adapters that lack features before burn opens them, because burn panics on such
/// adapters.
#[cfg(feature = "burn-wgpu")]
pub(super) async fn engine(_: usize) -> Result<Box<dyn Engine>, Failure> {
    match crate::webgpu::prepare().await {
        None => Ok(Box::new(tare_burn::Burn::wgpu())),
        Some(reason) => Err(Failure::new(tare_record::FailureKind::Device, reason)
            .with_hint("use a browser and a graphics adapter that support these WebGPU features, or choose tract")),
    }
}
