//! Control flow on burn-flex, with results that can be checked by hand.

use tare_models::{Attribute, Graph, Value};
use tare_record::DType;

use crate::common::{computes, ints, refuses};

/// A graph inside a node: `build` adds its nodes, and returns its outputs with their shapes.
fn inner(name: &str, build: impl FnOnce(&mut Graph) -> Vec<(Value, Vec<usize>)>) -> Graph {
    let mut graph = Graph::new(name, 1);
    for (value, shape) in build(&mut graph) {
        graph.output(&value, &shape);
    }
    graph
}

/// Whether the sum of a value is positive: a scalar.
fn sum_is_positive(graph: &mut Graph, name: &str, x: &Value) -> Value {
    let sum = graph.node(
        &format!("{name}.sum"),
        "ReduceSum",
        &[x],
        &[Attribute::Int("keepdims", 0)],
    );
    let zero = graph.constant(&format!("{name}.zero"), &[], &[0.0]);
    graph.node(name, "Greater", &[&sum, &zero], &[])
}

/// x [n] doubled if the condition that `decide` adds holds, negated otherwise.
fn doubled_or_negated(n: usize, decide: impl FnOnce(&mut Graph, &Value) -> Value) -> Vec<u8> {
    let mut graph = Graph::new("case", 7);
    let x = graph.input("x", &[n]);
    let condition = decide(&mut graph, &x);
    let then = inner("then", |g| vec![(g.node("twice", "Add", &[&x, &x], &[]), vec![n])]);
    let other = inner("else", |g| vec![(g.node("negated", "Neg", &[&x], &[]), vec![n])]);
    let branches = [
        Attribute::Graph("then_branch", then),
        Attribute::Graph("else_branch", other),
    ];
    let y = graph.node("y", "If", &[&condition], &branches);
    graph.output(&y, &[n]);
    graph.into_bytes()
}

#[test]
fn a_computed_condition_chooses_between_branches() {
    let model = || doubled_or_negated(2, |graph, x| sum_is_positive(graph, "condition", x));
    computes(model(), &[2], &[1.0, 2.0], &[(&[2], &[2.0, 4.0])]);
    computes(model(), &[2], &[-1.0, -2.0], &[(&[2], &[1.0, 2.0])]);
}

#[test]
fn a_condition_on_shapes_is_decided_when_the_model_is_loaded() {
    let model = |n| {
        doubled_or_negated(n, |graph, x| {
            let size = graph.node("size", "Size", &[x], &[]);
            let same = graph.node("same", "Cast", &[&size], &[Attribute::Int("to", 1)]);
            let two = graph.constant("two", &[], &[2.0]);
            graph.node("condition", "Greater", &[&same, &two], &[])
        })
    };
    computes(model(3), &[3], &[1.0, 2.0, 3.0], &[(&[3], &[2.0, 4.0, 6.0])]);
    computes(model(2), &[2], &[1.0, 2.0], &[(&[2], &[-1.0, -2.0])]);
}

/// A loop whose iterations add x to the state: as many as x has elements, or without a limit.
/// `go_on` adds the condition for another iteration.
fn loop_of(ends: bool, go_on: impl FnOnce(&mut Graph, &Value, &Value) -> Value) -> Vec<u8> {
    let mut graph = Graph::new("case", 7);
    let x = graph.input("x", &[2]);
    let turns = match ends {
        true => graph.node("turns", "Size", &[&x], &[]),
        false => Value::absent(),
    };
    let mut body = Graph::new("body", 1);
    body.input_of("turn", DType::I64, &[]);
    let before = body.input_of("before", DType::Bool, &[]);
    let state = body.input("state", &[2]);
    let next = body.node("next", "Add", &[&state, &x], &[]);
    let after = go_on(&mut body, &before, &next);
    let seen = body.node("seen", "Neg", &[&next], &[]);
    body.output_of(&after, DType::Bool, &[]);
    body.output(&next, &[2]);
    body.output(&seen, &[2]);
    let inputs = [&turns, &Value::absent(), &x];
    let outputs = graph.node_of(
        "loop",
        "Loop",
        &inputs,
        &[Attribute::Graph("body", body)],
        &["last", "all"],
    );
    graph.output(&outputs[0], &[2]);
    graph.output(&outputs[1], &[2, 2]);
    graph.into_bytes()
}

#[test]
fn loops_become_their_iterations() {
    let model = loop_of(true, |body, before, _| body.node("after", "Identity", &[before], &[]));
    computes(
        model,
        &[2],
        &[1.0, 10.0],
        &[(&[2], &[3.0, 30.0]), (&[2, 2], &[-2.0, -20.0, -3.0, -30.0])],
    );
}

#[test]
fn loops_whose_end_is_computed_at_run_time_are_refused() {
    let model = loop_of(true, |body, _, next| sum_is_positive(body, "after", next));
    refuses(
        model,
        &[2],
        "a number of iterations that is computed at run time in the operator Loop",
    );
}

#[test]
fn loops_without_end_are_refused() {
    let model = loop_of(false, |body, before, _| body.node("after", "Identity", &[before], &[]));
    refuses(
        model,
        &[2],
        "loops whose iterations have more than 1048576 nodes in total in the operator Loop",
    );
}

/// Running sums of x [3, 2] along a dimension, forwards or backwards.
fn running_sums(axis: i64, backwards: i64) -> Vec<u8> {
    let width = if axis == 0 { 2 } else { 3 };
    let mut graph = Graph::new("case", 7);
    let x = graph.input("x", &[3, 2]);
    let zero = graph.constant("zero", &[width], &vec![0.0; width]);
    let mut body = Graph::new("body", 1);
    let (sum, part) = (body.input("sum", &[width]), body.input("part", &[width]));
    let next = body.node("next", "Add", &[&sum, &part], &[]);
    let seen = body.node("seen", "Identity", &[&next], &[]);
    body.output(&next, &[width]);
    body.output(&seen, &[width]);
    let attributes = [
        Attribute::Graph("body", body),
        Attribute::Int("num_scan_inputs", 1),
        ints("scan_input_axes", &[axis]),
        ints("scan_output_axes", &[axis]),
        ints("scan_input_directions", &[backwards]),
        ints("scan_output_directions", &[backwards]),
    ];
    let outputs = graph.node_of("scan", "Scan", &[&zero, &x], &attributes, &["last", "all"]);
    graph.output(&outputs[0], &[width]);
    graph.output(&outputs[1], &[3, 2]);
    graph.into_bytes()
}

#[test]
fn scans_go_along_any_dimension_in_both_directions() {
    let x = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
    computes(
        running_sums(0, 0),
        &[3, 2],
        &x,
        &[(&[2], &[6.0, 60.0]), (&[3, 2], &[1.0, 10.0, 3.0, 30.0, 6.0, 60.0])],
    );
    computes(
        running_sums(0, 1),
        &[3, 2],
        &x,
        &[(&[2], &[6.0, 60.0]), (&[3, 2], &[6.0, 60.0, 5.0, 50.0, 3.0, 30.0])],
    );
    computes(
        running_sums(1, 0),
        &[3, 2],
        &x,
        &[
            (&[3], &[11.0, 22.0, 33.0]),
            (&[3, 2], &[1.0, 11.0, 2.0, 22.0, 3.0, 33.0]),
        ],
    );
}

#[test]
fn names_inside_a_node_do_not_change_those_outside() {
    // `next` and `state` are names of other values outside the loop.
    let mut graph = Graph::new("case", 7);
    let x = graph.input("x", &[2]);
    let next = graph.node("outer", "Neg", &[&x], &[]);
    let turns = graph.node("turns", "Size", &[&x], &[]);
    let mut body = Graph::new("body", 1);
    body.input_of("turn", DType::I64, &[]);
    let before = body.input_of("before", DType::Bool, &[]);
    let state = body.input("state", &[2]);
    let then = inner("then", |g| {
        vec![(g.node("inside", "Add", &[&state, &next], &[]), vec![2])]
    });
    let other = inner("else", |g| {
        vec![(g.node("inside2", "Identity", &[&state], &[]), vec![2])]
    });
    let positive = sum_is_positive(&mut body, "positive", &state);
    let branches = [
        Attribute::Graph("then_branch", then),
        Attribute::Graph("else_branch", other),
    ];
    let changed = body.node("changed", "If", &[&positive], &branches);
    let after = body.node("after", "Identity", &[&before], &[]);
    body.output_of(&after, DType::Bool, &[]);
    body.output(&changed, &[2]);
    let inputs = [&turns, &Value::absent(), &x];
    let last = graph.node("last", "Loop", &inputs, &[Attribute::Graph("body", body)]);
    let y = graph.node("y", "Add", &[&last, &next], &[]);
    graph.output(&y, &[2]);
    // The first iteration makes 0, which stays. Then the outer value is added.
    computes(graph.into_bytes(), &[2], &[1.0, 2.0], &[(&[2], &[-1.0, -2.0])]);
}

#[test]
fn weights_outside_a_node_are_read_inside() {
    const COUNT: usize = 5000;
    let mut graph = Graph::new("case", 7);
    let x = graph.input("x", &[COUNT]);
    let ones = graph.trained("ones", &[COUNT], 1f32.to_le_bytes().repeat(COUNT));
    let then = inner("then", |g| {
        vec![(g.node("more", "Add", &[&x, &ones], &[]), vec![COUNT])]
    });
    let other = inner("else", |g| {
        vec![(g.node("less", "Sub", &[&x, &ones], &[]), vec![COUNT])]
    });
    let condition = sum_is_positive(&mut graph, "condition", &x);
    let branches = [
        Attribute::Graph("then_branch", then),
        Attribute::Graph("else_branch", other),
    ];
    let y = graph.node("y", "If", &[&condition], &branches);
    graph.output(&y, &[COUNT]);
    let (x, expected) = (vec![2.0; COUNT], vec![3.0; COUNT]);
    computes(graph.into_bytes(), &[COUNT], &x, &[(&[COUNT], &expected)]);
}

#[test]
fn training_inside_a_branch_is_refused() {
    let mut graph = Graph::new("case", 7);
    let x = graph.input("x", &[2]);
    let condition = sum_is_positive(&mut graph, "condition", &x);
    let one = graph.constant("one", &[], &[1.0]);
    let training = graph.node("training", "Cast", &[&one], &[Attribute::Int("to", 9)]);
    let then = inner("then", |g| {
        vec![(g.node("dropped", "Dropout", &[&x, &one, &training], &[]), vec![2])]
    });
    let other = inner("else", |g| vec![(g.node("negated", "Neg", &[&x], &[]), vec![2])]);
    let branches = [
        Attribute::Graph("then_branch", then),
        Attribute::Graph("else_branch", other),
    ];
    let y = graph.node("y", "If", &[&condition], &branches);
    graph.output(&y, &[2]);
    refuses(graph.into_bytes(), &[2], "training");
}
