use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use tare_record::{Adapter, EngineInfo, Failure, Phase};

use crate::{Clock, NamedTensor, Tensor};

/// Code that executes ONNX models.
#[async_trait(?Send)]
pub trait Engine {
    /// Which engine this is and how it was built.
    fn info(&self) -> EngineInfo;

    /// Makes a model ready to run with inputs of the given names, types and shapes.
    ///
    /// `model` is the whole ONNX file, which the engine drops as soon as it has what it needs of it: memory is scarce in a
    /// browser. Each step is timed with `clock`.
    ///
    /// # Errors
    ///
    /// If the bytes are no ONNX model, the model uses something that the engine does not support, or there is no
    /// usable device.
    async fn load(&self, model: Bytes, inputs: &[NamedTensor], clock: &dyn Clock) -> Result<Loaded, Failure>;
}

/// A model that is ready to run, with the time that each step took.
pub struct Loaded {
    /// The model.
    pub session: Box<dyn Session>,
    /// Steps in order; none overlaps another.
    pub phases: Vec<Phase>,
}

/// A model that is ready to run.
#[async_trait(?Send)]
pub trait Session {
    /// Runs the model once and brings the outputs to host memory, in the model's order.
    ///
    /// # Errors
    ///
    /// If the engine fails.
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure>;

    /// Where and how it runs.
    fn info(&self) -> SessionInfo;

    /// Whether the next run will use the same code as the last one: `false` while kernels are still being chosen. Asked
    /// after every run, at `now_ns` on any clock, until it is so.
    fn tuning_complete(&mut self, _now_ns: u64) -> bool {
        true
    }

    /// Kernels that a run uses, as far as the engine tells, by name, with how often; known once the session has settled.
    fn kernels(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    /// Runs once without bringing outputs back, and tells how long the device computed by its own clock, in nanoseconds; `None` for
    /// engines without such a clock.
    ///
    /// # Errors
    ///
    /// If the engine fails.
    async fn device_ns(&mut self, _inputs: &[NamedTensor]) -> Result<Option<u64>, Failure> {
        Ok(None)
    }

    /// Memory that the engine holds on its device.
    fn device_bytes(&self) -> Option<u64> {
        None
    }
}

/// Where and how a session runs, as its engine found out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionInfo {
    /// CPU threads that compute.
    pub threads: usize,
    /// Widest vector instructions that the engine uses, for example `avx512f`.
    pub vector_level: String,
    /// Graphics adapter, for engines that use one.
    pub adapter: Option<Adapter>,
    /// Language that kernels are given to the driver in.
    pub shader_language: Option<String>,
    /// What the engine found out or decided beside its [`EngineInfo::settings`], by name.
    pub settings: BTreeMap<String, String>,
}
