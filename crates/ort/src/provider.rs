//! What onnxruntime computes on: its execution providers.

use std::collections::BTreeMap;

use ort::ep::directml::PerformancePreference;
use ort::ep::{self, ExecutionProvider as _, ExecutionProviderDispatch};
use ort::session::builder::{AutoDevicePolicy, SessionBuilder};
use tare_record::EngineName;

use crate::assignment;
use crate::library::LIBRARY_VARIABLE;

/// What onnxruntime computes on. Any but the CPU needs a library that was built with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// The CPU.
    Cpu,
    /// NVIDIA's GPUs, through CUDA and cuDNN.
    Cuda,
    /// Apple's GPU and Neural Engine, through Core ML.
    CoreMl,
    /// Any GPU on Windows, through DirectML.
    DirectMl,
    /// Any GPU, through WebGPU: the kernels of onnxruntime-web.
    WebGpu,
}

impl Provider {
    /// Every provider that tare knows.
    pub const ALL: [Self; 5] = [Self::Cpu, Self::Cuda, Self::CoreMl, Self::DirectMl, Self::WebGpu];

    /// The provider of an engine. `None` for engines of others.
    pub fn of(engine: EngineName) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.engine() == engine)
    }

    /// Its engine.
    pub fn engine(self) -> EngineName {
        match self {
            Self::Cpu => EngineName::Ort,
            Self::Cuda => EngineName::OrtCuda,
            Self::CoreMl => EngineName::OrtCoreml,
            Self::DirectMl => EngineName::OrtDirectml,
            Self::WebGpu => EngineName::OrtWebgpu,
        }
    }

    /// How to get a library that has it.
    pub(crate) fn hint(self) -> String {
        let package = match self {
            Self::CoreMl if !cfg!(target_vendor = "apple") => return "Core ML needs a Mac".into(),
            Self::DirectMl if !cfg!(windows) => return "DirectML needs Windows".into(),
            Self::Cpu | Self::CoreMl => "onnxruntime",
            Self::Cuda => "\"onnxruntime-gpu[cuda,cudnn]\"",
            Self::DirectMl => "onnxruntime-directml",
            Self::WebGpu => "onnxruntime-webgpu",
        };
        format!("install a library that has it (pip install {package}), or set {LIBRARY_VARIABLE} to one")
    }

    /// Whether the library that is loaded was built with it.
    pub(crate) fn is_available(self) -> ort::Result<bool> {
        match self {
            Self::Cpu => ep::CPU::is_available(),
            Self::Cuda => ep::CUDA::is_available(),
            Self::CoreMl => ep::CoreML::is_available(),
            Self::DirectMl => ep::DirectML::is_available(),
            Self::WebGpu => ep::WebGPU::is_available(),
        }
    }

    /// Its name in the library, as nodes have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cpu => ep::CPU::NAME,
            Self::Cuda => ep::CUDA::NAME,
            Self::CoreMl => ep::CoreML::NAME,
            Self::DirectMl => ep::DirectML::NAME,
            Self::WebGpu => ep::WebGPU::NAME,
        }
    }

    /// Computes with it. Nodes that it does not have are left to the CPU.
    pub(crate) fn apply(self, options: SessionBuilder) -> ort::Result<SessionBuilder> {
        let dispatch: ExecutionProviderDispatch = match self {
            // Otherwise the library may choose another by itself: an NPU, where there is one.
            Self::Cpu => return Ok(options.with_auto_device(AutoDevicePolicy::PreferCPU)?),
            // In f32, as other engines: TF32 has 10 bits of fraction.
            Self::Cuda => ep::CUDA::default().with_tf32(false).build(),
            Self::CoreMl => ep::CoreML::default().build(),
            Self::DirectMl => ep::DirectML::default()
                .with_performance_preference(PerformancePreference::HighPerformance)
                .build(),
            Self::WebGpu => ep::WebGPU::default().build(),
        };
        let options = options.with_config_entry(assignment::OPTION, "1")?;
        let options = options.with_execution_providers([dispatch.error_on_failure()])?;
        Ok(match self {
            // It refuses sessions that reuse memory by a pattern.
            Self::DirectMl => options.with_memory_pattern(false)?,
            _ => options,
        })
    }

    /// What it reaches the device through, as a record says it.
    pub(crate) fn graphics_api(self) -> &'static str {
        match self {
            Self::Cpu => "",
            Self::Cuda => "cuda",
            Self::CoreMl => "coreml",
            Self::DirectMl => "directml",
            // What Dawn takes where nothing else is asked for.
            Self::WebGpu if cfg!(windows) => "dx12",
            Self::WebGpu if cfg!(target_vendor = "apple") => "metal",
            Self::WebGpu => "vulkan",
        }
    }

    /// Settings for the record.
    pub(crate) fn settings(self) -> BTreeMap<String, String> {
        match self {
            Self::Cuda => BTreeMap::from([("tf32".to_owned(), "off".to_owned())]),
            _ => BTreeMap::new(),
        }
    }
}
