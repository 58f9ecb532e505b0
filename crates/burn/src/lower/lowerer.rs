//! The state of lowering: it reads arguments of nodes, and emits steps.

use std::collections::{HashMap, HashSet};

use onnx_ir::{Argument, Node, OnnxGraph};

use super::host_tensor::{HostData, HostTensor};
use super::lowered::Lowered;
use super::subgraphs;
use super::unsupported::{Lowering, Unsupported};
use super::value::{DeviceValue, Value};
use crate::runtime::program::{Op, Slot, Step};

/// Lowers one node. The driver implements it; operators with graphs inside call it.
pub(super) type LowerNode = fn(&mut Lowerer, &Node) -> Lowering<()>;

/// The state of lowering. Operators are functions that take it as `cx`.
pub(crate) struct Lowerer {
    /// The version of ONNX's operators that the file declares.
    pub(crate) opset: i64,
    pub(crate) lower_node: LowerNode,
    /// Values by the names that onnx-ir gives them.
    pub(crate) values: HashMap<String, Value>,
    /// How often each value is read.
    pub(crate) uses: HashMap<String, usize>,
    /// Names of the outputs of the graph and of the graphs inside its nodes.
    pub(super) output_names: HashSet<String>,
    pub(crate) lowered: Lowered,
    /// Whether a step of the current node reads a tensor without elements.
    pub(super) empty_operand: bool,
    /// Nodes of graphs inside nodes so far, each counted as often as it was lowered.
    pub(crate) unrolled_nodes: usize,
    /// Whether a node holds a graph. onnx-ir may give constants of different graphs the same name.
    pub(super) has_subgraphs: bool,
    /// Large constants that several nodes read, on the device, by name.
    pub(super) shared_weights: HashMap<String, DeviceValue>,
    /// The shape of each slot. A constant may have been reshaped since.
    pub(super) shapes: Vec<Vec<usize>>,
}

impl Lowerer {
    /// The state before the first node of a graph.
    pub(super) fn new(graph: &OnnxGraph, opset: i64, lower_node: LowerNode) -> Self {
        Self {
            opset,
            lower_node,
            values: HashMap::new(),
            uses: subgraphs::count_uses(graph),
            output_names: subgraphs::output_names(graph),
            lowered: Lowered::default(),
            empty_operand: false,
            unrolled_nodes: 0,
            has_subgraphs: graph.nodes.iter().any(|node| !subgraphs::subgraphs(node).is_empty()),
            shared_weights: HashMap::new(),
            shapes: vec![],
        }
    }

    /// Whether anything reads an output of a node.
    pub(crate) fn is_read(&self, output: &Argument) -> bool {
        self.uses.contains_key(&output.name)
    }

    /// The value of an argument: computed before, or a constant of the model.
    pub(crate) fn value(&self, argument: &Argument) -> Lowering<Value> {
        if let Some(value) = self.values.get(&argument.name).filter(|_| !argument.name.is_empty()) {
            return Ok(value.clone());
        }
        match argument.value() {
            Some(data) => Ok(Value::Host(HostTensor::from_burn(data)?)),
            None => Err(Unsupported::new(format!(
                "the value {:?}, which nothing computes,",
                argument.name
            ))),
        }
    }

    /// The value of an argument that may be absent.
    pub(crate) fn optional_value(&self, argument: Option<&Argument>) -> Lowering<Option<Value>> {
        match argument {
            Some(argument) if !argument.is_optional() => self.value(argument).map(Some),
            _ => Ok(None),
        }
    }

    /// The value of an argument that must be known when the model is loaded.
    pub(crate) fn host_value(&self, argument: &Argument) -> Lowering<HostTensor> {
        match self.value(argument)? {
            Value::Host(host) => Ok(host),
            Value::Floats(_) | Value::Integers(_) | Value::Bools(_) => Err(Unsupported::new(format!(
                "the value {:?}, which is computed at run time,",
                argument.name
            ))),
        }
    }

    /// The value of an argument that must be integers known when the model is loaded.
    pub(crate) fn host_integers(&self, argument: &Argument) -> Lowering<Vec<i64>> {
        self.host_value(argument)?
            .as_integers()
            .ok_or_else(|| Unsupported::new(format!("the value {:?}, which does not hold integers,", argument.name)))
    }

    /// The value of an argument on the device as `f32`.
    pub(crate) fn floats(&mut self, argument: &Argument) -> Lowering<DeviceValue> {
        let value = self.value(argument)?;
        self.device_floats(value)
    }

    /// The value on the device of an argument that may be absent.
    pub(crate) fn optional_floats(&mut self, argument: Option<&Argument>) -> Lowering<Option<DeviceValue>> {
        match self.optional_value(argument)? {
            Some(value) => self.device_floats(value).map(Some),
            None => Ok(None),
        }
    }

    /// A value on the device as `f32`. Constants are uploaded, integers among them as floats: they
    /// are operands of float arithmetic.
    pub(crate) fn device_floats(&mut self, value: Value) -> Lowering<DeviceValue> {
        match value {
            Value::Floats(device) => Ok(device),
            Value::Integers(_) => Err(Unsupported::new("integers that are computed at run time")),
            Value::Bools(_) => Err(Unsupported::new("booleans that are computed at run time")),
            Value::Host(mut host) => {
                if let HostData::I64(values) = &host.data {
                    host.data = HostData::F32(values.iter().map(|&value| value as f32).collect());
                }
                Ok(self.constant(host))
            }
        }
    }

    /// A value on the device as `i32`. A constant is uploaded.
    pub(crate) fn integers(&mut self, value: Value) -> Lowering<DeviceValue> {
        match value {
            Value::Integers(device) => Ok(device),
            Value::Host(HostTensor {
                shape,
                data: HostData::I64(values),
            }) => match values.iter().find(|&&value| i32::try_from(value).is_err()) {
                Some(wide) => Err(Unsupported::new(format!(
                    "the integer {wide}, which does not fit the 32-bit integers that burn computes with,"
                ))),
                None => Ok(self.constant(HostTensor {
                    shape,
                    data: HostData::I64(values),
                })),
            },
            _ => Err(Unsupported::new("values that are not integers")),
        }
    }

    /// A value on the device in its own type. Constants are uploaded.
    pub(crate) fn upload(&mut self, value: Value) -> Lowering<Value> {
        let Value::Host(host) = value else { return Ok(value) };
        Ok(match &host.data {
            HostData::F32(_) => Value::Floats(self.constant(host)),
            HostData::Bool(_) => Value::Bools(self.constant(host)),
            HostData::I64(_) => Value::Integers(self.integers(Value::Host(host))?),
        })
    }

    /// Puts a constant on the device.
    pub(crate) fn constant(&mut self, host: HostTensor) -> DeviceValue {
        let device = DeviceValue {
            slot: self.new_slot(&host.shape),
            shape: host.shape.clone(),
        };
        self.note_size(&host.shape);
        if !host.shape.contains(&0) {
            self.lowered.constants.push((device.slot, host));
        }
        device
    }

    /// The constant in a slot, to be changed during lowering.
    pub(crate) fn constant_mut(&mut self, slot: Slot) -> Option<&mut HostTensor> {
        self.lowered
            .constants
            .iter_mut()
            .find(|(known, _)| *known == slot)
            .map(|(_, host)| host)
    }

    /// Emits an operation that makes floats, and returns its result.
    pub(crate) fn emit_floats(&mut self, op: Op, inputs: &[&DeviceValue], shape: Vec<usize>) -> Value {
        Value::Floats(self.emit(op, inputs, shape))
    }

    /// Emits an operation, and returns its result.
    pub(crate) fn emit(&mut self, op: Op, inputs: &[&DeviceValue], shape: Vec<usize>) -> DeviceValue {
        if shape.contains(&0) {
            // There is nothing to compute, and devices do not hold tensors without elements.
            let data = HostData::F32(vec![]);
            return self.constant(HostTensor { shape, data });
        }
        self.note_size(&shape);
        self.empty_operand |= inputs.iter().any(|input| input.shape.contains(&0));
        let output = self.new_slot(&shape);
        self.lowered.steps.push(Step {
            op,
            inputs: inputs.iter().map(|input| input.slot).collect(),
            output,
            node: self.lowered.nodes.len(),
        });
        DeviceValue { slot: output, shape }
    }

    /// Emits an operation on one value that keeps its shape.
    pub(crate) fn map(&mut self, op: Op, x: &DeviceValue) -> DeviceValue {
        self.emit(op, &[x], x.shape.clone())
    }

    /// Emits an operation on two values of one shape that keeps it.
    pub(crate) fn zip(&mut self, op: Op, a: &DeviceValue, b: &DeviceValue) -> DeviceValue {
        self.emit(op, &[a, b], a.shape.clone())
    }

    /// Emits an operation on a value, as floats, that keeps its shape.
    pub(crate) fn map_value(&mut self, value: Value, op: Op) -> Lowering<Value> {
        let x = self.device_floats(value)?;
        Ok(self.emit_floats(op, &[&x], x.shape.clone()))
    }

    /// Emits an operation on an argument, as floats, that keeps its shape.
    pub(crate) fn unary(&mut self, op: Op, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        Ok(self.emit_floats(op, &[&x], x.shape.clone()))
    }

    /// Remembers the shape of the largest tensor.
    pub(crate) fn note_size(&mut self, shape: &[usize]) {
        let elements = |shape: &[usize]| shape.iter().fold(1usize, |count, &size| count.saturating_mul(size));
        if elements(shape) > elements(&self.lowered.largest_shape) {
            self.lowered.largest_shape = shape.to_vec();
        }
    }

    /// Makes room for a value of this shape.
    pub(crate) fn new_slot(&mut self, shape: &[usize]) -> Slot {
        self.shapes.push(shape.to_vec());
        self.lowered.slots += 1;
        self.lowered.slots - 1
    }
}
