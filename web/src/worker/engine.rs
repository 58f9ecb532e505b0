//! The engine of this module. `CONTRIBUTING.md` says how to add one.

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

/// burn panics on adapters that lack what it needs, so they are refused before it sees them.
#[cfg(feature = "burn-wgpu")]
pub(super) async fn engine(_: usize) -> Result<Box<dyn Engine>, Failure> {
    match crate::webgpu::prepare().await {
        None => Ok(Box::new(tare_burn::Burn::wgpu())),
        Some(reason) => Err(Failure::new(tare_record::FailureKind::Device, reason)
            .with_hint("use a browser with WebGPU on a graphics adapter that has these features, or run on tract")),
    }
}
