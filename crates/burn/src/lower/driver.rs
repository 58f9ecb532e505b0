//! The driver: lowers the nodes of a graph one after the other.

use onnx_ir::{Argument, Node};
use tare_core::{NamedTensor, NodeRun};
use tare_record::{DType, Failure, FailureKind};

use super::element_types::{element_type, supported_type, wrap_host};
use super::folding::fold;
use super::lowered::{Lowered, Output};
use super::lowerer::Lowerer;
use super::op_spec::OpSpec;
use super::passes::run_passes;
use super::rank_check::check_ranks;
use super::shared_weights::is_large;
use super::unsupported::{Lowering, Unsupported, node_failure, operator_name};
use super::value::{DeviceValue, Value};
use crate::import::file_names::file_names;
use crate::import::model::ImportedModel;
use crate::ops;

/// Lowers a model for inputs of the given shapes. With `fuses_attention` the operations that
/// attention consists of become one step.
pub(crate) fn lower(model: ImportedModel, inputs: &[NamedTensor], fuses_attention: bool) -> Result<Lowered, Failure> {
    let graph = &model.graph;
    let mut cx = Lowerer::new(graph, model.opset, lower_node);
    // onnx-ir renames inputs, and keeps their order.
    let expected = graph.inputs.len().checked_sub(model.embeddings.len());
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
        add_input(&mut cx, argument, position, &inputs[position])?;
    }
    for (argument, table) in appended.iter().zip(model.embeddings) {
        let table = cx.constant(table);
        cx.values.insert(argument.name.clone(), Value::Floats(table));
    }
    let mut names = file_names(&model.nodes, graph.nodes.iter().map(Node::name));
    for node in &graph.nodes {
        lower_node(&mut cx, node).map_err(|unsupported| node_failure(node, &unsupported, &model.node_names))?;
        cx.lowered.nodes.push(NodeRun {
            name: names.remove(node.name()).unwrap_or_else(|| node.name().to_owned()),
            operator: operator_name(node),
            multiply_accumulates: 0,
            bytes: 0,
            duration_ns: 0,
        });
    }
    for argument in &graph.outputs {
        let output = output(&cx, argument)?;
        cx.lowered.outputs.push(output);
    }
    run_passes(&mut cx, fuses_attention);
    let found = cx.lowered.outputs.len();
    if model.outputs != found {
        return Err(Failure::new(
            FailureKind::Unsupported,
            format!("expected {} outputs, found {found}: onnx-ir lost some", model.outputs),
        )
        .with_hint("run this model on tract"));
    }
    Ok(cx.lowered)
}

/// Gives an input of the graph its slot.
fn add_input(cx: &mut Lowerer, argument: &Argument, position: usize, given: &NamedTensor) -> Result<(), Failure> {
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
    let slot = cx.new_slot(tensor.shape());
    cx.note_size(tensor.shape());
    if !tensor.shape().contains(&0) {
        cx.lowered.inputs.push((position, slot));
    }
    let value = DeviceValue {
        slot,
        shape: tensor.shape().to_vec(),
    };
    let value = match tensor.dtype() {
        DType::F32 | DType::F16 => Value::Floats(value),
        DType::Bool => Value::Bools(value),
        _ => Value::Integers(value),
    };
    cx.values.insert(argument.name.clone(), value);
    Ok(())
}

/// An output of the model.
fn output(cx: &Lowerer, argument: &Argument) -> Result<Output, Failure> {
    let failure = |what: String| {
        Failure::new(
            FailureKind::Unsupported,
            format!(
                "tare's burn executor does not support {what} as the output {:?}",
                argument.name
            ),
        )
    };
    let value = cx.value(argument).map_err(|unsupported| match unsupported {
        Unsupported::Operator => failure("its operator".into()),
        Unsupported::Part(what) => failure(what),
    })?;
    let declared = element_type(argument);
    let dtype = supported_type(declared).ok_or_else(|| failure(format!("values of type {declared:?}")))?;
    Ok(Output {
        name: argument.name.clone(),
        value,
        dtype,
    })
}

/// Lowers a node, and stores the values of its outputs.
fn lower_node(cx: &mut Lowerer, node: &Node) -> Lowering<()> {
    let spec = ops::find(node);
    let is_custom = matches!(node, Node::Custom(_));
    if is_custom || spec.is_none_or(|spec| !spec.ignores_inferred_rank) {
        check_ranks(cx, node)?;
    }
    if let Node::Constant(constant) = node
        && !cx.has_subgraphs
        && is_large(&constant.outputs[0])
        && !cx.is_output(&constant.outputs[0])
    {
        // A weight is read from the file where it is used. Stored here, it would be in memory
        // twice.
        return Ok(());
    }
    let spec = spec.ok_or(Unsupported::Operator)?;
    let folded = if is_custom { None } else { fold(cx, spec, node) };
    let values = match folded {
        Some(value) => vec![value],
        None => {
            check_input_count(spec, node)?;
            (spec.lower)(cx, node)?
        }
    };
    if std::mem::take(&mut cx.empty_operand) {
        return Err(Unsupported::new("an operand without elements"));
    }
    let outputs = node.outputs();
    let is_read = |output: &Argument| !output.name.is_empty() && cx.is_read(output);
    if let Some(position) = outputs.iter().skip(values.len()).position(is_read) {
        return Err(Unsupported::new(format!("output {}", values.len() + position + 1)));
    }
    for (output, value) in outputs.iter().zip(values) {
        // onnx-ir infers no types for custom nodes.
        let value = if is_custom {
            value
        } else {
            in_inferred_type(value, output)?
        };
        cx.values.insert(output.name.clone(), value);
    }
    Ok(())
}

/// Refuses a custom node with too few inputs, which onnx-ir does not count.
fn check_input_count(spec: &OpSpec, node: &Node) -> Lowering<()> {
    match (&spec.bypass, node) {
        (Some(bypass), Node::Custom(custom)) if custom.inputs.len() < bypass.min_inputs => {
            Err(Unsupported::new(format!(
                "{} inputs (expected at least {})",
                custom.inputs.len(),
                bypass.min_inputs
            )))
        }
        _ => Ok(()),
    }
}

/// A node's result in the type that onnx-ir infers: constant integers wrap around to the width of
/// theirs, and floats in place of integers are refused.
fn in_inferred_type(value: Value, output: &Argument) -> Lowering<Value> {
    let inferred = element_type(output);
    let is_integer = inferred.is_int() || inferred.is_uint();
    match value {
        Value::Host(host) if is_integer => Ok(Value::Host(wrap_host(host, inferred))),
        Value::Floats(_) if is_integer => Err(Unsupported::new("integers")),
        other => Ok(other),
    }
}
