//! Control flow. What decides must be known when the model is loaded, so that a loop becomes its turns, one after the other. Where
//! the condition of a branch is computed while the model runs, both branches are, and one is chosen.

use std::collections::{BTreeSet, HashSet};

use onnx_ir::ir::ValueSource;
use onnx_ir::node::if_node::IfNode;
use onnx_ir::node::loop_node::LoopNode;
use onnx_ir::node::scan_node::ScanNode;
use onnx_ir::{Argument, Node, OnnxGraph};

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::unsupported::operator;
use crate::lower::{Lowerer, Lowering, Unsupported, Value};
use crate::ops::layout::{resolve_axes, shape_of};

/// More nodes in all turns of all loops together make a plan that nobody waits for. A turn counts as one more.
const MOST_INNER_NODES: usize = 1 << 20;

/// Values around a node, by their names in the graphs inside of it.
type Scope = Vec<(String, Value)>;

/// The graphs inside of a node.
pub(crate) fn bodies(node: &Node) -> Vec<&OnnxGraph> {
    match node {
        Node::If(n) => vec![&n.config.then_branch, &n.config.else_branch],
        Node::Loop(n) => vec![&n.config.body],
        Node::Scan(n) => vec![&n.config.body],
        _ => vec![],
    }
}

impl Lowerer {
    pub(crate) fn if_else(&mut self, node: &IfNode) -> Lowering<Vec<Value>> {
        let config = &node.config;
        let (inputs, scope) = self.inputs_and_scope(&node.inputs, &config.scope_ref_names)?;
        let condition = match inputs.first() {
            Some(condition) => self.value(condition)?,
            None => return Err(Unsupported::new("no condition")),
        };
        if let Value::Host(known) = &condition {
            let branch = if is_true(known)? {
                &config.then_branch
            } else {
                &config.else_branch
            };
            return self.body(branch, vec![], &scope);
        }
        let chosen = self.body(&config.then_branch, vec![], &scope)?;
        let others = self.body(&config.else_branch, vec![], &scope)?;
        let pairs = chosen.into_iter().zip(others);
        pairs
            .map(|(then, other)| {
                let (a, b) = (shape_of(&then), shape_of(&other));
                if a != b {
                    return Err(Unsupported::new(format!(
                        "branches of shapes {a:?} and {b:?}, between which a computed value decides"
                    )));
                }
                let shape = a.to_vec();
                let value = self.choose_value(condition.clone(), then, other)?;
                // A condition of one dimension makes one of what has none.
                Ok(self.reshaped(value, shape))
            })
            .collect()
    }

    /// The body once for each turn: its inputs are the number of the turn, whether to go on, and the states.
    pub(crate) fn repeated(&mut self, node: &LoopNode) -> Lowering<Vec<Value>> {
        let body = &node.config.body;
        let (inputs, scope) = self.inputs_and_scope(&node.inputs, &node.config.scope_ref_names)?;
        let [most, condition, states @ ..] = inputs else {
            return Err(Unsupported::new("fewer than two inputs"));
        };
        let most = match self.optional(Some(most))? {
            None => i64::MAX,
            Some(_) => self.host_integers(most)?.first().copied().unwrap_or(0),
        };
        let mut goes_on = match self.optional(Some(condition))? {
            None => true,
            Some(condition) => is_true(known(&condition)?)?,
        };
        let mut states = self.values_of(states)?;
        let scans = body.outputs.len().checked_sub(1 + states.len());
        let mut scanned = vec![vec![]; scans.ok_or_else(|| Unsupported::new("a body of too few outputs"))?];
        let mut turn = 0;
        while goes_on && turn < most {
            let number = |data| Value::Host(HostTensor { shape: vec![], data });
            let mut inputs = vec![number(HostData::I64(vec![turn])), number(HostData::Bool(vec![true]))];
            inputs.append(&mut states);
            let count = inputs.len() - 1;
            let mut outputs = self.body(body, inputs, &scope)?;
            append_each(&mut scanned, outputs.split_off(count));
            states = outputs.split_off(1);
            goes_on = is_true(known(&outputs[0])?)?;
            turn += 1;
        }
        for values in scanned {
            states.push(self.stacked(values, 0)?);
        }
        Ok(states)
    }

    /// The body once for each position of the scanned inputs.
    pub(crate) fn scanned(&mut self, node: &ScanNode) -> Lowering<Vec<Value>> {
        let (config, body) = (&node.config, &node.config.body);
        let (inputs, scope) = self.inputs_and_scope(&node.inputs, &config.scope_ref_names)?;
        let misfit = || Unsupported::new("a body that does not fit its inputs");
        let sequences = usize::try_from(config.num_scan_inputs).map_err(|_| misfit())?;
        let (states, sequences) = inputs.split_at(inputs.len().checked_sub(sequences).ok_or_else(misfit)?);
        let (mut states, sequences) = (self.values_of(states)?, self.values_of(sequences)?);
        let mut scanned = vec![vec![]; body.outputs.len().checked_sub(states.len()).ok_or_else(misfit)?];
        let of = |list: &[i64], position: usize| list.get(position).copied().unwrap_or(0);

        let mut axes = Vec::with_capacity(sequences.len());
        for (position, sequence) in sequences.iter().enumerate() {
            let axis = of(&config.scan_input_axes, position);
            axes.extend(resolve_axes(&[axis], shape_of(sequence).len())?);
        }
        let lengths: BTreeSet<usize> = sequences
            .iter()
            .zip(&axes)
            .map(|(x, &axis)| shape_of(x)[axis])
            .collect();
        let [length] = lengths.into_iter().collect::<Vec<_>>()[..] else {
            return Err(Unsupported::new("scanned inputs of different lengths"));
        };
        for turn in 0..length {
            let mut inputs = std::mem::take(&mut states);
            let count = inputs.len();
            for (position, (sequence, &axis)) in sequences.iter().zip(&axes).enumerate() {
                let backwards = of(&config.scan_input_directions, position) == 1;
                let at = if backwards { length - 1 - turn } else { turn };
                let part = self.part_of(sequence, axis, at, 1)?;
                let mut shape = shape_of(&part).to_vec();
                shape.remove(axis);
                inputs.push(self.reshaped(part, shape));
            }
            let mut outputs = self.body(body, inputs, &scope)?;
            append_each(&mut scanned, outputs.split_off(count));
            states = outputs;
        }
        for (position, mut values) in scanned.into_iter().enumerate() {
            if of(&config.scan_output_directions, position) == 1 {
                values.reverse();
            }
            let rank = values.first().map_or(0, |value| shape_of(value).len());
            let axis = resolve_axes(&[of(&config.scan_output_axes, position)], rank + 1)?;
            states.push(self.stacked(values, axis[0])?);
        }
        Ok(states)
    }

    /// What ONNX calls the inputs of a node, and the values around it that its graphs read, which onnx-ir adds to them.
    fn inputs_and_scope<'a>(&self, inputs: &'a [Argument], names: &[String]) -> Lowering<(&'a [Argument], Scope)> {
        let own = inputs.len().checked_sub(names.len());
        let (own, around) = inputs.split_at(own.ok_or_else(|| Unsupported::new("fewer inputs than its graphs read"))?);
        let values = self.values_of(around)?;
        let mut scope: Scope = Vec::with_capacity(2 * names.len());
        for ((argument, name), value) in around.iter().zip(names).zip(values) {
            // Inside, onnx-ir calls constants as outside.
            if matches!(argument.value_source, ValueSource::Constant) {
                scope.push((argument.name.clone(), value.clone()));
            }
            scope.push((name.clone(), value));
        }
        Ok((own, scope))
    }

    fn values_of(&self, arguments: &[Argument]) -> Lowering<Vec<Value>> {
        arguments.iter().map(|argument| self.value(argument)).collect()
    }

    /// What a graph inside of a node computes.
    fn body(&mut self, graph: &OnnxGraph, inputs: Vec<Value>, scope: &Scope) -> Lowering<Vec<Value>> {
        if graph.inputs.len() != inputs.len() {
            return Err(Unsupported::new(format!(
                "a body of {} inputs, which is given {}",
                graph.inputs.len(),
                inputs.len()
            )));
        }
        self.inner_nodes += 1 + graph.nodes.len();
        if self.inner_nodes > MOST_INNER_NODES {
            return Err(Unsupported::new(format!(
                "turns of more than {MOST_INNER_NODES} nodes together"
            )));
        }
        let around: HashSet<&String> = scope.iter().map(|(name, _)| name).collect();
        let given = graph.inputs.iter().map(|input| input.name.clone()).zip(inputs);
        let given: Vec<(String, Value)> = scope.iter().cloned().chain(given).collect();
        let computed = graph.nodes.iter().flat_map(|node| node.outputs());
        if let Some(name) = computed
            .clone()
            .map(|output| &output.name)
            .find(|name| around.contains(name))
        {
            return Err(Unsupported::new(format!(
                "a constant inside and one outside that onnx-ir gives one name ({name})"
            )));
        }
        let names: BTreeSet<&String> = given
            .iter()
            .map(|(name, _)| name)
            .chain(computed.map(|output| &output.name))
            .collect();
        // The names of a body are its own: what has them outside is put aside.
        let aside: Vec<(String, Option<Value>)> = names
            .into_iter()
            .map(|name| (name.clone(), self.values.remove(name)))
            .collect();
        self.values.extend(given);
        let outputs = self.computed_by(graph);
        for (name, value) in aside {
            match value {
                Some(value) => self.values.insert(name, value),
                None => self.values.remove(&name),
            };
        }
        outputs
    }

    fn computed_by(&mut self, graph: &OnnxGraph) -> Lowering<Vec<Value>> {
        for node in &graph.nodes {
            self.node(node).map_err(|unsupported| {
                let operator = operator(node);
                Unsupported::new(match unsupported {
                    Unsupported::Operator => format!("the operator {operator}"),
                    Unsupported::Part(part) => format!("{part} in the operator {operator}"),
                })
            })?;
        }
        self.values_of(&graph.outputs)
    }

    /// Values of one shape, one after the other along a new dimension.
    fn stacked(&mut self, values: Vec<Value>, axis: usize) -> Lowering<Value> {
        if values.is_empty() {
            return Err(Unsupported::new("no turn, so that its outputs have no shape"));
        }
        let mut wide = Vec::with_capacity(values.len());
        for value in values {
            let mut shape = shape_of(&value).to_vec();
            shape.insert(axis.min(shape.len()), 1);
            wide.push(self.reshaped(value, shape));
        }
        self.joined_values(wide, axis)
    }
}

fn append_each(lists: &mut [Vec<Value>], values: Vec<Value>) {
    for (list, value) in lists.iter_mut().zip(values) {
        list.push(value);
    }
}

fn known(condition: &Value) -> Lowering<&HostTensor> {
    match condition {
        Value::Host(known) => Ok(known),
        _ => Err(Unsupported::new(
            "a number of turns that is computed while the model runs",
        )),
    }
}

fn is_true(condition: &HostTensor) -> Lowering<bool> {
    match &condition.data {
        HostData::Bool(values) => values.first().copied(),
        HostData::I64(values) => values.first().map(|&value| value != 0),
        HostData::F32(_) => None,
    }
    .ok_or_else(|| Unsupported::new("a condition that is no truth value"))
}
