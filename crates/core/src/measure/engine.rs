use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use tare_record::{Adapter, EngineInfo, Failure, PeakSpeed, Phase, ServerFacts};

use crate::{Clock, NamedTensor, Tensor};

/// Runs ONNX models.
#[async_trait(?Send)]
pub trait Engine {
    /// Which engine this is and how it was built.
    fn info(&self) -> EngineInfo;

    /// Loads a model for inputs of the given names, types and shapes.
    ///
    /// `model` is the whole ONNX file. The engine drops it as soon as possible, because memory is
    /// scarce in a browser. The engine times each phase with `clock`.
    ///
    /// # Errors
    ///
    /// If the bytes are not an ONNX model, the model uses something that the engine does not
    /// support, or there is no usable device.
    async fn load(&self, model: Bytes, inputs: &[NamedTensor], clock: &dyn Clock) -> Result<Loaded, Failure>;

    /// Refuses to compute what others are compared with, if the engine is known to compute an operator of the model wrongly.
    ///
    /// # Errors
    ///
    /// If it is, with the name of the operator.
    fn refuse_reference(&self, _model: &Bytes) -> Result<(), Failure> {
        Ok(())
    }

    /// The same engine with arithmetic in f32, if this one computes in fewer bits.
    fn in_f32(&self) -> Option<Box<dyn Engine>> {
        None
    }
}

/// A model that is ready to run, with the duration of each phase of loading it.
pub struct Loaded {
    /// The model.
    pub session: Box<dyn Session>,
    /// Phases in order, without overlap.
    pub phases: Vec<Phase>,
}

/// A model that is ready to run.
#[async_trait(?Send)]
pub trait Session {
    /// Runs the model once and returns the outputs in host memory, in the model's order.
    ///
    /// # Errors
    ///
    /// If the engine fails.
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure>;

    /// Where and how the model runs.
    fn info(&self) -> SessionInfo;

    /// Whether the next run will use the same kernels as the last one: `false` while the engine is
    /// still choosing. Called after every run until it returns `true`. `now_ns` is the current time
    /// on any clock.
    fn tuning_complete(&mut self, _now_ns: u64) -> bool {
        true
    }

    /// Kernels that a run uses, with the number of launches by kernel name, as far as the engine
    /// reports them. Complete after tuning.
    fn kernels(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    /// Runs once without reading the outputs back. Returns how long the device computed by its own
    /// clock, in nanoseconds, or `None` if the device has no clock.
    ///
    /// # Errors
    ///
    /// If the engine fails.
    async fn device_ns(&mut self, _inputs: &[NamedTensor]) -> Result<Option<u64>, Failure> {
        Ok(None)
    }

    /// Runs once and times every node of the graph, waiting for the device after each. `None` if the engine cannot.
    ///
    /// # Errors
    ///
    /// If the engine fails.
    async fn profiled_run(
        &mut self,
        _inputs: &[NamedTensor],
        _clock: &dyn Clock,
    ) -> Result<Option<ProfiledRun>, Failure> {
        Ok(None)
    }

    /// Measures the speeds that no kernel of this session can exceed. Takes part of a second. `None` if they are not
    /// known.
    async fn peak_speed(&self, _clock: &dyn Clock) -> Option<PeakSpeed> {
        None
    }

    /// Another session of the same loaded model, whose runs can be under way at the same time: another client of a server
    /// or worker, or another submission to a GPU. `None` if runs follow each other.
    fn another_client(&self) -> Option<Box<dyn Session>> {
        None
    }

    /// What the server says about the last run, if a server runs the model.
    fn server_times(&self) -> Option<ServerTimes> {
        None
    }

    /// Memory that the engine holds on its device.
    fn device_bytes(&self) -> Option<u64> {
        None
    }
}

/// What a server says about the time of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerTimes {
    /// How long the request waited because others were being answered.
    pub queue_ns: u64,
    /// How long it waited for others to join its run.
    pub batching_ns: u64,
    /// How long its run took.
    pub compute_ns: u64,
    /// Number of the run among all of the server.
    pub run: u64,
    /// Requests that the run answered.
    pub requests: usize,
}

/// A run whose nodes were timed.
#[derive(Debug, Clone, Default)]
pub struct ProfiledRun {
    /// Outputs in host memory, in the model's order.
    pub outputs: Vec<Tensor>,
    /// The nodes in the order in which they ran. The same ones in every run.
    pub nodes: Vec<NodeRun>,
    /// Part of the call in which the engine prepared to be profiled, in nanoseconds. No part of the run.
    pub preparation_ns: u64,
}

/// A node of the graph in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRun {
    /// The engine's name of it.
    pub name: String,
    /// ONNX's name of its operator, or the engine's if the engine added the node.
    pub operator: String,
    /// Multiply-accumulates in convolutions and matrix products.
    pub multiply_accumulates: u64,
    /// Size of its operands and results.
    pub bytes: u64,
    /// How long it took.
    pub duration_ns: u64,
}

impl From<&ServerFacts> for SessionInfo {
    fn from(facts: &ServerFacts) -> Self {
        Self {
            threads: facts.threads,
            vector_level: facts.vector_level.clone(),
            adapter: facts.adapter.clone(),
            shader_language: facts.shader_language.clone(),
            settings: facts.settings.clone(),
        }
    }
}

/// Where and how a session runs, as reported by its engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionInfo {
    /// Number of CPU threads that compute.
    pub threads: usize,
    /// Widest vector instructions that the engine uses, for example `avx512f`.
    pub vector_level: String,
    /// Graphics adapter, for engines that use one.
    pub adapter: Option<Adapter>,
    /// Language of the kernels that the driver receives.
    pub shader_language: Option<String>,
    /// What the engine detected or decided when it loaded the model, by name. Added to
    /// [`EngineInfo::settings`].
    pub settings: BTreeMap<String, String>,
}
