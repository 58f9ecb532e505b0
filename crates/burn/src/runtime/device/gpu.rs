use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use burn_backend::{Backend, ProfileOptions, TimingMethod};
use burn_dispatch::devices::CubeDevice;
use burn_dispatch::{Dispatch, DispatchDevice};
use burn_tensor::Device;
use burn_tensor::wgpu::wgpu;
use cubecl::client::Client;
use cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};
use tare_core::SessionInfo;
use tare_record::{Adapter, Failure, FailureKind};

use super::Opened;

/// A device of this process; burn refuses to register one twice.
#[derive(Clone)]
struct Known {
    in_wgsl: bool,
    dispatch: DispatchDevice,
    facts: SessionInfo,
    #[cfg(not(target_family = "wasm"))]
    setup: burn_tensor::wgpu::WgpuSetup,
}

static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

/// Opens the best adapter: a hardware one before a software one. Later models share the device of the first. `in_wgsl` has kernels
/// compiled from WGSL, as in a browser, where the platform's own compiler takes another language.
pub(crate) async fn open(in_wgsl: bool) -> Result<Opened, Failure> {
    let plain = known(false, register()).await?;
    #[cfg(not(target_family = "wasm"))]
    let plain = compiled(plain, in_wgsl).await?;
    // A browser's only compiler takes WGSL.
    #[cfg(target_family = "wasm")]
    let _ = in_wgsl;
    Ok(Opened {
        dispatch: plain.dispatch,
        facts: plain.facts,
        is_gpu: true,
    })
}

/// The device of the same adapter for the compiler that is asked for, or that computes right.
#[cfg(not(target_family = "wasm"))]
async fn compiled(native: Known, in_wgsl: bool) -> Result<Known, Failure> {
    let language = native.facts.shader_language.as_deref().unwrap_or("unknown");
    // Seen on both drivers for the CPU: SwiftShader's matrix products are wrong, and llvmpipe crashes (UPSTREAM.md).
    let is_software = native.facts.adapter.as_ref().is_some_and(|adapter| adapter.software);
    match (language == WGSL || is_software, in_wgsl) {
        (true, true) => Err(Failure::new(
            FailureKind::Device,
            format!(
                "kernels are in WGSL here already: there is no other compiler that computes right for {}",
                native.facts.adapter.map_or_else(String::new, |adapter| adapter.name)
            ),
        )),
        (true, false) if language != WGSL => {
            let mut in_wgsl = known(true, register_in_wgsl(&native)).await?;
            let why = format!("wgsl, because software adapters compute wrongly from {language}");
            in_wgsl.facts.settings.insert("shader_compiler".into(), why);
            Ok(in_wgsl)
        }
        (false, true) => known(true, register_in_wgsl(&native)).await,
        (_, false) => Ok(native),
    }
}

/// The device that is known, or the one that `register` registers.
async fn known(in_wgsl: bool, register: impl Future<Output = Result<Known, Failure>>) -> Result<Known, Failure> {
    let devices = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let found = devices().iter().find(|known| known.in_wgsl == in_wgsl).cloned();
    match found {
        Some(known) => Ok(known),
        None => {
            let registered = register.await?;
            devices().push(registered.clone());
            Ok(registered)
        }
    }
}

async fn register() -> Result<Known, Failure> {
    let (device, setup) = Device::wgpu_options().init_with_setup_async().await.map_err(|error| {
        Failure::new(FailureKind::Device, format!("no usable graphics adapter: {error}")).with_hint(
            "install a Vulkan driver (Mesa's llvmpipe computes on the CPU), or leave burn-wgpu out with --engine",
        )
    })?;
    Ok(Known {
        in_wgsl: false,
        facts: facts(&device, &setup),
        dispatch: device.as_dispatch().clone(),
        #[cfg(not(target_family = "wasm"))]
        setup,
    })
}

#[cfg(not(target_family = "wasm"))]
async fn register_in_wgsl(native: &Known) -> Result<Known, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(
            FailureKind::Device,
            format!("the graphics adapter gave no device for kernels in WGSL: {error}"),
        )
    };
    let setup = super::wgsl::setup(&native.setup)
        .await
        .map_err(|error| failed(&error))?;
    let device = Device::wgpu_options()
        .setup(setup.clone())
        .init()
        .map_err(|error| failed(&error))?;
    Ok(Known {
        in_wgsl: true,
        facts: facts(&device, &setup),
        dispatch: device.as_dispatch().clone(),
        setup,
    })
}

#[cfg(not(target_family = "wasm"))]
const WGSL: &str = "wgsl";

fn facts(device: &Device, setup: &burn_tensor::wgpu::WgpuSetup) -> SessionInfo {
    let adapter = describe(&setup.adapter, &setup.device.features(), &setup.device.limits());
    let client = match device.as_dispatch() {
        DispatchDevice::Cube(device) => Some(device.client()),
        #[allow(unreachable_patterns, reason = "of builds without burn-flex")]
        _ => None,
    };
    SessionInfo {
        threads: 1,
        vector_level: "gpu".into(),
        adapter: Some(adapter),
        shader_language: client.as_ref().and_then(|client| {
            // cubecl names a client by its compiler, for example `wgpu<spirv>`.
            client.name().split(['<', '>']).nth(1).map(str::to_owned)
        }),
        settings: client.as_ref().map(tuning).unwrap_or_default(),
    }
}

/// How kernels are chosen.
fn tuning(client: &Client) -> BTreeMap<String, String> {
    let level = format!("{:?}", CubeClRuntimeConfig::get().autotune.level).to_lowercase();
    let timed_by = match client.properties().timing_method {
        TimingMethod::Device => "timestamps of the adapter",
        TimingMethod::System => "the system's clock",
    };
    BTreeMap::from([
        ("autotune_level".into(), level),
        ("autotune_timed_by".into(), timed_by.into()),
    ])
}

pub(crate) async fn wait(device: &CubeDevice) -> Result<(), Failure> {
    device
        .client()
        .sync()
        .await
        .map_err(|error| Failure::new(FailureKind::Run, format!("the graphics device failed: {error:?}")))
}

/// Timestamps of the adapter before and after all that `work` asks for.
pub(crate) async fn timed(device: &DispatchDevice, work: impl FnOnce() + Send) -> Result<Option<u64>, Failure> {
    let failed = |error: &dyn std::fmt::Debug| {
        Failure::new(
            FailureKind::Run,
            format!("the graphics device was not timed: {error:?}"),
        )
    };
    let options = ProfileOptions::default().flush();
    let ((), duration) = Dispatch::profile(device, options, work).map_err(|error| failed(&error))?;
    if duration.timing_method() != TimingMethod::Device {
        return Ok(None);
    }
    let ticks = duration.resolve().await;
    Ok(ticks.map(|ticks| u64::try_from(ticks.duration().as_nanos()).unwrap_or(u64::MAX)))
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
