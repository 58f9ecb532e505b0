//! The rten engine: ONNX on the CPU, in pure Rust, natively and in wasm.

mod tensors;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool};
use tare_core::{Clock, Engine, Loaded, NamedTensor, Session, SessionInfo, Tensor};
use tare_record::{DType, EngineInfo, EngineName, Failure, FailureKind, PeakSpeed, PhaseName};

/// Version of rten, as pinned in the workspace's manifest.
pub const VERSION: &str = "0.27.0";

/// rten on a number of CPU threads.
#[derive(Debug, Clone, Copy)]
pub struct Rten {
    threads: usize,
}

impl Rten {
    /// Creates the engine for `threads` CPU threads. A wasm module without threads computes on one. One with threads
    /// computes on the thread pool that was started for it, which must have this number of threads.
    pub fn new(threads: usize) -> Self {
        let has_threads = cfg!(any(not(target_family = "wasm"), target_feature = "atomics"));
        Self {
            threads: if has_threads { threads.max(1) } else { 1 },
        }
    }
}

#[async_trait(?Send)]
impl Engine for Rten {
    fn info(&self) -> EngineInfo {
        EngineInfo {
            name: EngineName::Rten,
            version: VERSION.into(),
            settings: BTreeMap::new(),
        }
    }

    async fn load(&self, model: Bytes, inputs: &[NamedTensor], clock: &dyn Clock) -> Result<Loaded, Failure> {
        let start_ns = clock.now_ns();
        let signature = tare_models::signature(&model)
            .map_err(|error| Failure::new(FailureKind::Model, error.to_string()).with_hint(error.hint()))?;
        // As an expert would: weights are packed once.
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let loaded = options.load(model.to_vec());
        drop(model);
        let model = loaded.map_err(|error| explain(&error, FailureKind::Unsupported, "loading the model"))?;
        let node = |name: &String, kind| {
            let missing = |error| explain(&error, kind, &format!("looking for {name:?}"));
            model.node_id(name).map_err(missing)
        };
        let inputs: Vec<NodeId> = inputs
            .iter()
            .map(|input| node(&input.name, FailureKind::Input))
            .collect::<Result<_, Failure>>()?;
        let outputs: Vec<NodeId> = signature
            .outputs
            .iter()
            .map(|name| node(name, FailureKind::Model))
            .collect::<Result<_, Failure>>()?;
        // rten reads and optimizes in one step.
        let optimize = clock.phase_since(start_ns, PhaseName::Optimize);
        Ok(Loaded {
            session: Box::new(RtenSession {
                model,
                inputs,
                outputs,
                output_types: signature.output_types,
                // In wasm it falls back to rayon's own pool.
                options: RunOptions::default()
                    .with_thread_pool(Some(Arc::new(ThreadPool::with_num_threads(self.threads)))),
                threads: self.threads,
            }),
            phases: vec![optimize],
        })
    }
}

struct RtenSession {
    model: Model,
    inputs: Vec<NodeId>,
    outputs: Vec<NodeId>,
    /// As the model says: rten computes integers of 64 bits and booleans in 32 bits.
    output_types: Vec<Option<DType>>,
    options: RunOptions,
    threads: usize,
}

#[async_trait(?Send)]
impl Session for RtenSession {
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        let given = self.inputs.iter().zip(inputs);
        let given: Vec<_> = given
            .map(|(&node, input)| Ok((node, tensors::to_rten(&input.tensor)?)))
            .collect::<Result<_, String>>()
            .map_err(|message| Failure::new(FailureKind::Unsupported, message))?;
        let found = self
            .model
            .run(given, &self.outputs, Some(self.options.clone()))
            .map_err(|error| explain(&error, FailureKind::Run, "running the model"))?;
        found
            .into_iter()
            .zip(&self.output_types)
            .map(|(value, dtype)| tensors::from_rten(value, *dtype))
            .collect::<Result<_, String>>()
            .map_err(|message| Failure::new(FailureKind::Run, message))
    }

    async fn peak_speed(&self, clock: &dyn Clock) -> Option<PeakSpeed> {
        tare_peak::peak_speed(self.threads, vector_level(), clock)
    }

    fn info(&self) -> SessionInfo {
        SessionInfo {
            threads: self.threads,
            vector_level: vector_level().into(),
            ..SessionInfo::default()
        }
    }
}

/// The widest vector instructions that rten's kernels use on this machine.
fn vector_level() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    let level = {
        let has_avx512 = std::is_x86_feature_detected!("avx512f")
            && std::is_x86_feature_detected!("avx512vl")
            && std::is_x86_feature_detected!("avx512bw")
            && std::is_x86_feature_detected!("avx512dq");
        match (has_avx512, std::is_x86_feature_detected!("avx2")) {
            (true, _) => "avx512",
            (false, true) => "fma",
            (false, false) => "sse2",
        }
    };
    #[cfg(target_arch = "aarch64")]
    let level = "neon";
    #[cfg(target_arch = "wasm32")]
    let level = if cfg!(target_feature = "relaxed-simd") {
        tare_record::RELAXED_SIMD
    } else {
        "simd"
    };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "wasm32")))]
    let level = "unknown";
    level
}

fn explain(error: &dyn std::error::Error, kind: FailureKind, doing: &str) -> Failure {
    Failure::new(kind, format!("rten failed while {doing}: {error}"))
}
