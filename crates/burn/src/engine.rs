use std::collections::BTreeMap;
use std::io::Read;

use async_trait::async_trait;
use burn_dispatch::DispatchTensor;
use bytes::Bytes;
use onnx_ir::{OnnxGraph, OnnxGraphBuilder};
use tare_core::{Clock, Engine, Loaded, NamedTensor, Session, SessionInfo, Tensor, Untimed};
use tare_record::{DType, EngineInfo, EngineName, Failure, FailureKind, Phase, PhaseName};

use crate::import::embedding_extraction as tables;
use crate::import::header;
use crate::import::opset;
use crate::import::rewrite::readable;
use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::unsupported::NodeNames;
use crate::lower::{Lowered, Value, lower};
use crate::runtime::device::Target;
use crate::runtime::profile::NodeTime;
use crate::runtime::schedule::Schedule;
use crate::runtime::transfer::{Kind, download, in_type, to_core, upload_constant, upload_input};

/// Version of burn, as pinned in the workspace's manifest.
pub const VERSION: &str = "0.22.1";

/// burn on one device.
#[derive(Debug, Clone)]
pub struct Burn {
    target: Target,
}

impl Burn {
    /// burn-flex on the CPU with `threads` threads; a wasm module without threads computes on one, and one with them on those that were
    /// started for it.
    ///
    /// The number of threads is a property of the process: the first engine that runs decides it.
    #[cfg(feature = "flex")]
    pub fn flex(threads: usize) -> Self {
        Self {
            target: Target::Flex {
                threads: crate::runtime::device::use_threads(threads),
            },
        }
    }

    /// burn-wgpu with kernels in the language of the platform's compiler: SPIR-V on Vulkan, MSL on Metal, WGSL elsewhere and in
    /// browsers. The adapter is opened when the first model is loaded.
    #[cfg(feature = "wgpu")]
    pub fn wgpu() -> Self {
        Self {
            target: Target::Wgpu { in_wgsl: false },
        }
    }

    /// burn-wgpu on the same adapter with kernels in WGSL, as a browser takes them. Where they are in WGSL anyway, loading is an error
    /// that says so.
    #[cfg(all(feature = "wgpu", not(target_family = "wasm")))]
    pub fn wgpu_in_wgsl() -> Self {
        Self {
            target: Target::Wgpu { in_wgsl: true },
        }
    }

    /// Makes a model ready to run with inputs of these names, types and shapes, in the model's order. `model` is a whole ONNX file; it is
    /// not copied.
    ///
    /// # Errors
    ///
    /// If the bytes are no ONNX model, the model uses something that is not supported, or there is no usable device.
    pub async fn open(&self, model: impl Into<Bytes>, inputs: &[NamedTensor]) -> Result<Box<dyn Session>, Failure> {
        let (session, _) = self.session(model.into(), inputs, &Untimed).await?;
        Ok(Box::new(session))
    }

    /// The burn device that models run on, opened if it was not: for tensors of your own beside them.
    ///
    /// # Errors
    ///
    /// If there is no usable device.
    pub async fn device(&self) -> Result<burn_tensor::Device, Failure> {
        let opened = self.target.open().await?;
        Ok(burn_tensor::Device::new(opened.dispatch().clone()))
    }

    /// Loads a model and tells how long each of its nodes takes, on average over `runs` runs: the device is waited for after
    /// every node, so that the sum is more than a run takes where kernels overlap or are fused.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::load`] and of a run.
    pub async fn profile(
        &self,
        model: Bytes,
        inputs: &[NamedTensor],
        runs: u32,
        clock: &dyn Clock,
    ) -> Result<Vec<NodeTime>, Failure> {
        let (session, _) = self.session(model, inputs, clock).await?;
        session.profile(inputs, runs, clock).await
    }

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
        let header = header::read(&model).unwrap_or_default();
        let opset = header.opset();
        let header = header.graph.unwrap_or_default();
        opset::check(&header, opset)?;
        let mut file = readable(model, &header);
        let tables = tables::take_out(&mut file, tables::LEAST_BYTES);
        let graph = parsed(file)?;
        let outputs = header.output.len();
        let names = NodeNames::of(header);
        phases.push(clock.phase_since(start_ns, PhaseName::Parse));

        let start_ns = clock.now_ns();
        let lowered = lower(&graph, opset, &names, inputs, tables, self.target.fuses_attention())?;
        if outputs != lowered.outputs.len() {
            return Err(Failure::new(
                FailureKind::Unsupported,
                format!(
                    "expected {outputs} outputs, found {}: onnx-ir lost some",
                    lowered.outputs.len()
                ),
            )
            .with_hint("run this model on tract"));
        }
        drop(graph);
        phases.push(clock.phase_since(start_ns, PhaseName::Optimize));

        let start_ns = clock.now_ns();
        opened.check_limits(&lowered)?;
        let session = BurnSession::new(opened, lowered)?;
        session.opened.wait().await?;
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

/// The graph as onnx-ir reads it.
///
/// A file that was damaged can make it panic. Natively that is an error like any other; a browser's worker ends with the message.
fn parsed(file: Vec<u8>) -> Result<OnnxGraph, Failure> {
    let refused = |why: &str| {
        let hint = if why.contains("(If)") {
            "the model chooses between branches of which one does not fit these inputs, and both are checked: make a model of the branch that is taken, for example with onnxsim"
        } else {
            "run this model on tract"
        };
        Failure::new(
            FailureKind::Unsupported,
            format!("onnx-ir, burn's ONNX parser, failed: {}", shortened(why)),
        )
        .with_hint(hint)
    };
    // What it simplifies it computes wrongly in places (UPSTREAM.md). Nothing that it changes outlives a panic.
    let parse = || OnnxGraphBuilder::new().simplify(false).parse_reader(WholeFile(file));
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(parse)) {
        Ok(parsed) => parsed.map_err(|error| refused(&error.to_string())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(refused(&format!("it panicked: {}", text.unwrap_or("without words"))))
        }
    }
}

/// What can be read of a text that may name hundreds of nodes.
fn shortened(text: &str) -> String {
    const MOST: usize = 400;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} ..", &text[..end]),
        None => text.to_owned(),
    }
}

/// A file that is handed over whole: onnx-ir copies what it is given as a slice, and browsers have little memory.
struct WholeFile(Vec<u8>);

impl Read for WholeFile {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.as_slice().read(buffer)?;
        self.0.drain(..read);
        Ok(read)
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> std::io::Result<usize> {
        let read = self.0.len();
        if buffer.is_empty() {
            *buffer = std::mem::take(&mut self.0);
        } else {
            buffer.append(&mut self.0);
        }
        Ok(read)
    }
}

pub(crate) struct BurnSession {
    opened: crate::runtime::device::Opened,
    schedule: Schedule,
    /// Constants, at their slots.
    constants: Vec<(usize, DispatchTensor)>,
    inputs: Vec<(usize, usize)>,
    outputs: Vec<(String, Source)>,
    nodes: Vec<NodeTime>,
    kernels: crate::runtime::device::KernelWatch,
}

/// Where an output comes from.
enum Source {
    Host(Tensor),
    Device {
        slot: usize,
        shape: Vec<usize>,
        kind: Kind,
        dtype: DType,
    },
}

impl Source {
    /// `dtype` is what the model says; where it says another kind than what is computed, that kind's own type is told.
    fn of(value: Value, dtype: DType) -> Result<Self, Failure> {
        let (value, kind, dtype) = match (value, dtype) {
            (Value::Host(host), dtype) => return to_core(host, dtype).map(Self::Host),
            (Value::Device(none) | Value::Integers(none) | Value::Truths(none), dtype) if none.shape.contains(&0) => {
                let data = HostData::of_none(dtype);
                return to_core(
                    HostTensor {
                        shape: none.shape,
                        data,
                    },
                    dtype,
                )
                .map(Self::Host);
            }
            (Value::Device(value), DType::F16) => (value, Kind::Floats, DType::F16),
            (Value::Device(value), _) => (value, Kind::Floats, DType::F32),
            (Value::Truths(value), _) => (value, Kind::Truths, DType::Bool),
            (Value::Integers(value), DType::I32 | DType::I8 | DType::U8) => (value, Kind::Integers, dtype),
            (Value::Integers(value), _) => (value, Kind::Integers, DType::I64),
        };
        Ok(Self::Device {
            slot: value.slot,
            shape: value.shape,
            kind,
            dtype,
        })
    }
}

impl BurnSession {
    fn new(opened: crate::runtime::device::Opened, lowered: Lowered) -> Result<Self, Failure> {
        let mut kept: Vec<usize> = lowered.constants.iter().map(|(slot, _)| *slot).collect();
        let mut outputs = Vec::with_capacity(lowered.outputs.len());
        for output in lowered.outputs {
            let source = Source::of(output.value, output.dtype)?;
            if let Source::Device { slot, .. } = &source {
                kept.push(*slot);
            }
            outputs.push((output.name, source));
        }
        let device = opened.dispatch();
        let constants = lowered
            .constants
            .into_iter()
            .map(|(slot, host)| (slot, upload_constant(host, device)));
        Ok(Self {
            schedule: Schedule::new(lowered.steps, lowered.slots, &kept),
            constants: constants.collect(),
            inputs: lowered.inputs,
            outputs,
            nodes: lowered.nodes,
            kernels: opened.watch_kernels(),
            opened,
        })
    }
}

impl BurnSession {
    /// Constants and inputs at their slots.
    fn values(&self, inputs: &[NamedTensor]) -> Result<Vec<Option<DispatchTensor>>, Failure> {
        let mut values: Vec<Option<DispatchTensor>> = vec![None; self.schedule.slots()];
        for (slot, constant) in &self.constants {
            values[*slot] = Some(constant.clone());
        }
        for &(position, slot) in &self.inputs {
            values[slot] = Some(upload_input(&inputs[position], self.opened.dispatch())?);
        }
        Ok(values)
    }

    async fn profile(&self, inputs: &[NamedTensor], runs: u32, clock: &dyn Clock) -> Result<Vec<NodeTime>, Failure> {
        // The first run compiles kernels.
        self.schedule.run(&mut self.values(inputs)?);
        self.opened.wait().await?;
        let mut times = self.nodes.clone();
        for _ in 0..runs.max(1) {
            let mut values = self.values(inputs)?;
            self.opened.wait().await?;
            for step in 0..self.schedule.len() {
                let start_ns = clock.now_ns();
                self.schedule.step(step, &mut values);
                self.opened.wait().await?;
                times[self.schedule.node(step)].duration_ns += clock.now_ns().saturating_sub(start_ns);
            }
        }
        for time in &mut times {
            time.duration_ns /= u64::from(runs.max(1));
        }
        Ok(times)
    }
}

#[async_trait(?Send)]
impl Session for BurnSession {
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        self.kernels.begin_run();
        let mut values = self.values(inputs)?;
        self.schedule.run(&mut values);
        let mut outputs = Vec::with_capacity(self.outputs.len());
        for (name, source) in &self.outputs {
            outputs.push(match source {
                Source::Host(tensor) => tensor.clone(),
                Source::Device {
                    slot,
                    shape,
                    kind,
                    dtype,
                } => {
                    let value = values[*slot]
                        .clone()
                        .ok_or_else(|| failed(name, &"it was not computed"))?;
                    let elements = download(value, *kind).await.map_err(|error| failed(name, &error))?;
                    let elements = in_type(elements, *dtype).map_err(|error| failed(name, &error))?;
                    Tensor::new(shape.clone(), elements).map_err(|error| failed(name, &error))?
                }
            });
        }
        self.kernels.end_run();
        Ok(outputs)
    }

    fn info(&self) -> SessionInfo {
        self.opened.info()
    }

    fn tuning_complete(&mut self, now_ns: u64) -> bool {
        self.kernels.tuning_complete(now_ns)
    }

    fn kernels(&self) -> BTreeMap<String, u64> {
        self.kernels.launches()
    }

    async fn device_ns(&mut self, inputs: &[NamedTensor]) -> Result<Option<u64>, Failure> {
        let mut values = self.values(inputs)?;
        // What was uploaded is no part of it.
        self.opened.wait().await?;
        let schedule = &self.schedule;
        self.opened.timed(|| schedule.run(&mut values)).await
    }

    fn device_bytes(&self) -> Option<u64> {
        self.opened.device_bytes()
    }
}

fn failed(output: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        FailureKind::Run,
        format!("burn failed to read output {output:?}: {error}"),
    )
}
