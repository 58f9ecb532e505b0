//! onnxruntime: the yardstick of others, with whatever library is installed, on the CPU or through its other execution providers.
//! Without a library, loading a model fails and says what to install.

mod assignment;
mod cuda;
mod library;
mod profile;
mod provider;
mod tensors;

use std::borrow::Cow;
use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use ort::environment::Environment;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session as OrtSession, SessionInputValue};
use tare_core::{Clock, Engine, Loaded, NamedTensor, ProfiledRun, Session, SessionInfo, Tensor};
use tare_record::{Adapter, EngineInfo, Failure, FailureKind, PeakSpeed, PhaseName};

pub use library::{LIBRARY_VARIABLE, find, found};
pub use provider::Provider;

/// onnxruntime on a number of CPU threads, or on a GPU.
#[derive(Debug, Clone)]
pub struct Ort {
    provider: Provider,
    threads: usize,
    adapter: fn() -> Option<Adapter>,
}

impl Ort {
    /// Creates the engine for `threads` CPU threads. The library is loaded with the first model.
    pub fn on_cpu(threads: usize) -> Self {
        Self {
            provider: Provider::Cpu,
            threads: threads.max(1),
            adapter: || None,
        }
    }

    /// Creates the engine for a GPU. The library does not say which one it computes on; `preferred` describes the fastest one, which is
    /// what it is asked for. CUDA takes the first one.
    pub fn on_gpu(provider: Provider, preferred: fn() -> Option<Adapter>) -> Self {
        Self {
            provider,
            // For the nodes that are left to the CPU.
            threads: 1,
            adapter: match provider {
                Provider::Cuda => cuda::adapter,
                _ => preferred,
            },
        }
    }

    fn is_on_gpu(&self) -> bool {
        self.provider != Provider::Cpu
    }
}

/// Why onnxruntime cannot compute with a provider on this machine: the library is missing or was built without it, or there is no device.
pub fn absence_of(provider: Provider) -> Option<Failure> {
    if let Err(failure) = library_with(provider) {
        return Some(failure);
    }
    (provider == Provider::Cuda && cuda::adapter().is_none()).then(|| {
        Failure::new(FailureKind::Device, "there is no GPU by NVIDIA that its driver offers")
            .with_hint("install NVIDIA's driver, or choose ort-webgpu")
    })
}

/// The library, if it has a provider.
fn library_with(provider: Provider) -> Result<library::Loaded, Failure> {
    let library = library::loaded().map_err(|failure| match provider {
        Provider::Cpu => failure,
        _ => failure.with_hint(provider.hint()),
    })?;
    let message = match provider.is_available() {
        Ok(true) => return Ok(library),
        Ok(false) => format!(
            "onnxruntime in {} has no {}",
            find().unwrap_or_default().display(),
            provider.name()
        ),
        Err(error) => error.message().to_owned(),
    };
    Err(Failure::new(FailureKind::Device, message).with_hint(provider.hint()))
}

#[async_trait(?Send)]
impl Engine for Ort {
    fn info(&self) -> EngineInfo {
        EngineInfo {
            name: self.provider.engine(),
            version: library::loaded().map_or_else(|_| "not found".into(), |library| library.version),
            settings: self.provider.settings(),
        }
    }

    async fn load(&self, model: Bytes, inputs: &[NamedTensor], clock: &dyn Clock) -> Result<Loaded, Failure> {
        let environment = library_with(self.provider)?.environment;
        let start_ns = clock.now_ns();
        let mut options = self.options(&environment).map_err(|error| {
            explain(&error, FailureKind::Device, "opening its device").with_hint(self.provider.hint())
        })?;
        let device = self.is_on_gpu().then(|| clock.phase_since(start_ns, PhaseName::Device));
        let start_ns = clock.now_ns();
        let session = options
            .commit_from_memory(&model)
            .map_err(|error| explain(&error, FailureKind::Unsupported, "loading the model"))?;
        // The library reads and optimizes in one step.
        let optimize = clock.phase_since(start_ns, PhaseName::Optimize);
        for input in session.inputs() {
            if !inputs.iter().any(|given| given.name == input.name()) {
                let given: Vec<&str> = inputs.iter().map(|given| given.name.as_str()).collect();
                return Err(Failure::new(
                    FailureKind::Input,
                    format!(
                        "onnxruntime expects the input {:?}, found {}",
                        input.name(),
                        given.join(", ")
                    ),
                ));
            }
        }
        let outputs = session
            .outputs()
            .iter()
            .map(|output| output.name().to_owned())
            .collect();
        Ok(Loaded {
            session: Box::new(RunningModel {
                info: self.describe(&session)?,
                session,
                outputs,
                engine: self.clone(),
                model,
            }),
            phases: device.into_iter().chain([optimize]).collect(),
        })
    }
}

impl Ort {
    /// As an expert would: all optimizations, one operator at a time on all threads.
    fn options(&self, environment: &Environment) -> ort::Result<SessionBuilder> {
        if self.provider == Provider::Cuda {
            cuda::preload();
        }
        let options = OrtSession::builder(environment)?
            .with_optimization_level(GraphOptimizationLevel::Level3)?
            .with_intra_threads(self.threads)?
            .with_inter_threads(1)?;
        self.provider.apply(options)
    }

    /// What a session records.
    fn describe(&self, session: &OrtSession) -> Result<SessionInfo, Failure> {
        if !self.is_on_gpu() {
            return Ok(SessionInfo {
                threads: self.threads,
                // The library chooses by itself and does not say.
                vector_level: "auto".into(),
                ..SessionInfo::default()
            });
        }
        let on_cpu = assignment::nodes_on_cpu(session, self.provider.name()).map_err(|error| {
            let message = format!("onnxruntime does not say which nodes it left to the CPU: {error}");
            Failure::new(FailureKind::Unsupported, message)
                .with_hint("report this with the version of onnxruntime, and leave the engine out meanwhile")
        })?;
        let adapter = (self.adapter)().map(|adapter| Adapter {
            graphics_api: self.provider.graphics_api().to_owned(),
            // What the library's own device offers is not known.
            features: vec![],
            limits: BTreeMap::new(),
            ..adapter
        });
        Ok(SessionInfo {
            threads: self.threads,
            vector_level: "gpu".into(),
            adapter,
            settings: BTreeMap::from([("nodes_on_cpu".to_owned(), on_cpu)]),
            ..SessionInfo::default()
        })
    }
}

struct RunningModel {
    info: SessionInfo,
    session: OrtSession,
    outputs: Vec<String>,
    engine: Ort,
    /// The file, which is loaded again to be profiled.
    model: Bytes,
}

/// Runs a session once. Returns the outputs of these names.
fn run(session: &mut OrtSession, outputs: &[String], inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
    let failed = |error: ort::Error| explain(&error, FailureKind::Run, "running the model");
    // Views: the library reads the tensors where they are.
    let views = inputs
        .iter()
        .map(|input| Ok((Cow::from(input.name.as_str()), tensors::view(&input.tensor)?)))
        .collect::<ort::Result<Vec<(Cow<'_, str>, SessionInputValue<'_>)>>>()
        .map_err(failed)?;
    let found = session.run(views).map_err(failed)?;
    outputs
        .iter()
        .map(|name| {
            let value = found
                .get(name)
                .ok_or_else(|| Failure::new(FailureKind::Run, format!("onnxruntime returned no output {name:?}")))?;
            tensors::copied(name, value)
        })
        .collect()
}

#[async_trait(?Send)]
impl Session for RunningModel {
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        run(&mut self.session, &self.outputs, inputs)
    }

    async fn profiled_run(
        &mut self,
        inputs: &[NamedTensor],
        clock: &dyn Clock,
    ) -> Result<Option<ProfiledRun>, Failure> {
        if self.engine.is_on_gpu() {
            // It times when a kernel is submitted, not when it is done.
            return Ok(None);
        }
        profile::profiled_run(&self.engine, &self.model, &self.outputs, inputs, clock).map(Some)
    }

    async fn peak_speed(&self, clock: &dyn Clock) -> Option<PeakSpeed> {
        if self.engine.is_on_gpu() {
            return None;
        }
        tare_peak::peak_speed(self.engine.threads, tare_peak::WIDEST, clock)
    }

    fn info(&self) -> SessionInfo {
        self.info.clone()
    }
}

fn explain(error: &ort::Error, kind: FailureKind, doing: &str) -> Failure {
    Failure::new(kind, format!("onnxruntime failed while {doing}: {}", error.message()))
}
