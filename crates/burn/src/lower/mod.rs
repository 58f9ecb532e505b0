//! Lowering: from the graph that onnx-ir parsed to a list of steps.
//!
//! All input shapes are known, so everything that depends on shapes and weights alone is computed here, on the host;
//! what remains are operations on device tensors whose shapes are known too.

mod activation;
mod attention;
mod choice;
mod convolution;
mod elementwise;
mod index;
mod movement;
mod normalisation;
mod operators;
mod pooling;
mod rearrangement;
mod reduction;
mod resize;
mod truth;
mod volume;
mod window;

use std::collections::HashMap;

use onnx_ir::{Argument, OnnxGraph};
use tare_core::{EngineError, NamedTensor};
use tare_record::{DType, FailureKind};

use crate::host::HostTensor;
use crate::plan::{Op, Slot, Step};
use crate::refusal::{NodeNames, refuse};

/// A model as a list of steps.
#[derive(Debug)]
pub(crate) struct Lowered {
    pub(crate) steps: Vec<Step>,
    /// Number of values of a run.
    pub(crate) slots: usize,
    /// Values to upload once.
    pub(crate) constants: Vec<(Slot, HostTensor)>,
    /// Positions to upload once, in one dimension each.
    pub(crate) indices: Vec<(Slot, Vec<i32>)>,
    /// Where the inputs go, by position among the given inputs.
    pub(crate) inputs: Vec<(usize, Slot)>,
    pub(crate) outputs: Vec<Output>,
}

/// An output of the model.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) value: Value,
    /// Whether the model says that its integers have 32 bits.
    pub(crate) narrow: bool,
}

/// A value during lowering.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Host(HostTensor),
    /// `f32`.
    Device(DeviceValue),
    /// `i32`, which ONNX's integers become: browsers have no 64-bit integers on the GPU.
    Integers(DeviceValue),
    /// Truth values, as `f32` of 0 and 1.
    Truths(DeviceValue),
}

/// A tensor on the device; a scalar is stored with one dimension.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DeviceValue {
    pub(crate) slot: Slot,
    /// Dimensions as ONNX sees them, outermost first.
    pub(crate) shape: Vec<usize>,
}

/// What this executor does not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unsupported {
    /// The operator.
    Operator,
    /// Something in a node: the rest of "does not support ...".
    Part(String),
}

impl Unsupported {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self::Part(what.into())
    }

    fn what(&self) -> &str {
        match self {
            Self::Operator => "its operator",
            Self::Part(what) => what,
        }
    }
}

pub(crate) type Lowering<T> = Result<T, Unsupported>;

/// Lowers a graph for inputs of the given shapes. `names` are those of its nodes in the file.
pub(crate) fn lower(graph: &OnnxGraph, names: &NodeNames, inputs: &[NamedTensor]) -> Result<Lowered, EngineError> {
    let mut lowerer = Lowerer {
        values: HashMap::new(),
        uses: uses(graph),
        lowered: Lowered {
            steps: vec![],
            slots: 0,
            constants: vec![],
            indices: vec![],
            inputs: vec![],
            outputs: vec![],
        },
    };
    // onnx-ir renames values, inputs too, and keeps their order.
    if graph.inputs.len() != inputs.len() {
        return Err(EngineError::new(
            FailureKind::Input,
            format!(
                "expected {} inputs, as onnx-ir reads the model, found {}",
                graph.inputs.len(),
                inputs.len()
            ),
        ));
    }
    for (position, argument) in graph.inputs.iter().enumerate() {
        lowerer.input(argument, position, &inputs[position])?;
    }
    for node in &graph.nodes {
        lowerer
            .node(node)
            .map_err(|unsupported| refuse(node, &unsupported, names))?;
    }
    for argument in &graph.outputs {
        let value = lowerer.value(argument).map_err(|unsupported| {
            EngineError::new(
                FailureKind::Unsupported,
                format!("output {:?}: {}", argument.name, unsupported.what()),
            )
        })?;
        lowerer.lowered.outputs.push(Output {
            name: argument.name.clone(),
            value,
            narrow: argument.ty.elem_type() == burn_tensor::DType::I32,
        });
    }
    Ok(lowerer.lowered)
}

/// How often each value is read.
fn uses(graph: &OnnxGraph) -> HashMap<String, usize> {
    let mut uses = HashMap::new();
    let read = graph.nodes.iter().flat_map(|node| node.inputs()).chain(&graph.outputs);
    for argument in read.filter(|argument| !argument.name.is_empty()) {
        *uses.entry(argument.name.clone()).or_insert(0) += 1;
    }
    uses
}

pub(crate) struct Lowerer {
    values: HashMap<String, Value>,
    uses: HashMap<String, usize>,
    lowered: Lowered,
}

impl Lowerer {
    fn input(&mut self, argument: &Argument, position: usize, given: &NamedTensor) -> Result<(), EngineError> {
        let tensor = &given.tensor;
        if !matches!(tensor.dtype(), DType::F32 | DType::I64 | DType::I32 | DType::Bool) {
            return Err(EngineError::new(
                FailureKind::Unsupported,
                format!(
                    "tare's burn executor does not support inputs of type {} (input {:?})",
                    tensor.dtype(),
                    given.name
                ),
            )
            .with_hint("run this model on tract"));
        }
        let slot = self.slot();
        self.lowered.inputs.push((position, slot));
        let value = DeviceValue {
            slot,
            shape: tensor.shape().to_vec(),
        };
        let value = match tensor.dtype() {
            DType::F32 => Value::Device(value),
            DType::Bool => Value::Truths(value),
            _ => Value::Integers(value),
        };
        self.values.insert(argument.name.clone(), value);
        Ok(())
    }

    /// The value of an argument: computed before, or a constant of the model.
    fn value(&self, argument: &Argument) -> Lowering<Value> {
        if let Some(value) = self.values.get(&argument.name).filter(|_| !argument.name.is_empty()) {
            return Ok(value.clone());
        }
        match argument.value() {
            Some(data) => Ok(Value::Host(HostTensor::from_burn(&data)?)),
            None => Err(Unsupported::new(format!(
                "a value that nothing computes ({:?})",
                argument.name
            ))),
        }
    }

    /// The value of an argument that may be absent.
    fn optional(&self, argument: Option<&Argument>) -> Lowering<Option<Value>> {
        match argument {
            Some(argument) if !argument.is_optional() => self.value(argument).map(Some),
            _ => Ok(None),
        }
    }

    /// The value of an argument that must be known when the model is loaded.
    fn host(&self, argument: &Argument) -> Lowering<HostTensor> {
        match self.value(argument)? {
            Value::Host(host) => Ok(host),
            Value::Device(_) | Value::Integers(_) | Value::Truths(_) => Err(Unsupported::new(format!(
                "{:?} being computed while the model runs",
                argument.name
            ))),
        }
    }

    fn host_integers(&self, argument: &Argument) -> Lowering<Vec<i64>> {
        self.host(argument)?
            .as_integers()
            .ok_or_else(|| Unsupported::new(format!("{:?} not being integers", argument.name)))
    }

    /// The value on the device as `f32`: a constant is uploaded.
    fn device(&mut self, value: Value) -> Lowering<DeviceValue> {
        match value {
            Value::Device(device) => Ok(device),
            Value::Integers(_) => Err(Unsupported::new("integers that are computed while the model runs")),
            Value::Truths(_) => Err(Unsupported::new("truth values that are computed while the model runs")),
            Value::Host(host) => Ok(self.constant(host)),
        }
    }

    /// The value of an argument on the device as `f32`.
    fn floats(&mut self, argument: &Argument) -> Lowering<DeviceValue> {
        let value = self.value(argument)?;
        self.device(value)
    }

    /// The value on the device of an argument that may be absent.
    fn optional_floats(&mut self, argument: Option<&Argument>) -> Lowering<Option<DeviceValue>> {
        match self.optional(argument)? {
            Some(value) => self.device(value).map(Some),
            None => Ok(None),
        }
    }

    /// Uploads a constant.
    fn constant(&mut self, host: HostTensor) -> DeviceValue {
        let device = DeviceValue {
            slot: self.slot(),
            shape: host.shape.clone(),
        };
        self.lowered.constants.push((device.slot, host));
        device
    }

    fn slot(&mut self) -> Slot {
        self.lowered.slots += 1;
        self.lowered.slots - 1
    }

    fn step(&mut self, op: Op, inputs: &[&DeviceValue], shape: Vec<usize>) -> Value {
        Value::Device(self.computed(op, inputs, shape))
    }

    /// The value that a step computes.
    fn computed(&mut self, op: Op, inputs: &[&DeviceValue], shape: Vec<usize>) -> DeviceValue {
        let output = self.slot();
        self.lowered.steps.push(Step {
            op,
            inputs: inputs.iter().map(|input| input.slot).collect(),
            output,
        });
        DeviceValue { slot: output, shape }
    }

    /// The constant in a slot, to be changed while the model is lowered.
    fn constant_mut(&mut self, slot: Slot) -> Option<&mut HostTensor> {
        self.lowered
            .constants
            .iter_mut()
            .find(|(known, _)| *known == slot)
            .map(|(_, host)| host)
    }
}
