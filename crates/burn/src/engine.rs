//! The engine: burn on one device.

use async_trait::async_trait;
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
        }
    }

    /// burn-wgpu with kernels in the language of the platform's compiler: SPIR-V on Vulkan with the
    /// feature `spirv`, MSL on Metal, WGSL elsewhere and in browsers. The adapter is opened when
    /// the first model is loaded.
    #[cfg(feature = "wgpu")]
    pub fn wgpu() -> Self {
        Self {
            target: Target::Wgpu { in_wgsl: false },
        }
    }

    /// burn-wgpu on the same adapter with WGSL kernels, as in a browser. Loading fails if
    /// [`wgpu`](Self::wgpu) takes WGSL anyway.
    #[cfg(all(feature = "wgpu", not(target_family = "wasm")))]
    pub fn wgpu_in_wgsl() -> Self {
        Self {
            target: Target::Wgpu { in_wgsl: true },
        }
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
        opened.check_limits(&lowered.largest_shape)?;
        let session = BurnSession::new(opened, lowered)?;
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
            settings: self.target.settings(),
        }
    }

    async fn load(&self, model: Bytes, inputs: &[NamedTensor], clock: &dyn Clock) -> Result<Loaded, Failure> {
        let (session, phases) = self.session(model, inputs, clock).await?;
        Ok(Loaded {
            session: Box::new(session),
            phases,
        })
    }
}
