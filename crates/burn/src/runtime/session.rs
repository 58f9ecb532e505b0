//! Runs of a loaded model.

use std::collections::BTreeMap;
use std::rc::Rc;

use async_trait::async_trait;
use burn_backend::FloatDType;
use burn_dispatch::DispatchTensor;
use tare_core::{Clock, NamedTensor, NodeRun, ProfiledRun, Session, SessionInfo, Tensor};
use tare_record::{DType, Failure, FailureKind, PeakSpeed};

use super::device::{KernelWatch, OpenedDevice};
use super::program::Slot;
use super::schedule::Schedule;
use super::transfer::{Stored, download, in_type, to_core, upload_constant, upload_input};
use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{Lowered, Value};

/// A model on a device, ready to run. Its runs can be under way at the same time on a GPU.
pub(crate) struct BurnSession {
    model: Rc<UploadedModel>,
    kernels: KernelWatch,
}

/// A model on a device.
struct UploadedModel {
    device: OpenedDevice,
    schedule: Schedule,
    /// Constants with their slots.
    constants: Vec<(Slot, DispatchTensor)>,
    /// Positions of the inputs that are read, with their slots.
    inputs: Vec<(usize, Slot)>,
    outputs: Vec<(String, Source)>,
    nodes: Vec<NodeRun>,
    /// How floats are stored.
    floats: FloatDType,
}

/// Where an output comes from.
enum Source {
    /// It is known when the model is loaded.
    Host(Tensor),
    Device {
        slot: Slot,
        shape: Vec<usize>,
        stored: Stored,
        dtype: DType,
    },
}

impl Source {
    /// `dtype` is the type that the model declares. A value of another kind gets the type of its
    /// kind.
    fn of(value: Value, dtype: DType) -> Result<Self, Failure> {
        let (value, stored, dtype) = match (value, dtype) {
            (Value::Host(host), dtype) => return to_core(host, dtype).map(Self::Host),
            (Value::Floats(empty) | Value::Integers(empty) | Value::Bools(empty), dtype)
                if empty.shape.contains(&0) =>
            {
                let data = HostData::empty(dtype);
                return to_core(
                    HostTensor {
                        shape: empty.shape,
                        data,
                    },
                    dtype,
                )
                .map(Self::Host);
            }
            (Value::Floats(value), DType::F16) => (value, Stored::Floats, DType::F16),
            (Value::Floats(value), _) => (value, Stored::Floats, DType::F32),
            (Value::Bools(value), _) => (value, Stored::Bools, DType::Bool),
            (Value::Integers(value), DType::I32 | DType::I8 | DType::U8) => (value, Stored::Integers, dtype),
            (Value::Integers(value), _) => (value, Stored::Integers, DType::I64),
        };
        Ok(Self::Device {
            slot: value.slot,
            shape: value.shape,
            stored,
            dtype,
        })
    }
}

impl BurnSession {
    /// Uploads the constants.
    pub(crate) fn new(device: OpenedDevice, lowered: Lowered, floats: FloatDType) -> Result<Self, Failure> {
        let mut kept: Vec<usize> = lowered.constants.iter().map(|(slot, _)| *slot).collect();
        let mut outputs = Vec::with_capacity(lowered.outputs.len());
        for output in lowered.outputs {
            let source = Source::of(output.value, output.dtype)?;
            if let Source::Device { slot, .. } = &source {
                kept.push(*slot);
            }
            outputs.push((output.name, source));
        }
        let dispatch = device.dispatch();
        let constants = lowered
            .constants
            .into_iter()
            .map(|(slot, host)| (slot, upload_constant(host, floats, dispatch)));
        let model = UploadedModel {
            schedule: Schedule::new(lowered.steps, lowered.slots, &kept, floats),
            constants: constants.collect(),
            inputs: lowered.inputs,
            outputs,
            nodes: lowered.nodes,
            floats,
            device,
        };
        Ok(Self {
            kernels: model.device.watch_kernels(),
            model: Rc::new(model),
        })
    }

    /// Waits until the constants are uploaded.
    pub(crate) async fn wait(&self) -> Result<(), Failure> {
        self.model.device.wait().await
    }
}

impl UploadedModel {
    /// The values of a run before its first step: constants and inputs in their slots.
    fn values(&self, inputs: &[NamedTensor]) -> Result<Vec<Option<DispatchTensor>>, Failure> {
        let mut values: Vec<Option<DispatchTensor>> = vec![None; self.schedule.slots()];
        for (slot, constant) in &self.constants {
            values[*slot] = Some(constant.clone());
        }
        for &(position, slot) in &self.inputs {
            values[slot] = Some(upload_input(&inputs[position], self.floats, self.device.dispatch())?);
        }
        Ok(values)
    }

    /// Reads the outputs back.
    async fn outputs(&self, values: &[Option<DispatchTensor>]) -> Result<Vec<Tensor>, Failure> {
        let mut outputs = Vec::with_capacity(self.outputs.len());
        for (name, source) in &self.outputs {
            outputs.push(match source {
                Source::Host(tensor) => tensor.clone(),
                Source::Device {
                    slot,
                    shape,
                    stored,
                    dtype,
                } => {
                    let value = values[*slot]
                        .clone()
                        .ok_or_else(|| failed(name, &"no step computed it"))?;
                    let elements = download(value, *stored).await.map_err(|error| failed(name, &error))?;
                    let elements = in_type(elements, *dtype).map_err(|error| failed(name, &error))?;
                    Tensor::new(shape.clone(), elements).map_err(|error| failed(name, &error))?
                }
            });
        }
        Ok(outputs)
    }
}

#[async_trait(?Send)]
impl Session for BurnSession {
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        self.kernels.begin_run();
        let mut values = self.model.values(inputs)?;
        self.model.schedule.run(&mut values);
        let outputs = self.model.outputs(&values).await?;
        self.kernels.end_run();
        Ok(outputs)
    }

    fn info(&self) -> SessionInfo {
        self.model.device.info()
    }

    fn tuning_complete(&mut self, now_ns: u64) -> bool {
        self.kernels.tuning_complete(now_ns)
    }

    fn kernels(&self) -> BTreeMap<String, u64> {
        self.kernels.launches()
    }

    async fn device_ns(&mut self, inputs: &[NamedTensor]) -> Result<Option<u64>, Failure> {
        let UploadedModel { device, schedule, .. } = &*self.model;
        let mut values = self.model.values(inputs)?;
        // Uploads do not count.
        device.wait().await?;
        device.time(|| schedule.run(&mut values)).await
    }

    async fn profiled_run(
        &mut self,
        inputs: &[NamedTensor],
        clock: &dyn Clock,
    ) -> Result<Option<ProfiledRun>, Failure> {
        let UploadedModel { device, schedule, .. } = &*self.model;
        let mut values = self.model.values(inputs)?;
        device.wait().await?;
        // Nodes that are computed when the model is loaded have no step.
        let mut nodes: Vec<Option<NodeRun>> = vec![None; self.model.nodes.len()];
        for step in 0..schedule.len() {
            let timed = schedule.timed_step(step, &mut values, clock, device);
            let (duration_ns, work) = timed.await?;
            let number = schedule.node(step);
            let node = nodes[number].get_or_insert_with(|| self.model.nodes[number].clone());
            node.duration_ns += duration_ns;
            node.multiply_accumulates += work.multiply_accumulates;
            node.bytes += work.bytes;
        }
        Ok(Some(ProfiledRun {
            outputs: self.model.outputs(&values).await?,
            nodes: nodes.into_iter().flatten().collect(),
            preparation_ns: 0,
        }))
    }

    async fn peak_speed(&self, clock: &dyn Clock) -> Option<PeakSpeed> {
        // The kernels that measure it compute in f32.
        if self.model.floats != FloatDType::F32 {
            return None;
        }
        self.model.device.peak_speed(clock).await
    }

    fn another_client(&self) -> Option<Box<dyn Session>> {
        let device = &self.model.device;
        device.takes_submissions().then(|| {
            Box::new(Self {
                model: self.model.clone(),
                kernels: KernelWatch::new(false),
            }) as Box<dyn Session>
        })
    }

    fn device_bytes(&self) -> Option<u64> {
        self.model.device.device_bytes()
    }
}

fn failed(output: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        FailureKind::Run,
        format!("burn failed to read output {output:?}: {error}"),
    )
}
