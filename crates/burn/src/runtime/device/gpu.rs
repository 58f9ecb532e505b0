//! Opening a graphics adapter.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use burn_backend::TimingMethod;
use burn_dispatch::DispatchDevice;
use burn_tensor::Device;
use cubecl::client::Client;
use cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};
use tare_core::SessionInfo;
use tare_record::{Failure, FailureKind};

use super::adapters::describe;
use super::opened::OpenedDevice;
#[cfg(not(target_family = "wasm"))]
use super::wgsl;

/// A device that this process has registered. burn refuses to register one twice (UPSTREAM.md:
/// "a process registers its device once").
#[derive(Clone)]
struct Known {
    in_wgsl: bool,
    dispatch: DispatchDevice,
    info: SessionInfo,
    setup: burn_wgpu::WgpuSetup,
}

static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

/// Opens the best adapter, hardware before software. Later models share the device of the first.
/// With `in_wgsl` kernels are compiled from WGSL, as in a browser, although the platform's own
/// compiler takes another language.
pub(super) async fn open(in_wgsl: bool) -> Result<OpenedDevice, Failure> {
    let device = known(false, register()).await?;
    #[cfg(not(target_family = "wasm"))]
    let device = with_compiler(device, in_wgsl).await?;
    // The only compiler of a browser takes WGSL.
    #[cfg(target_family = "wasm")]
    let _ = in_wgsl;
    Ok(OpenedDevice::gpu(
        device.dispatch,
        device.info,
        device.setup.device,
        device.setup.queue,
    ))
}

/// The device of the same adapter with the shader compiler that was asked for. Software adapters
/// get WGSL, because their other compilers give wrong results.
#[cfg(not(target_family = "wasm"))]
async fn with_compiler(native: Known, in_wgsl: bool) -> Result<Known, Failure> {
    let language = native.info.shader_language.as_deref().unwrap_or("unknown");
    // From SPIR-V, SwiftShader computes wrong matrix products and llvmpipe crashes (UPSTREAM.md:
    // "matrix products are wrong on SwiftShader").
    let is_software = native.info.adapter.as_ref().is_some_and(|adapter| adapter.software);
    match (language == WGSL || is_software, in_wgsl) {
        (true, true) => Err(Failure::new(
            FailureKind::Device,
            format!(
                "kernels are compiled from WGSL here already: no other shader compiler computes correctly on {}",
                native.info.adapter.map_or_else(String::new, |adapter| adapter.name)
            ),
        )),
        (true, false) if language != WGSL => {
            let mut in_wgsl = known(true, register_in_wgsl(&native)).await?;
            let why = format!("wgsl, because software adapters compute wrongly from {language}");
            in_wgsl.info.settings.insert("shader_compiler".into(), why);
            Ok(in_wgsl)
        }
        (false, true) => known(true, register_in_wgsl(&native)).await,
        (_, false) => Ok(native),
    }
}

/// The device that this process has registered, or the one that `register` registers.
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

/// Registers the best adapter with the platform's own compiler.
async fn register() -> Result<Known, Failure> {
    let (device, setup) = Device::wgpu_options().init_with_setup_async().await.map_err(|error| {
        Failure::new(FailureKind::Device, format!("no usable graphics adapter: {error}")).with_hint(
            "install a Vulkan driver (Mesa's llvmpipe computes on the CPU), or exclude burn-wgpu with --engine",
        )
    })?;
    Ok(Known {
        in_wgsl: false,
        info: info(&device, &setup),
        dispatch: device.as_dispatch().clone(),
        setup,
    })
}

/// Registers the adapter once more, with a device whose kernels are compiled from WGSL.
#[cfg(not(target_family = "wasm"))]
async fn register_in_wgsl(native: &Known) -> Result<Known, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(
            FailureKind::Device,
            format!("the graphics adapter opened no device for WGSL kernels: {error}"),
        )
    };
    let setup = wgsl::setup(&native.setup).await.map_err(|error| failed(&error))?;
    let device = Device::wgpu_options()
        .setup(setup.clone())
        .init()
        .map_err(|error| failed(&error))?;
    Ok(Known {
        in_wgsl: true,
        info: info(&device, &setup),
        dispatch: device.as_dispatch().clone(),
        setup,
    })
}

#[cfg(not(target_family = "wasm"))]
const WGSL: &str = "wgsl";

/// What a session records about the device.
fn info(device: &Device, setup: &burn_wgpu::WgpuSetup) -> SessionInfo {
    let adapter = describe(&setup.adapter, &setup.device.features(), &setup.device.limits());
    let client = match device.as_dispatch() {
        DispatchDevice::Cube(device) => Some(device.client()),
        #[allow(unreachable_patterns, reason = "builds without burn-flex have no other variant")]
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

/// How cubecl chooses kernels.
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
