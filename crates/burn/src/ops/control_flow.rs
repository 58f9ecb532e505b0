//! Control flow.
//!
//! What decides must be known when the model is loaded: a loop becomes its iterations, one after
//! the other. If the condition of an If is computed at run time, both branches are computed, and
//! one result is chosen.

use std::collections::{BTreeSet, HashSet};

use onnx_ir::ir::ValueSource;
use onnx_ir::node::if_node::IfNode;
use onnx_ir::node::loop_node::LoopNode;
use onnx_ir::node::scan_node::ScanNode;
use onnx_ir::{Argument, OnnxGraph};

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{Lowerer, Lowering, OpSpec, Unsupported, Value, op, operator_name, resolve_axis};

pub(super) const OPS: &[OpSpec] = &[
    op!("If", cx, If(n) => if_(cx, n)).ignores_inferred_rank(),
    op!("Loop", cx, Loop(n) => loop_(cx, n)).ignores_inferred_rank(),
    op!("Scan", cx, Scan(n) => scan(cx, n)).ignores_inferred_rank(),
];

/// Limit of the nodes of all iterations of all loops together. More make a program that takes too
/// long to lower. Each iteration counts as one node more.
const MAX_UNROLLED_NODES: usize = 1 << 20;

/// Values of the outer graph, by the names that a graph inside a node gives them.
type Scope = Vec<(String, Value)>;

fn if_(cx: &mut Lowerer, node: &IfNode) -> Lowering<Vec<Value>> {
    let config = &node.config;
    let (inputs, scope) = inputs_and_scope(cx, &node.inputs, &config.scope_ref_names)?;
    let condition = match inputs.first() {
        Some(condition) => cx.value(condition)?,
        None => return Err(Unsupported::new("no condition")),
    };
    if let Value::Host(known) = &condition {
        let branch = if is_true(known)? {
            &config.then_branch
        } else {
            &config.else_branch
        };
        return lower_body(cx, branch, vec![], &scope);
    }
    let then_values = lower_body(cx, &config.then_branch, vec![], &scope)?;
    let else_values = lower_body(cx, &config.else_branch, vec![], &scope)?;
    let pairs = then_values.into_iter().zip(else_values);
    pairs
        .map(|(then, other)| {
            let (a, b) = (then.shape(), other.shape());
            if a != b {
                return Err(Unsupported::new(format!(
                    "branches of shapes {a:?} and {b:?} with a condition that is computed at run time"
                )));
            }
            let shape = a.to_vec();
            let value = cx.where_value(condition.clone(), then, other)?;
            // A condition of shape [1] turns a scalar into a value of shape [1].
            Ok(cx.reshape_value(value, shape))
        })
        .collect()
}

/// Lowers the body once for each iteration. Its inputs are the number of the iteration, whether to
/// go on, and the states.
fn loop_(cx: &mut Lowerer, node: &LoopNode) -> Lowering<Vec<Value>> {
    let body = &node.config.body;
    let (inputs, scope) = inputs_and_scope(cx, &node.inputs, &node.config.scope_ref_names)?;
    let [max_iterations, condition, states @ ..] = inputs else {
        return Err(Unsupported::new("fewer than two inputs"));
    };
    let max_iterations = match cx.optional_value(Some(max_iterations))? {
        None => i64::MAX,
        Some(_) => cx.host_integers(max_iterations)?.first().copied().unwrap_or(0),
    };
    let mut goes_on = match cx.optional_value(Some(condition))? {
        None => true,
        Some(condition) => is_true(host_condition(&condition)?)?,
    };
    let mut states = values_of(cx, states)?;
    let scans = body.outputs.len().checked_sub(1 + states.len());
    let mut scanned = vec![vec![]; scans.ok_or_else(|| Unsupported::new("a body with too few outputs"))?];
    let mut iteration = 0;
    while goes_on && iteration < max_iterations {
        let number = |data| Value::Host(HostTensor { shape: vec![], data });
        let mut inputs = vec![
            number(HostData::I64(vec![iteration])),
            number(HostData::Bool(vec![true])),
        ];
        inputs.append(&mut states);
        let count = inputs.len() - 1;
        let mut outputs = lower_body(cx, body, inputs, &scope)?;
        append_each(&mut scanned, outputs.split_off(count));
        states = outputs.split_off(1);
        goes_on = is_true(host_condition(&outputs[0])?)?;
        iteration += 1;
    }
    for values in scanned {
        states.push(stack(cx, values, 0)?);
    }
    Ok(states)
}

/// Lowers the body once for each index of the scanned inputs.
fn scan(cx: &mut Lowerer, node: &ScanNode) -> Lowering<Vec<Value>> {
    let (config, body) = (&node.config, &node.config.body);
    let (inputs, scope) = inputs_and_scope(cx, &node.inputs, &config.scope_ref_names)?;
    let misfit = || Unsupported::new("a body that does not fit its inputs");
    let sequences = usize::try_from(config.num_scan_inputs).map_err(|_| misfit())?;
    let (states, sequences) = inputs.split_at(inputs.len().checked_sub(sequences).ok_or_else(misfit)?);
    let (mut states, sequences) = (values_of(cx, states)?, values_of(cx, sequences)?);
    let mut scanned = vec![vec![]; body.outputs.len().checked_sub(states.len()).ok_or_else(misfit)?];
    let of = |list: &[i64], position: usize| list.get(position).copied().unwrap_or(0);

    let mut axes = Vec::with_capacity(sequences.len());
    for (position, sequence) in sequences.iter().enumerate() {
        let axis = of(&config.scan_input_axes, position);
        axes.push(resolve_axis(axis, sequence.shape().len())?);
    }
    let lengths: BTreeSet<usize> = sequences.iter().zip(&axes).map(|(x, &axis)| x.shape()[axis]).collect();
    let [length] = lengths.into_iter().collect::<Vec<_>>()[..] else {
        return Err(Unsupported::new("scanned inputs of different lengths"));
    };
    for iteration in 0..length {
        let mut inputs = std::mem::take(&mut states);
        let count = inputs.len();
        for (position, (sequence, &axis)) in sequences.iter().zip(&axes).enumerate() {
            let backwards = of(&config.scan_input_directions, position) == 1;
            let index = if backwards { length - 1 - iteration } else { iteration };
            let part = cx.narrow_value(sequence, axis, index, 1)?;
            let mut shape = part.shape().to_vec();
            shape.remove(axis);
            inputs.push(cx.reshape_value(part, shape));
        }
        let mut outputs = lower_body(cx, body, inputs, &scope)?;
        append_each(&mut scanned, outputs.split_off(count));
        states = outputs;
    }
    for (position, mut values) in scanned.into_iter().enumerate() {
        if of(&config.scan_output_directions, position) == 1 {
            values.reverse();
        }
        let rank = values.first().map_or(0, |value| value.shape().len());
        let axis = resolve_axis(of(&config.scan_output_axes, position), rank + 1)?;
        states.push(stack(cx, values, axis)?);
    }
    Ok(states)
}

/// Splits the inputs of a node into ONNX's inputs and the outer values that its graphs read, which
/// onnx-ir appends to them.
fn inputs_and_scope<'a>(cx: &Lowerer, inputs: &'a [Argument], names: &[String]) -> Lowering<(&'a [Argument], Scope)> {
    let own = inputs.len().checked_sub(names.len());
    let (own, outer) = inputs.split_at(own.ok_or_else(|| Unsupported::new("fewer inputs than its graphs read"))?);
    let values = values_of(cx, outer)?;
    let mut scope: Scope = Vec::with_capacity(2 * names.len());
    for ((argument, name), value) in outer.iter().zip(names).zip(values) {
        // Inside the graph, onnx-ir gives outer constants the names that they have outside.
        if matches!(argument.value_source, ValueSource::Constant) {
            scope.push((argument.name.clone(), value.clone()));
        }
        scope.push((name.clone(), value));
    }
    Ok((own, scope))
}

fn values_of(cx: &Lowerer, arguments: &[Argument]) -> Lowering<Vec<Value>> {
    arguments.iter().map(|argument| cx.value(argument)).collect()
}

/// Lowers a graph inside a node. Returns its outputs.
fn lower_body(cx: &mut Lowerer, graph: &OnnxGraph, inputs: Vec<Value>, scope: &Scope) -> Lowering<Vec<Value>> {
    if graph.inputs.len() != inputs.len() {
        return Err(Unsupported::new(format!(
            "a body with {} inputs that gets {}",
            graph.inputs.len(),
            inputs.len()
        )));
    }
    cx.unrolled_nodes += 1 + graph.nodes.len();
    if cx.unrolled_nodes > MAX_UNROLLED_NODES {
        return Err(Unsupported::new(format!(
            "loops whose iterations have more than {MAX_UNROLLED_NODES} nodes in total"
        )));
    }
    let outer: HashSet<&String> = scope.iter().map(|(name, _)| name).collect();
    let given = graph.inputs.iter().map(|input| input.name.clone()).zip(inputs);
    let given: Vec<(String, Value)> = scope.iter().cloned().chain(given).collect();
    let computed = graph.nodes.iter().flat_map(|node| node.outputs());
    if let Some(name) = computed
        .clone()
        .map(|output| &output.name)
        .find(|name| outer.contains(name))
    {
        return Err(Unsupported::new(format!(
            "an inner and an outer constant to which onnx-ir gives the same name ({name})"
        )));
    }
    let names: BTreeSet<&String> = given
        .iter()
        .map(|(name, _)| name)
        .chain(computed.map(|output| &output.name))
        .collect();
    // The names of a body are its own. Outer values with these names are put aside meanwhile.
    let aside: Vec<(String, Option<Value>)> = names
        .into_iter()
        .map(|name| (name.clone(), cx.values.remove(name)))
        .collect();
    cx.values.extend(given);
    let outputs = lower_graph(cx, graph);
    for (name, value) in aside {
        match value {
            Some(value) => cx.values.insert(name, value),
            None => cx.values.remove(&name),
        };
    }
    outputs
}

fn lower_graph(cx: &mut Lowerer, graph: &OnnxGraph) -> Lowering<Vec<Value>> {
    for node in &graph.nodes {
        (cx.lower_node)(cx, node).map_err(|unsupported| {
            let operator = operator_name(node);
            Unsupported::new(match unsupported {
                Unsupported::Operator => format!("the operator {operator}"),
                Unsupported::Part(part) => format!("{part} in the operator {operator}"),
            })
        })?;
    }
    values_of(cx, &graph.outputs)
}

/// Stacks values of one shape along a new dimension.
fn stack(cx: &mut Lowerer, values: Vec<Value>, axis: usize) -> Lowering<Value> {
    if values.is_empty() {
        return Err(Unsupported::new(
            "no iteration, so that the shapes of its outputs are unknown",
        ));
    }
    let mut wide = Vec::with_capacity(values.len());
    for value in values {
        let mut shape = value.shape().to_vec();
        shape.insert(axis.min(shape.len()), 1);
        wide.push(cx.reshape_value(value, shape));
    }
    cx.concat_values(wide, axis)
}

fn append_each(lists: &mut [Vec<Value>], values: Vec<Value>) {
    for (list, value) in lists.iter_mut().zip(values) {
        list.push(value);
    }
}

fn host_condition(condition: &Value) -> Lowering<&HostTensor> {
    match condition {
        Value::Host(host) => Ok(host),
        _ => Err(Unsupported::new("a number of iterations that is computed at run time")),
    }
}

fn is_true(condition: &HostTensor) -> Lowering<bool> {
    match &condition.data {
        HostData::Bool(values) => values.first().copied(),
        HostData::I64(values) => values.first().map(|&value| value != 0),
        HostData::F32(_) => None,
    }
    .ok_or_else(|| Unsupported::new("a condition that is not a boolean"))
}
