//! The engine: burn on one device.

use std::collections::BTreeMap;

use async_trait::async_trait;
use burn_backend::FloatDType;
use bytes::Bytes;
use tare_core::{Clock, Engine, Loaded, NamedTensor, Session, Untimed};
use tare_record::{EngineInfo, EngineName, Failure, Phase, PhaseName};

use crate::import::model::import;
use crate::lower::driver::lower;
use crate::runtime::BurnSession;
use crate::runtime::device::Target;

/// Version of burn, as pinned in the workspace's manifest.
pub const VERSION: &str = "0.22.1";

/// burn on one device.
#[derive(Debug, Clone)]
pub struct Burn {
    target: Target,
    in_f16: bool,
}

impl Burn {
    /// burn-flex on the CPU with `threads` threads. In wasm without shared memory there is one
    /// thread, and with shared memory those that JavaScript has started.
    ///
    /// The number of threads is a property of the process: the first engine sets it.
    #[cfg(feature = "flex")]
    pub fn flex(threads: usize) -> Self {
        Self {
            target: Target::Flex {
                threads: crate::runtime::device::use_threads(threads),
            },
            in_f16: false,
        }
    }

    /// burn-wgpu with kernels in the language of the platform's compiler: SPIR-V on Vulkan with the
    /// feature `spirv`, MSL on Metal, WGSL elsewhere and in browsers. The adapter is opened when
    /// the first model is loaded.
    #[cfg(feature = "wgpu")]
    pub fn wgpu() -> Self {
        Self {
            target: Target::Wgpu { in_wgsl: false },
            in_f16: false,
        }
    }

    /// burn-wgpu on the same adapter with WGSL kernels, as in a browser. Loading fails if
    /// [`wgpu`](Self::wgpu) takes WGSL anyway.
    #[cfg(all(feature = "wgpu", not(target_family = "wasm")))]
    pub fn wgpu_in_wgsl() -> Self {
        Self {
            target: Target::Wgpu { in_wgsl: true },
            in_f16: false,
        }
    }

    /// The same, with all floats in f16 on the device. Inputs and outputs keep their types. Loading fails on a device
    /// that does not compute in f16. Finite constants and inputs beyond 65504, the largest f16, become that.
    #[must_use]
    pub fn in_f16(self) -> Self {
        Self { in_f16: true, ..self }
    }

    /// Loads a model for inputs of these names, types and shapes, in the model's order. `model` is
    /// a whole ONNX file. It is not copied if nobody else holds it.
    ///
    /// # Errors
    ///
    /// If the bytes are not an ONNX model, the model uses something that is not supported, or there
    /// is no usable device.
    pub async fn open(&self, model: impl Into<Bytes>, inputs: &[NamedTensor]) -> Result<Box<dyn Session>, Failure> {
        let (session, _) = self.session(model.into(), inputs, &Untimed).await?;
        Ok(Box::new(session))
    }

    /// The burn device that models run on, for tensors of your own. Opens it if necessary.
    ///
    /// # Errors
    ///
    /// If there is no usable device.
    pub async fn device(&self) -> Result<burn_tensor::Device, Failure> {
        let opened = self.target.open().await?;
        Ok(burn_tensor::Device::new(opened.dispatch().clone()))
    }

    fn settings(&self) -> BTreeMap<String, String> {
        let mut settings = self.target.settings();
        if self.in_f16 {
            settings.insert("arithmetic".into(), "f16".into());
        }
        settings
    }

    /// Loads a model. Returns the phases of loading too.
    async fn session(
        &self,
        model: Bytes,
        inputs: &[NamedTensor],
        clock: &dyn Clock,
    ) -> Result<(BurnSession, Vec<Phase>), Failure> {
        let mut phases = Vec::new();
        let start_ns = clock.now_ns();
        let opened = self.target.open().await?;
        phases.push(clock.phase_since(start_ns, PhaseName::Device));

        let start_ns = clock.now_ns();
        let model = import(model)?;
        phases.push(clock.phase_since(start_ns, PhaseName::Parse));

        let start_ns = clock.now_ns();
        let lowered = lower(model, inputs, self.target.fuses_attention())?;
        phases.push(clock.phase_since(start_ns, PhaseName::Optimize));

        let start_ns = clock.now_ns();
        let floats = if self.in_f16 { opened.f16()? } else { FloatDType::F32 };
        opened.check_limits(&lowered.largest_shape, floats)?;
        let session = BurnSession::new(opened, lowered, floats)?;
        session.wait().await?;
        phases.push(clock.phase_since(start_ns, PhaseName::Upload));
        Ok((session, phases))
    }
}

#[async_trait(?Send)]
impl Engine for Burn {
    fn info(&self) -> EngineInfo {
        let name = match self.target {
            #[cfg(feature = "flex")]
            Target::Flex { .. } => EngineName::BurnFlex,
            #[cfg(feature = "wgpu")]
            Target::Wgpu { .. } => EngineName::BurnWgpu,
        };
        EngineInfo {
            name,
            version: VERSION.into(),
            settings: self.settings(),
        }
    }

    fn in_f32(&self) -> Option<Box<dyn Engine>> {
        let plain = Self {
            in_f16: false,
            ..self.clone()
        };
        self.in_f16.then(|| Box::new(plain) as Box<dyn Engine>)
    }

    async fn load(&self, model: Bytes, inputs: &[NamedTensor], clock: &dyn Clock) -> Result<Loaded, Failure> {
        let (session, phases) = self.session(model, inputs, clock).await?;
        Ok(Loaded {
            session: Box::new(session),
            phases,
        })
    }
}
