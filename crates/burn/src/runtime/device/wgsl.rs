//! Kernels in WGSL on an adapter whose own compiler takes another language: what a browser is given, without the browser.
//!
//! cubecl asks the adapter which compiler it can use, and has no other switch. So it gets an adapter that is no Vulkan or Metal adapter to
//! it, beside a device of the real one.

use burn_tensor::wgpu::WgpuSetup;
use wgpu::custom::{AdapterInterface, DispatchSurface, RequestDeviceFuture};
use wgpu::{
    Adapter, AdapterInfo, CooperativeMatrixProperties, DeviceDescriptor, DownlevelCapabilities, ExperimentalFeatures,
    Features, Limits, MemoryHints, PresentationTimestamp, RequestDeviceError, TextureFormat, TextureFormatFeatures,
    Trace,
};

/// Everything of an adapter but its native handle.
#[derive(Debug)]
struct WithoutHandle(Adapter);

impl WithoutHandle {
    /// As cubecl asks for where it has WGSL alone, without what only native compilers use.
    fn usable(&self) -> Features {
        self.0.features() - Features::MAPPABLE_PRIMARY_BUFFERS - Features::all_experimental_mask()
    }
}

/// A second device of the adapter of `native`, for kernels in WGSL.
pub(crate) async fn setup(native: &WgpuSetup) -> Result<WgpuSetup, RequestDeviceError> {
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
