//! Graphics adapters and their limits.

use std::collections::BTreeMap;

use burn_wgpu::wgpu;
use tare_record::Adapter;

/// All adapters that burn-wgpu can open, on every graphics API of this system.
pub async fn adapters() -> Vec<Adapter> {
    let instance = wgpu::Instance::default();
    let adapters = instance.enumerate_adapters(wgpu::Backends::all()).await;
    adapters
        .iter()
        .map(|adapter| describe(adapter, &adapter.features(), &adapter.limits()))
        .collect()
}

/// The fastest adapter of this system.
pub async fn preferred_adapter() -> Option<Adapter> {
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    };
    let adapter = wgpu::Instance::default().request_adapter(&options).await.ok()?;
    Some(describe(&adapter, &adapter.features(), &adapter.limits()))
}

/// An adapter as it is recorded.
pub(super) fn describe(adapter: &wgpu::Adapter, features: &wgpu::Features, limits: &wgpu::Limits) -> Adapter {
    let info = adapter.get_info();
    let mut features: Vec<String> = features
        .iter_names()
        .map(|(name, _)| name.to_ascii_lowercase().replace('_', "-"))
        .collect();
    features.sort();
    Adapter {
        name: if info.name.is_empty() {
            info.driver.clone()
        } else {
            info.name.clone()
        },
        graphics_api: match info.backend {
            wgpu::Backend::BrowserWebGpu => "browser-webgpu".into(),
            other => other.to_str().to_owned(),
        },
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        software: info.device_type == wgpu::DeviceType::Cpu || is_software_name(&info.name),
        features,
        limits: limit_map(limits),
    }
}

/// Whether the name is that of an adapter that computes on the CPU. Browsers do not say so
/// otherwise.
fn is_software_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["swiftshader", "llvmpipe", "lavapipe", "basic render"]
        .iter()
        .any(|software| name.contains(software))
}

fn limit_map(limits: &wgpu::Limits) -> BTreeMap<String, u64> {
    [
        ("maxBufferSize", limits.max_buffer_size),
        ("maxStorageBufferBindingSize", limits.max_storage_buffer_binding_size),
        (
            "maxStorageBuffersPerShaderStage",
            u64::from(limits.max_storage_buffers_per_shader_stage),
        ),
        (
            "maxComputeWorkgroupStorageSize",
            u64::from(limits.max_compute_workgroup_storage_size),
        ),
        (
            "maxComputeInvocationsPerWorkgroup",
            u64::from(limits.max_compute_invocations_per_workgroup),
        ),
        (
            "maxComputeWorkgroupsPerDimension",
            u64::from(limits.max_compute_workgroups_per_dimension),
        ),
    ]
    .into_iter()
    .map(|(name, limit)| (name.to_owned(), limit))
    .collect()
}
