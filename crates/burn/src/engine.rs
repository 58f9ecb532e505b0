use async_trait::async_trait;
use burn_backend::ops::{FloatTensorOps, IntTensorOps};
use burn_dispatch::{Dispatch, DispatchDevice, DispatchTensor};
use burn_tensor::TensorData;
use bytes::Bytes;
use onnx_ir::OnnxGraphBuilder;
use tare_core::{Clock, Engine, EngineError, Loaded, NamedTensor, Session, SessionFacts, Tensor, Timed};
use tare_record::{DType, EngineFacts, EngineName, FailureKind, PhaseName};

use crate::device::Target;
use crate::host::{HostData, HostTensor};
use crate::lower::{DeviceValue, Lowered, Value, lower};
use crate::names::told_apart;
use crate::plan::Schedule;
use crate::refusal::NodeNames;

/// Version of burn, as pinned in the workspace's manifest.
pub const VERSION: &str = "0.22.1";

/// burn on one device.
#[derive(Debug, Clone)]
pub struct Burn {
    target: Target,
}

impl Burn {
    /// burn-flex on the CPU with `threads` threads; a wasm module without threads computes on one.
    ///
    /// The number of threads is a property of the process: the first engine that runs decides it.
    #[cfg(feature = "flex")]
    pub fn flex(threads: usize) -> Self {
        Self {
            target: Target::Flex {
                threads: crate::device::use_threads(threads),
            },
        }
    }

    /// burn-wgpu; the adapter is opened when the first model is loaded.
    #[cfg(feature = "wgpu")]
    pub fn wgpu() -> Self {
        Self { target: Target::Wgpu }
    }
}

#[async_trait(?Send)]
impl Engine for Burn {
    fn facts(&self) -> EngineFacts {
        let name = match self.target {
            #[cfg(feature = "flex")]
            Target::Flex { .. } => EngineName::BurnFlex,
            #[cfg(feature = "wgpu")]
            Target::Wgpu => EngineName::BurnWgpu,
        };
        EngineFacts {
            name,
            version: VERSION.into(),
            settings: self.target.settings(),
        }
    }

    async fn load(&self, model: Bytes, inputs: &[NamedTensor], clock: &dyn Clock) -> Result<Loaded, EngineError> {
        let mut phases = Vec::new();
        let start_ns = clock.now_ns();
        let opened = self.target.open().await?;
        phases.push(Timed::since(start_ns, PhaseName::Device, clock));

        let start_ns = clock.now_ns();
        let names = NodeNames::of(&model);
        let parsed = OnnxGraphBuilder::new().parse_bytes(&told_apart(&model));
        // The parser has copied it.
        drop(model);
        let graph = parsed.map_err(|error| {
            EngineError::new(
                FailureKind::Unsupported,
                format!("onnx-ir, burn's ONNX parser, failed: {error}"),
            )
            .with_hint("run this model on tract")
        })?;
        phases.push(Timed::since(start_ns, PhaseName::Parse, clock));

        let start_ns = clock.now_ns();
        let lowered = lower(&graph, &names, inputs)?;
        drop(graph);
        phases.push(Timed::since(start_ns, PhaseName::Optimise, clock));

        let start_ns = clock.now_ns();
        opened.check_limits(&lowered, inputs)?;
        let session = BurnSession::new(opened, lowered);
        session.opened.wait().await?;
        phases.push(Timed::since(start_ns, PhaseName::Upload, clock));
        Ok(Loaded {
            session: Box::new(session),
            phases,
        })
    }
}

struct BurnSession {
    opened: crate::device::Opened,
    schedule: Schedule,
    /// Constants, at their slots.
    constants: Vec<(usize, DispatchTensor)>,
    inputs: Vec<(usize, usize)>,
    outputs: Vec<(String, Source)>,
    kernels: crate::device::KernelWatch,
}

/// Where an output comes from.
enum Source {
    Host(Tensor),
    Device {
        slot: usize,
        shape: Vec<usize>,
        dtype: DType,
    },
}

impl Source {
    fn device(value: DeviceValue, dtype: DType) -> Self {
        Self::Device {
            slot: value.slot,
            shape: value.shape,
            dtype,
        }
    }
}

impl BurnSession {
    fn new(opened: crate::device::Opened, lowered: Lowered) -> Self {
        let constants = lowered.constants.iter().map(|(slot, _)| *slot);
        let mut kept: Vec<usize> = constants.chain(lowered.indices.iter().map(|(slot, _)| *slot)).collect();
        let outputs: Vec<(String, Source)> = lowered
            .outputs
            .into_iter()
            .map(|output| {
                let source = match output.value {
                    Value::Host(host) => Source::Host(to_core(host)),
                    Value::Device(value) => Source::device(value, DType::F32),
                    Value::Truths(value) => Source::device(value, DType::Bool),
                    Value::Integers(value) if output.narrow => Source::device(value, DType::I32),
                    Value::Integers(value) => Source::device(value, DType::I64),
                };
                if let Source::Device { slot, .. } = &source {
                    kept.push(*slot);
                }
                (output.name, source)
            })
            .collect();
        let device = opened.dispatch();
        let constants = lowered
            .constants
            .into_iter()
            .map(|(slot, host)| (slot, upload_constant(host, device)));
        let indices = lowered.indices.into_iter().map(|(slot, positions)| {
            let count = positions.len();
            (slot, upload_integers(positions, &[count], device))
        });
        Self {
            schedule: Schedule::new(lowered.steps, lowered.slots, &kept),
            constants: constants.chain(indices).collect(),
            inputs: lowered.inputs,
            outputs,
            kernels: opened.watch_kernels(),
            opened,
        }
    }
}

#[async_trait(?Send)]
impl Session for BurnSession {
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, EngineError> {
        self.kernels.begin_run();
        let mut values: Vec<Option<DispatchTensor>> = vec![None; self.schedule.slots()];
        for (slot, constant) in &self.constants {
            values[*slot] = Some(constant.clone());
        }
        for &(position, slot) in &self.inputs {
            values[slot] = Some(upload_input(&inputs[position], self.opened.dispatch())?);
        }
        self.schedule.run(&mut values);
        let mut outputs = Vec::with_capacity(self.outputs.len());
        for (name, source) in &self.outputs {
            outputs.push(match source {
                Source::Host(tensor) => tensor.clone(),
                Source::Device { slot, shape, dtype } => {
                    let value = values[*slot]
                        .clone()
                        .ok_or_else(|| failed(name, &"it was not computed"))?;
                    let elements = download(value, *dtype).await.map_err(|error| failed(name, &error))?;
                    Tensor::new(shape.clone(), elements).map_err(|error| failed(name, &error))?
                }
            });
        }
        self.kernels.end_run();
        Ok(outputs)
    }

    fn facts(&self) -> SessionFacts {
        self.opened.facts()
    }

    fn settled(&mut self, now_ns: u64) -> bool {
        self.kernels.settled(now_ns)
    }

    fn device_bytes(&self) -> Option<u64> {
        self.opened.device_bytes()
    }
}

fn failed(output: &str, error: &dyn std::fmt::Display) -> EngineError {
    EngineError::new(
        FailureKind::Run,
        format!("burn failed to read output {output:?}: {error}"),
    )
}

/// The elements of a value in the type that the model declares.
async fn download(value: DispatchTensor, dtype: DType) -> Result<tare_core::TensorData, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    if matches!(dtype, DType::F32 | DType::Bool) {
        let data = Dispatch::float_into_data(value).await.map_err(|error| text(&error))?;
        let elements: Vec<f32> = data.try_into_vec().map_err(|error| text(&error))?;
        return Ok(match dtype {
            DType::Bool => tare_core::TensorData::Bool(elements.into_iter().map(|x| u8::from(x > 0.5)).collect()),
            _ => tare_core::TensorData::F32(elements),
        });
    }
    let data = Dispatch::int_into_data(value).await.map_err(|error| text(&error))?;
    let elements: Vec<i32> = data.try_into_vec().map_err(|error| text(&error))?;
    Ok(if dtype == DType::I32 {
        tare_core::TensorData::I32(elements)
    } else {
        tare_core::TensorData::I64(elements.into_iter().map(i64::from).collect())
    })
}

fn upload_input(input: &NamedTensor, device: &DispatchDevice) -> Result<DispatchTensor, EngineError> {
    let shape = input.tensor.shape();
    match input.tensor.data() {
        tare_core::TensorData::F32(elements) => Ok(upload(elements.clone(), shape, device)),
        tare_core::TensorData::Bool(elements) => {
            let elements = elements.iter().map(|&element| f32::from(u8::from(element != 0)));
            Ok(upload(elements.collect(), shape, device))
        }
        tare_core::TensorData::I32(elements) => Ok(upload_integers(elements.clone(), shape, device)),
        tare_core::TensorData::I64(elements) => {
            let narrow = elements
                .iter()
                .map(|&element| i32::try_from(element).map_err(|_| element));
            match narrow.collect() {
                Ok(elements) => Ok(upload_integers(elements, shape, device)),
                Err(element) => Err(EngineError::new(
                    FailureKind::Input,
                    format!(
                        "input {:?} holds {element}, which does not fit the 32 bits that burn computes with",
                        input.name
                    ),
                )),
            }
        }
        other => Err(EngineError::new(
            FailureKind::Input,
            format!(
                "input {:?}: expected f32, i32, i64 or bool, found {}",
                input.name,
                other.dtype()
            ),
        )),
    }
}

fn upload_integers(elements: Vec<i32>, shape: &[usize], device: &DispatchDevice) -> DispatchTensor {
    // A scalar is stored with one dimension.
    let stored = if shape.is_empty() { vec![1] } else { shape.to_vec() };
    Dispatch::int_from_data(TensorData::new(elements, stored), device)
}

fn upload_constant(host: HostTensor, device: &DispatchDevice) -> DispatchTensor {
    let elements = match host.data {
        HostData::F32(values) => values,
        // All device values are f32; integers that reach one are operands of arithmetic with floats.
        HostData::I64(values) => values.into_iter().map(|value| value as f32).collect(),
        HostData::Bool(values) => values.into_iter().map(|value| f32::from(u8::from(value))).collect(),
    };
    upload(elements, &host.shape, device)
}

fn upload(elements: Vec<f32>, shape: &[usize], device: &DispatchDevice) -> DispatchTensor {
    // A scalar is stored with one dimension.
    let stored = if shape.is_empty() { vec![1] } else { shape.to_vec() };
    Dispatch::float_from_data(TensorData::new(elements, stored), device)
}

fn to_core(host: HostTensor) -> Tensor {
    let data = match host.data {
        HostData::F32(values) => tare_core::TensorData::F32(values),
        HostData::I64(values) => tare_core::TensorData::I64(values),
        HostData::Bool(values) => tare_core::TensorData::Bool(values.into_iter().map(u8::from).collect()),
    };
    Tensor::new(host.shape, data).unwrap_or_else(|_| unreachable!("host tensors hold what their shapes say"))
}
