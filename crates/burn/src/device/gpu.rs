use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use burn_dispatch::DispatchDevice;
use burn_dispatch::devices::CubeDevice;
use burn_tensor::Device;
use burn_tensor::wgpu::wgpu;
use tare_core::{EngineError, SessionFacts};
use tare_record::{Adapter, FailureKind};

use super::Opened;

/// The device of this process, which burn refuses to register twice.
static DEVICE: Mutex<Option<(DispatchDevice, SessionFacts)>> = Mutex::new(None);

/// Opens the best adapter: a hardware one before a software one. Later models share the device of the first.
pub(super) async fn open() -> Result<Opened, EngineError> {
    let known = DEVICE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (dispatch, facts) = match known {
        Some(known) => known,
        None => {
            let opened = register().await?;
            DEVICE
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(opened)
                .clone()
        }
    };
    Ok(Opened {
        dispatch,
        facts,
        is_gpu: true,
    })
}

async fn register() -> Result<(DispatchDevice, SessionFacts), EngineError> {
    let (device, setup) = Device::wgpu_options().init_with_setup_async().await.map_err(|error| {
        EngineError::new(FailureKind::Device, format!("no usable graphics adapter: {error}")).with_hint(
            "install a Vulkan driver (Mesa's llvmpipe computes on the CPU), or leave burn-wgpu out with --engine",
        )
    })?;
    let adapter = describe(&setup.adapter, &setup.device.features(), &setup.device.limits());
    let facts = SessionFacts {
        threads: 1,
        vector_level: "gpu".into(),
        adapter: Some(adapter),
        // Without burn's `vulkan` and `metal` features its only compiler writes WGSL.
        shader_language: Some("wgsl".into()),
    };
    Ok((device.as_dispatch().clone(), facts))
}

pub(super) async fn wait(device: &CubeDevice) -> Result<(), EngineError> {
    device
        .client()
        .sync()
        .await
        .map_err(|error| EngineError::new(FailureKind::Run, format!("the graphics device failed: {error:?}")))
}

/// All adapters that burn-wgpu could open, on every graphics API of this system.
pub async fn adapters() -> Vec<Adapter> {
    let instance = wgpu::Instance::default();
    let adapters = instance.enumerate_adapters(wgpu::Backends::all()).await;
    adapters
        .iter()
        .map(|adapter| describe(adapter, &adapter.features(), &adapter.limits()))
        .collect()
}

fn describe(adapter: &wgpu::Adapter, features: &wgpu::Features, limits: &wgpu::Limits) -> Adapter {
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

/// Browsers do not say that an adapter is a CPU, but its name does.
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
