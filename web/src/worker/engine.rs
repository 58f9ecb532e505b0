//! The engine of this module. `CONTRIBUTING.md` explains how to add one.

use tare_core::Engine;
use tare_record::Failure;

/// How the engine of this module is set up.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "each module reads what its engine has")]
pub(super) struct Setup {
    pub(super) threads: usize,
    /// Whether it computes in f16.
    pub(super) in_f16: bool,
}

impl Setup {
    /// On one thread, as the model is.
    pub(super) const PLAIN: Self = Self {
        threads: 1,
        in_f16: false,
    };

    pub(super) fn of(request: &tare_record::CellRequest) -> Self {
        Self {
            threads: request.threads,
            in_f16: request.in_f16(),
        }
    }
}

#[cfg(feature = "tract")]
pub(super) async fn engine(setup: Setup) -> Result<Box<dyn Engine>, Failure> {
    Ok(Box::new(tare_tract::Tract::new(setup.threads)))
}

#[cfg(feature = "rten")]
pub(super) async fn engine(setup: Setup) -> Result<Box<dyn Engine>, Failure> {
    Ok(Box::new(tare_rten::Rten::new(setup.threads)))
}

#[cfg(feature = "ort-web")]
pub(super) async fn engine(setup: Setup) -> Result<Box<dyn Engine>, Failure> {
    Ok(Box::new(tare_ort_web::OrtWeb::on_cpu(setup.threads).await?))
}

#[cfg(feature = "ort-webgpu")]
pub(super) async fn engine(_: Setup) -> Result<Box<dyn Engine>, Failure> {
    Ok(Box::new(tare_ort_web::OrtWeb::on_gpu().await?))
}

#[cfg(feature = "burn-flex")]
pub(super) async fn engine(setup: Setup) -> Result<Box<dyn Engine>, Failure> {
    let burn = tare_burn::Burn::flex(setup.threads);
    Ok(Box::new(if setup.in_f16 { burn.in_f16() } else { burn }))
}

/// Rejects adapters that lack features before burn opens them, because burn panics on such
/// adapters.
#[cfg(feature = "burn-wgpu")]
pub(super) async fn engine(setup: Setup) -> Result<Box<dyn Engine>, Failure> {
    match crate::webgpu::prepare().await {
        None => {
            let burn = tare_burn::Burn::wgpu();
            Ok(Box::new(if setup.in_f16 { burn.in_f16() } else { burn }))
        }
        Some(reason) => Err(Failure::new(tare_record::FailureKind::Device, reason)
            .with_hint("use a browser and a graphics adapter that support these WebGPU features, or choose tract")),
    }
}
