//! Choosing a device.

use std::collections::BTreeMap;

use tare_record::Failure;

#[cfg(feature = "flex")]
use super::flex;
#[cfg(feature = "wgpu")]
use super::gpu;
use super::opened::OpenedDevice;

/// Which device to open.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    #[cfg(feature = "flex")]
    Flex { threads: usize },
    #[cfg(feature = "wgpu")]
    Wgpu { in_wgsl: bool },
}

impl Target {
    /// Whether burn's attention is faster than the operations it consists of. On graphics adapters
    /// it is not, because burn fuses those with the operations around them.
    pub(crate) fn fuses_attention(&self) -> bool {
        match self {
            #[cfg(feature = "flex")]
            Target::Flex { .. } => true,
            #[cfg(feature = "wgpu")]
            Target::Wgpu { .. } => false,
        }
    }

    /// Settings of the backend, as they are recorded.
    pub(crate) fn settings(&self) -> BTreeMap<String, String> {
        let settings: &[(&str, &str)] = match self {
            #[cfg(feature = "flex")]
            Target::Flex { .. } => &[("backend", "flex"), ("elementary_functions", tare_vector_math::SOURCE)],
            #[cfg(feature = "wgpu")]
            Target::Wgpu { .. } => &[
                ("backend", "wgpu"),
                ("fusion", "on"),
                ("autotune", "on"),
                // web/scripts/webgpu.js changes this before burn sees WebGPU.
                #[cfg(target_family = "wasm")]
                ("webgpu_subgroups", "asked for; subgroup_uniformity off"),
            ],
        };
        settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// Opens the device.
    pub(crate) async fn open(&self) -> Result<OpenedDevice, Failure> {
        match self {
            #[cfg(feature = "flex")]
            Target::Flex { threads } => Ok(flex::open(*threads)),
            #[cfg(feature = "wgpu")]
            Target::Wgpu { in_wgsl } => gpu::open(*in_wgsl).await,
        }
    }
}
