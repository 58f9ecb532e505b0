//! onnxruntime on the CPU: the yardstick of others, with whatever library is installed. Without one, loading a model fails and
//! says what to install.

mod library;
mod profile;
mod tensors;

use std::borrow::Cow;
use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session as OrtSession, SessionInputValue};
use tare_core::{Clock, Engine, Loaded, NamedTensor, ProfiledRun, Session, SessionInfo, Tensor};
use tare_record::{EngineInfo, EngineName, Failure, FailureKind, PeakSpeed, PhaseName};

pub use library::{LIBRARY_VARIABLE, find, found};

/// onnxruntime on a number of CPU threads.
#[derive(Debug, Clone, Copy)]
pub struct Ort {
    threads: usize,
}

impl Ort {
    /// Creates the engine for `threads` CPU threads. The library is loaded with the first model.
    pub fn new(threads: usize) -> Self {
        Self {
            threads: threads.max(1),
        }
    }
}

#[async_trait(?Send)]
impl Engine for Ort {
    fn info(&self) -> EngineInfo {
        EngineInfo {
            name: EngineName::Ort,
            version: library::version().unwrap_or_else(|_| "not found".into()),
            settings: BTreeMap::new(),
        }
    }

    async fn load(&self, model: Bytes, inputs: &[NamedTensor], clock: &dyn Clock) -> Result<Loaded, Failure> {
        library::version()?;
        let start_ns = clock.now_ns();
        let session = self
            .options()
            .and_then(|mut options| options.commit_from_memory(&model))
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
                session,
                outputs,
                engine: *self,
                model,
            }),
            phases: vec![optimize],
        })
    }
}

impl Ort {
    /// As an expert would: all optimizations, one operator at a time on all threads.
    fn options(&self) -> ort::Result<SessionBuilder> {
        Ok(OrtSession::builder()?
            .with_optimization_level(GraphOptimizationLevel::Level3)?
            .with_intra_threads(self.threads)?
            .with_inter_threads(1)?)
    }
}

struct RunningModel {
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
        profile::profiled_run(self.engine, &self.model, &self.outputs, inputs, clock).map(Some)
    }

    async fn peak_speed(&self, clock: &dyn Clock) -> Option<PeakSpeed> {
        tare_peak::peak_speed(self.engine.threads, tare_peak::WIDEST, clock)
    }

    fn info(&self) -> SessionInfo {
        SessionInfo {
            threads: self.engine.threads,
            // The library chooses by itself and does not say.
            vector_level: "auto".into(),
            ..SessionInfo::default()
        }
    }
}

fn explain(error: &ort::Error, kind: FailureKind, doing: &str) -> Failure {
    Failure::new(kind, format!("onnxruntime failed while {doing}: {}", error.message()))
}
