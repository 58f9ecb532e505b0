//! The devices that models run on.

use std::collections::BTreeMap;

use burn_dispatch::DispatchDevice;
use tare_core::SessionInfo;
use tare_record::Failure;

use crate::lower::Lowered;

#[cfg(feature = "wgpu")]
mod gpu;
#[cfg(feature = "wgpu")]
pub use gpu::adapters;
pub(crate) use kernel_watch::KernelWatch;

mod kernel_watch;
#[cfg(all(feature = "wgpu", not(target_family = "wasm")))]
mod wgsl;

/// The largest tensor on a CPU: what addresses of 32 bits leave room for in a browser, and natively more than any model has.
const MOST_BYTES_ON_CPU: u64 = if cfg!(target_family = "wasm") { 1 << 31 } else { 1 << 34 };

/// Which device to open.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    #[cfg(feature = "flex")]
    Flex { threads: usize },
    #[cfg(feature = "wgpu")]
    Wgpu { in_wgsl: bool },
}

impl Target {
    /// Whether burn's attention is faster than its parts: on graphics adapters those are fused with what stands around them.
    pub(crate) fn fuses_attention(&self) -> bool {
        match self {
            #[cfg(feature = "flex")]
            Target::Flex { .. } => true,
            #[cfg(feature = "wgpu")]
            Target::Wgpu { .. } => false,
        }
    }

    pub(crate) fn settings(&self) -> BTreeMap<String, String> {
        let settings: &[(&str, &str)] = match self {
            #[cfg(feature = "flex")]
            Target::Flex { .. } => &[("backend", "flex")],
            #[cfg(feature = "wgpu")]
            Target::Wgpu { .. } => &[
                ("backend", "wgpu"),
                ("fusion", "on"),
                ("autotune", "on"),
                // What the worker changes before burn sees WebGPU: see web/workers/webgpu.js.
                #[cfg(target_family = "wasm")]
                ("webgpu_subgroups", "asked for; subgroup_uniformity off"),
            ],
        };
        settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    pub(crate) async fn open(&self) -> Result<Opened, Failure> {
        match self {
            #[cfg(feature = "flex")]
            Target::Flex { threads } => Ok(Opened {
                dispatch: DispatchDevice::Flex(Default::default()),
                facts: SessionInfo {
                    threads: *threads,
                    vector_level: vector_level(),
                    ..SessionInfo::default()
                },
                is_gpu: false,
            }),
            #[cfg(feature = "wgpu")]
            Target::Wgpu { in_wgsl } => gpu::open(*in_wgsl).await,
        }
    }
}

/// A device that is ready.
pub(crate) struct Opened {
    dispatch: DispatchDevice,
    facts: SessionInfo,
    is_gpu: bool,
}

impl Opened {
    pub(crate) fn dispatch(&self) -> &DispatchDevice {
        &self.dispatch
    }

    pub(crate) fn info(&self) -> SessionInfo {
        self.facts.clone()
    }

    pub(crate) fn watch_kernels(&self) -> KernelWatch {
        KernelWatch::new(self.is_gpu)
    }

    /// Refuses a model with a tensor that the device cannot hold.
    pub(crate) fn check_limits(&self, lowered: &Lowered) -> Result<(), Failure> {
        let (holder, most) = match self.facts.adapter.as_ref().map(|adapter| &adapter.limits) {
            None => ("burn-flex", MOST_BYTES_ON_CPU),
            Some(limits) => {
                let limit = |name: &str| limits.get(name).copied().unwrap_or(u64::MAX);
                let most = limit("maxStorageBufferBindingSize").min(limit("maxBufferSize"));
                ("the adapter", most)
            }
        };
        // All device values have 32 bits.
        let sizes = lowered.largest.iter().map(|&size| size as u64);
        let largest = sizes.fold(4u64, u64::saturating_mul);
        if largest <= most {
            return Ok(());
        }
        Err(Failure::new(
            tare_record::FailureKind::Device,
            format!(
                "the model has a tensor of shape {:?}, {largest} bytes, and {holder} holds at most {most} bytes in one",
                lowered.largest
            ),
        )
        .with_hint("run this model on tract, or with smaller inputs"))
    }

    /// Waits until everything that was submitted has been done.
    pub(crate) async fn wait(&self) -> Result<(), Failure> {
        match &self.dispatch {
            #[cfg(feature = "wgpu")]
            DispatchDevice::Cube(device) => gpu::wait(device).await,
            #[allow(unreachable_patterns, reason = "the other backends compute at once")]
            _ => Ok(()),
        }
    }

    /// Runs `work`, and tells how long the device computed for it by its own clock, in nanoseconds; `None` where it has none.
    pub(crate) async fn timed(&self, work: impl FnOnce() + Send) -> Result<Option<u64>, Failure> {
        match &self.dispatch {
            #[cfg(feature = "wgpu")]
            DispatchDevice::Cube(_) => gpu::timed(&self.dispatch, work).await,
            #[allow(unreachable_patterns, reason = "the other backends have no clock of their own")]
            _ => {
                let _ = work;
                Ok(None)
            }
        }
    }

    /// Bytes that the device holds for burn; `None` for a CPU.
    pub(crate) fn device_bytes(&self) -> Option<u64> {
        if !self.is_gpu {
            return None;
        }
        burn_tensor::Device::new(self.dispatch.clone())
            .memory_pool_usage()
            .map(|usage| usage.bytes_reserved)
    }
}

/// Sets burn-flex's threads for the whole process; returns how many there are. In wasm they were started before, if its memory can be
/// shared.
#[cfg(feature = "flex")]
pub(crate) fn use_threads(threads: usize) -> usize {
    #[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
    {
        let _ = threads;
        1
    }
    #[cfg(any(not(target_family = "wasm"), target_feature = "atomics"))]
    {
        // Fails if the pool exists already; then its size is what counts.
        let _ = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .build_global();
        rayon::current_num_threads()
    }
}

/// The widest vector instructions that burn-flex's kernels choose from on this machine.
#[cfg(feature = "flex")]
fn vector_level() -> String {
    #[cfg(target_arch = "x86_64")]
    let level = if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
        "fma"
    } else {
        "sse2"
    };
    #[cfg(target_arch = "aarch64")]
    let level = "neon";
    #[cfg(target_arch = "wasm32")]
    let level = if cfg!(target_feature = "simd128") {
        "simd"
    } else {
        "none"
    };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "wasm32")))]
    let level = "unknown";
    level.to_owned()
}
