//! WGSL kernels on an adapter whose own compiler takes another language: what a browser gets,
//! without the browser.
//!
//! cubecl chooses the compiler by the adapter and has no switch for it (UPSTREAM.md: "the compiler
//! cannot be chosen"). So it gets a wrapper that it does not recognize as a Vulkan or Metal
//! adapter, with a device of the real adapter.

use burn_wgpu::WgpuSetup;
use wgpu::custom::{AdapterInterface, DispatchSurface, RequestDeviceFuture};
use wgpu::{
    Adapter, AdapterInfo, CooperativeMatrixProperties, DeviceDescriptor, DownlevelCapabilities, ExperimentalFeatures,
    Features, Limits, MemoryHints, PresentationTimestamp, RequestDeviceError, TextureFormat, TextureFormatFeatures,
    Trace,
};

/// An adapter without its native handle.
#[derive(Debug)]
struct WithoutHandle(Adapter);

impl WithoutHandle {
    /// The features that cubecl requests where it only has WGSL: without those that only native
    /// compilers use.
    fn usable(&self) -> Features {
        self.0.features() - Features::MAPPABLE_PRIMARY_BUFFERS - Features::all_experimental_mask()
    }
}

/// A second device of the same adapter, for WGSL kernels.
pub(super) async fn setup(native: &WgpuSetup) -> Result<WgpuSetup, RequestDeviceError> {
    let adapter = WithoutHandle(native.adapter.clone());
    let descriptor = DeviceDescriptor {
        label: None,
        required_features: adapter.usable(),
        required_limits: adapter.limits(),
        experimental_features: ExperimentalFeatures::disabled(),
        memory_hints: MemoryHints::MemoryUsage,
        trace: Trace::Off,
    };
    let (device, queue) = native.adapter.request_device(&descriptor).await?;
    Ok(WgpuSetup {
        instance: native.instance.clone(),
        adapter: Adapter::from_custom(adapter),
        device,
        queue,
        backend: native.backend,
    })
}

impl AdapterInterface for WithoutHandle {
    fn features(&self) -> Features {
        self.usable()
    }

    fn limits(&self) -> Limits {
        self.0.limits()
    }

    fn get_info(&self) -> AdapterInfo {
        self.0.get_info()
    }

    fn downlevel_capabilities(&self) -> DownlevelCapabilities {
        self.0.get_downlevel_capabilities()
    }

    fn get_texture_format_features(&self, format: TextureFormat) -> TextureFormatFeatures {
        self.0.get_texture_format_features(format)
    }

    fn get_presentation_timestamp(&self) -> PresentationTimestamp {
        self.0.get_presentation_timestamp()
    }

    fn cooperative_matrix_properties(&self) -> Vec<CooperativeMatrixProperties> {
        vec![]
    }

    fn is_surface_supported(&self, _: &DispatchSurface) -> bool {
        false
    }

    fn request_device(&self, _: &DeviceDescriptor<'_>) -> std::pin::Pin<Box<dyn RequestDeviceFuture>> {
        unreachable!("the setup that holds this adapter has its device already")
    }
}
