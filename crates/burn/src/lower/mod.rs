//! Lowering: from the graph that onnx-ir parsed to a list of steps.
//!
//! All input shapes are known, so everything that depends on shapes and weights alone is computed here, on the host;
//! what remains are operations on device tensors whose shapes are known too.

pub(crate) mod element_types;
mod folding;
mod fusing;
pub(crate) mod host_tensor;
mod rank_check;
pub(crate) mod shared_weights;
mod subgraphs;
pub(crate) mod unsupported;
mod value;

use std::collections::{HashMap, HashSet};

use onnx_ir::{Argument, OnnxGraph};
use tare_core::NamedTensor;
use tare_record::{DType, Failure, FailureKind};

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::unsupported::{NodeNames, operator, refuse};
use crate::ops::control_flow as control;
use crate::runtime::profile::NodeTime;
use crate::runtime::program::{Movement, Op, Slot};
use crate::runtime::schedule::Step;
pub(crate) use value::{DeviceValue, Value};

/// A model as a list of steps.
#[derive(Debug)]
pub(crate) struct Lowered {
    pub(crate) steps: Vec<Step>,
    /// Number of values of a run.
    pub(crate) slots: usize,
    /// Values to upload once; their integers fit 32 bits.
    pub(crate) constants: Vec<(Slot, HostTensor)>,
    /// Where the inputs go, by position among the given inputs.
    pub(crate) inputs: Vec<(usize, Slot)>,
    pub(crate) outputs: Vec<Output>,
    /// Shape of the largest tensor.
    pub(crate) largest: Vec<usize>,
    /// Nodes in order, to be timed.
    pub(crate) nodes: Vec<NodeTime>,
}

/// An output of the model.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) value: Value,
    /// The type that the model says.
    pub(crate) dtype: DType,
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

    pub(crate) fn what(&self) -> &str {
        match self {
            Self::Operator => "its operator",
            Self::Part(what) => what,
        }
    }
}

pub(crate) type Lowering<T> = Result<T, Unsupported>;

/// Lowers a graph for inputs of the given shapes. `names` are those of its nodes in the file; `tables` were taken out of it, and are the
/// last inputs of the graph. `fuses_attention` has attention in its parts become one step.
pub(crate) fn lower(
    graph: &OnnxGraph,
    opset: i64,
    names: &NodeNames,
    inputs: &[NamedTensor],
    tables: Vec<HostTensor>,
    fuses_attention: bool,
) -> Result<Lowered, Failure> {
    let mut lowerer = Lowerer {
        opset,
        values: HashMap::new(),
        uses: subgraphs::uses(graph),
        outputs: subgraphs::output_names(graph),
        lowered: Lowered {
            steps: vec![],
            slots: 0,
            constants: vec![],
            inputs: vec![],
            outputs: vec![],
            largest: vec![],
            nodes: vec![],
        },
        starved: false,
        inner_nodes: 0,
        has_bodies: graph.nodes.iter().any(|node| !control::bodies(node).is_empty()),
        shared: HashMap::new(),
        shapes: vec![],
    };
    // onnx-ir renames values, inputs too, and keeps their order.
    let expected = graph.inputs.len().checked_sub(tables.len());
    if expected != Some(inputs.len()) {
        return Err(Failure::new(
            FailureKind::Input,
            format!(
                "expected {} inputs, as onnx-ir reads the model, found {}",
                expected.unwrap_or(0),
                inputs.len()
            ),
        ));
    }
    let (own, appended) = graph.inputs.split_at(inputs.len());
    for (position, argument) in own.iter().enumerate() {
        lowerer.input(argument, position, &inputs[position])?;
    }
    for (argument, table) in appended.iter().zip(tables) {
        let table = lowerer.constant(table);
        lowerer.values.insert(argument.name.clone(), Value::Device(table));
    }
    for node in &graph.nodes {
        lowerer
            .node(node)
            .map_err(|unsupported| refuse(node, &unsupported, names))?;
        lowerer.lowered.nodes.push(NodeTime {
            node: node.name().to_owned(),
            operator: operator(node),
            steps: 0,
            duration_ns: 0,
        });
    }
    for argument in &graph.outputs {
        let output = lowerer.output(argument).map_err(|unsupported| {
            Failure::new(
                FailureKind::Unsupported,
                format!("output {:?}: {}", argument.name, unsupported.what()),
            )
        })?;
        lowerer.lowered.outputs.push(output);
    }
    lowerer.tidy(fuses_attention);
    Ok(lowerer.lowered)
}

pub(crate) struct Lowerer {
    /// The version of ONNX's operators that the file names.
    pub(crate) opset: i64,
    pub(crate) values: HashMap<String, Value>,
    pub(crate) uses: HashMap<String, usize>,
    /// Names of the outputs of the graph, and of those inside of its nodes.
    pub(crate) outputs: HashSet<String>,
    pub(crate) lowered: Lowered,
    /// Whether a step of the present node reads a tensor without elements.
    pub(crate) starved: bool,
    /// Nodes of all graphs inside of nodes until now, once for each turn.
    pub(crate) inner_nodes: usize,
    /// Whether the model has graphs inside of nodes: onnx-ir gives constants of different graphs the same names.
    pub(crate) has_bodies: bool,
    /// Large constants that several nodes read, on the device, by their names.
    pub(crate) shared: HashMap<String, DeviceValue>,
    /// The shape in each slot; constants may have got another since.
    pub(crate) shapes: Vec<Vec<usize>>,
}

impl Lowerer {
    pub(crate) fn input(&mut self, argument: &Argument, position: usize, given: &NamedTensor) -> Result<(), Failure> {
        let tensor = &given.tensor;
        if tensor.dtype() == DType::F64 {
            return Err(Failure::new(
                FailureKind::Unsupported,
                format!(
                    "tare's burn executor does not support inputs of type {} (input {:?})",
                    tensor.dtype(),
                    given.name
                ),
            )
            .with_hint("run this model on tract"));
        }
        let slot = self.slot(tensor.shape());
        self.note_size(tensor.shape());
        if !tensor.shape().contains(&0) {
            self.lowered.inputs.push((position, slot));
        }
        let value = DeviceValue {
            slot,
            shape: tensor.shape().to_vec(),
        };
        let value = match tensor.dtype() {
            DType::F32 | DType::F16 => Value::Device(value),
            DType::Bool => Value::Truths(value),
            _ => Value::Integers(value),
        };
        self.values.insert(argument.name.clone(), value);
        Ok(())
    }

    /// The value of an argument: computed before, or a constant of the model.
    pub(crate) fn value(&self, argument: &Argument) -> Lowering<Value> {
        if let Some(value) = self.values.get(&argument.name).filter(|_| !argument.name.is_empty()) {
            return Ok(value.clone());
        }
        match argument.value() {
            Some(data) => Ok(Value::Host(HostTensor::from_burn(data)?)),
            None => Err(Unsupported::new(format!(
                "a value that nothing computes ({:?})",
                argument.name
            ))),
        }
    }

    /// The value of an argument that may be absent.
    pub(crate) fn optional(&self, argument: Option<&Argument>) -> Lowering<Option<Value>> {
        match argument {
            Some(argument) if !argument.is_optional() => self.value(argument).map(Some),
            _ => Ok(None),
        }
    }

    /// The value of an argument that must be known when the model is loaded.
    pub(crate) fn host(&self, argument: &Argument) -> Lowering<HostTensor> {
        match self.value(argument)? {
            Value::Host(host) => Ok(host),
            Value::Device(_) | Value::Integers(_) | Value::Truths(_) => Err(Unsupported::new(format!(
                "{:?} being computed while the model runs",
                argument.name
            ))),
        }
    }

    pub(crate) fn host_integers(&self, argument: &Argument) -> Lowering<Vec<i64>> {
        self.host(argument)?
            .as_integers()
            .ok_or_else(|| Unsupported::new(format!("{:?} not being integers", argument.name)))
    }

    /// The value on the device as `f32`: a constant is uploaded.
    pub(crate) fn device(&mut self, value: Value) -> Lowering<DeviceValue> {
        match value {
            Value::Device(device) => Ok(device),
            Value::Integers(_) => Err(Unsupported::new("integers that are computed while the model runs")),
            Value::Truths(_) => Err(Unsupported::new("truth values that are computed while the model runs")),
            Value::Host(mut host) => {
                if let HostData::I64(values) = &host.data {
                    // Integers that are asked for as floats are operands of arithmetic with floats.
                    host.data = HostData::F32(values.iter().map(|&value| value as f32).collect());
                }
                Ok(self.constant(host))
            }
        }
    }

    /// The value on the device in its own type: a constant is uploaded.
    pub(crate) fn uploaded(&mut self, value: Value) -> Lowering<Value> {
        let Value::Host(host) = value else { return Ok(value) };
        Ok(match &host.data {
            HostData::F32(_) => Value::Device(self.constant(host)),
            HostData::Bool(_) => Value::Truths(self.constant(host)),
            HostData::I64(_) => Value::Integers(self.integers(Value::Host(host))?),
        })
    }

    /// The value of an argument on the device as `f32`.
    pub(crate) fn floats(&mut self, argument: &Argument) -> Lowering<DeviceValue> {
        let value = self.value(argument)?;
        self.device(value)
    }

    /// The value on the device of an argument that may be absent.
    pub(crate) fn optional_floats(&mut self, argument: Option<&Argument>) -> Lowering<Option<DeviceValue>> {
        match self.optional(argument)? {
            Some(value) => self.device(value).map(Some),
            None => Ok(None),
        }
    }

    /// Uploads a constant.
    pub(crate) fn constant(&mut self, host: HostTensor) -> DeviceValue {
        let device = DeviceValue {
            slot: self.slot(&host.shape),
            shape: host.shape.clone(),
        };
        self.note_size(&host.shape);
        if !host.shape.contains(&0) {
            self.lowered.constants.push((device.slot, host));
        }
        device
    }

    pub(crate) fn note_size(&mut self, shape: &[usize]) {
        let elements = |shape: &[usize]| shape.iter().fold(1usize, |count, &size| count.saturating_mul(size));
        if elements(shape) > elements(&self.lowered.largest) {
            self.lowered.largest = shape.to_vec();
        }
    }

    pub(crate) fn slot(&mut self, shape: &[usize]) -> Slot {
        self.shapes.push(shape.to_vec());
        self.lowered.slots += 1;
        self.lowered.slots - 1
    }

    /// An output of the model.
    pub(crate) fn output(&self, argument: &Argument) -> Lowering<Output> {
        let value = self.value(argument)?;
        let said = element_types::element_type(argument);
        let dtype = element_types::known(said).ok_or_else(|| Unsupported::new(format!("values of type {said:?}")))?;
        Ok(Output {
            name: argument.name.clone(),
            value,
            dtype,
        })
    }

    pub(crate) fn step(&mut self, op: Op, inputs: &[&DeviceValue], shape: Vec<usize>) -> Value {
        Value::Device(self.computed(op, inputs, shape))
    }

    /// The value that a step computes.
    pub(crate) fn computed(&mut self, op: Op, inputs: &[&DeviceValue], shape: Vec<usize>) -> DeviceValue {
        if shape.contains(&0) {
            // Nothing is computed, and devices are not asked for tensors without elements.
            let data = HostData::F32(vec![]);
            return self.constant(HostTensor { shape, data });
        }
        self.note_size(&shape);
        self.starved |= inputs.iter().any(|input| input.shape.contains(&0));
        let output = self.slot(&shape);
        self.lowered.steps.push(Step {
            op,
            inputs: inputs.iter().map(|input| input.slot).collect(),
            output,
            node: self.lowered.nodes.len(),
        });
        DeviceValue { slot: output, shape }
    }

    /// The same shape, computed by one operation.
    pub(crate) fn same(&mut self, op: Op, x: &DeviceValue) -> DeviceValue {
        self.computed(op, &[x], x.shape.clone())
    }

    /// Of two values of one shape.
    pub(crate) fn both(&mut self, op: Op, a: &DeviceValue, b: &DeviceValue) -> DeviceValue {
        self.computed(op, &[a, b], a.shape.clone())
    }

    /// The same elements in another shape.
    pub(crate) fn viewed(&mut self, x: &DeviceValue, shape: Vec<usize>) -> DeviceValue {
        if x.shape == shape {
            return x.clone();
        }
        // A scalar is stored with one dimension.
        let stored = if shape.is_empty() { vec![1] } else { shape.clone() };
        self.computed(Op::Move(Movement::Reshape(stored)), &[x], shape)
    }

    /// The constant in a slot, to be changed while the model is lowered.
    pub(crate) fn constant_mut(&mut self, slot: Slot) -> Option<&mut HostTensor> {
        self.lowered
            .constants
            .iter_mut()
            .find(|(known, _)| *known == slot)
            .map(|(_, host)| host)
    }
}
