//! A device that is open: its facts and limits, waiting for it and timing it.

use burn_backend::{Backend as _, DType, FloatDType};
use burn_dispatch::{Dispatch, DispatchDevice};
use tare_core::{Clock, SessionInfo};
use tare_record::{Failure, FailureKind, PeakSpeed};

use super::kernel_watch::KernelWatch;
#[cfg(feature = "wgpu")]
use super::{gpu_peak, gpu_sync};

/// Limit of one tensor on a CPU, in bytes: in a browser what 32-bit addresses leave room for,
/// natively more than any model needs.
const MAX_BYTES_ON_CPU: u64 = if cfg!(target_family = "wasm") { 1 << 31 } else { 1 << 34 };

/// A device that is ready to run.
pub(crate) struct OpenedDevice {
    dispatch: DispatchDevice,
    info: SessionInfo,
    is_gpu: bool,
    /// wgpu's view of a graphics adapter, for kernels of our own.
    #[cfg(feature = "wgpu")]
    gpu: Option<(wgpu::Device, wgpu::Queue)>,
}

impl OpenedDevice {
    /// A processor.
    #[cfg(feature = "flex")]
    pub(super) fn cpu(dispatch: DispatchDevice, info: SessionInfo) -> Self {
        Self {
            dispatch,
            info,
            is_gpu: false,
            #[cfg(feature = "wgpu")]
            gpu: None,
        }
    }

    /// A graphics adapter.
    #[cfg(feature = "wgpu")]
    pub(super) fn gpu(dispatch: DispatchDevice, info: SessionInfo, device: wgpu::Device, queue: wgpu::Queue) -> Self {
        Self {
            dispatch,
            info,
            is_gpu: true,
            gpu: Some((device, queue)),
        }
    }

    pub(crate) fn dispatch(&self) -> &DispatchDevice {
        &self.dispatch
    }

    pub(crate) fn info(&self) -> SessionInfo {
        self.info.clone()
    }

    /// The type of floats for f16.
    ///
    /// # Errors
    ///
    /// If the device does not compute in f16.
    pub(crate) fn f16(&self) -> Result<FloatDType, Failure> {
        if Dispatch::supports_dtype(&self.dispatch, DType::F16) {
            return Ok(FloatDType::F16);
        }
        let name = self
            .info
            .adapter
            .as_ref()
            .map_or("the processor", |adapter| &adapter.name);
        Err(
            Failure::new(FailureKind::Device, format!("{name} does not compute in f16"))
                .with_hint("store the weights alone in f16: f16-weights"),
        )
    }

    /// Whether a run can be submitted while another is under way.
    pub(crate) fn takes_submissions(&self) -> bool {
        self.is_gpu
    }

    /// Watches which kernels run, if the device tunes its kernels.
    pub(crate) fn watch_kernels(&self) -> KernelWatch {
        KernelWatch::new(self.is_gpu)
    }

    /// Refuses a model whose largest tensor, of this shape, is more than the device can hold.
    pub(crate) fn check_limits(&self, largest_shape: &[usize], floats: FloatDType) -> Result<(), Failure> {
        let (holder, limit_bytes) = match self.info.adapter.as_ref().map(|adapter| &adapter.limits) {
            None => ("burn-flex", MAX_BYTES_ON_CPU),
            Some(limits) => {
                let limit = |name: &str| limits.get(name).copied().unwrap_or(u64::MAX);
                let bytes = limit("maxStorageBufferBindingSize").min(limit("maxBufferSize"));
                ("the adapter", bytes)
            }
        };
        let element_bytes = if floats == FloatDType::F16 { 2 } else { 4 };
        let sizes = largest_shape.iter().map(|&size| size as u64);
        let bytes = sizes.fold(element_bytes, u64::saturating_mul);
        if bytes <= limit_bytes {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::Device,
            format!(
                "the model has a tensor of shape {largest_shape:?}, which takes {bytes} bytes; \
                 {holder} holds at most {limit_bytes} bytes in one tensor"
            ),
        )
        .with_hint("run this model on tract, or with smaller inputs"))
    }

    /// Waits until the device has finished everything that was submitted.
    pub(crate) async fn wait(&self) -> Result<(), Failure> {
        match &self.dispatch {
            #[cfg(feature = "wgpu")]
            DispatchDevice::Cube(device) => gpu_sync::wait(device).await,
            #[allow(unreachable_patterns, reason = "the other backends compute synchronously")]
            _ => Ok(()),
        }
    }

    /// Runs `work` and returns how long the device computed, in nanoseconds of its own clock.
    /// `None` if it has no clock.
    pub(crate) async fn time(&self, work: impl FnOnce() + Send) -> Result<Option<u64>, Failure> {
        match &self.dispatch {
            #[cfg(feature = "wgpu")]
            DispatchDevice::Cube(_) => gpu_sync::time(&self.dispatch, work).await,
            #[allow(unreachable_patterns, reason = "the other backends have no clock")]
            _ => {
                let _ = work;
                Ok(None)
            }
        }
    }

    /// Speeds that no kernel can exceed.
    pub(crate) async fn peak_speed(&self, clock: &dyn Clock) -> Option<PeakSpeed> {
        #[cfg(feature = "wgpu")]
        if let Some((device, queue)) = &self.gpu {
            return gpu_peak::peak_speed(device, queue, clock).await;
        }
        #[cfg(feature = "flex")]
        if !self.is_gpu {
            return tare_peak::peak_speed(self.info.threads, &self.info.vector_level, clock);
        }
        let _ = clock;
        None
    }

    /// Bytes that burn has reserved on the device. `None` for a CPU.
    pub(crate) fn device_bytes(&self) -> Option<u64> {
        if !self.is_gpu {
            return None;
        }
        burn_tensor::Device::new(self.dispatch.clone())
            .memory_pool_usage()
            .map(|usage| usage.bytes_reserved)
    }
}
