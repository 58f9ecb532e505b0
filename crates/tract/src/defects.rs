//! What tract computes wrongly, so that its outputs are no reference: found by the ONNX backend node tests
//! (`crates/burn/CONFORMANCE.md`) and by generated models (`crates/burn/tests/suite/generated.rs`), with the version that is pinned.

use std::collections::BTreeSet;

use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

/// The first operator of a model that tract computes wrongly, with what about it is wrong.
pub(crate) fn wrong_operator(model: &ModelProto) -> Option<String> {
    in_graph(model.graph.as_ref()?, Known::default())
}

/// Values that a node may take.
#[derive(Debug, Clone, Default)]
struct Known<'a> {
    /// Constants of which all elements are 1.
    ones: BTreeSet<&'a str>,
    /// What operators of the model compute.
    computed: BTreeSet<&'a str>,
}

/// `known` are the values of the graphs around this one.
fn in_graph<'a>(graph: &'a GraphProto, mut known: Known<'a>) -> Option<String> {
    let ones = graph.initializer.iter().filter(|tensor| is_ones(tensor));
    known.ones.extend(ones.map(|tensor| tensor.name.as_str()));
    // Nodes stand after those whose outputs they take.
    for node in &graph.node {
        match node.op_type.as_str() {
            "GRU" | "LSTM" | "RNN" if is_reversed(node) => {
                return Some(format!("{} {:?} in reverse", node.op_type, node.name));
            }
            "Slice" if has_step(node, &known.ones) && is_from(node, &known.computed) => {
                return Some(format!("Slice {:?} with a step, after another operator", node.name));
            }
            "Constant" if node.attribute.iter().any(is_constant_of_ones) => {
                known.ones.extend(node.output.iter().map(String::as_str));
            }
            _ => {}
        }
        if node.op_type != "Constant" {
            known.computed.extend(node.output.iter().map(String::as_str));
        }
        let graphs = |attribute: &'a AttributeProto| attribute.g.iter().chain(&attribute.graphs);
        let mut bodies = node.attribute.iter().flat_map(graphs);
        if let Some(wrong) = bodies.find_map(|body| in_graph(body, known.clone())) {
            return Some(wrong);
        }
    }
    None
}

/// tract computes such a layer forward.
fn is_reversed(node: &NodeProto) -> bool {
    let direction = node.attribute.iter().find(|attribute| attribute.name == "direction");
    direction.is_some_and(|direction| direction.s == b"reverse")
}

fn is_from(node: &NodeProto, values: &BTreeSet<&str>) -> bool {
    node.input.iter().any(|input| values.contains(input.as_str()))
}

/// Whether a slice leaves elements out between others, or may: tract moves the step before the operators that compute its data, and counts from a wrong place.
fn has_step(node: &NodeProto, ones: &BTreeSet<&str>) -> bool {
    let steps = node.input.get(4).filter(|steps| !steps.is_empty());
    steps.is_some_and(|steps| !ones.contains(steps.as_str()))
}

fn is_constant_of_ones(attribute: &AttributeProto) -> bool {
    match attribute.name.as_str() {
        "value" => attribute.t.as_ref().is_some_and(is_ones),
        "value_int" => attribute.i == 1,
        "value_ints" => attribute.ints.iter().all(|&value| value == 1),
        _ => false,
    }
}

/// Whether all elements of a tensor of i64 or i32 are 1, as far as they are in the file.
fn is_ones(tensor: &TensorProto) -> bool {
    const I64: i32 = tract_onnx::pb::tensor_proto::DataType::Int64 as i32;
    let size = if tensor.data_type == I64 { 8 } else { 4 };
    // Little-endian, as the format asks for. A negative i32 becomes a large number, which is no 1 either.
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |value, byte| value << 8 | i64::from(*byte));
    let raw = tensor.raw_data.chunks(size).map(number);
    let listed = tensor.int32_data.iter().map(|value| i64::from(*value));
    let mut all = raw.chain(listed).chain(tensor.int64_data.iter().copied()).peekable();
    all.peek().is_some() && all.all(|value| value == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::attribute_proto;

    fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
        NodeProto {
            name: format!("node of {output}"),
            op_type: operator.into(),
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![output.into()],
            ..NodeProto::default()
        }
    }

    fn recurrent(operator: &str, direction: &str) -> NodeProto {
        let direction = AttributeProto {
            name: "direction".into(),
            r#type: attribute_proto::AttributeType::String.into(),
            s: direction.into(),
            ..AttributeProto::default()
        };
        NodeProto {
            attribute: vec![direction],
            ..node(operator, &["x", "w", "r"], "y")
        }
    }

    fn wrong(nodes: Vec<NodeProto>, step: i64) -> Option<String> {
        let steps = |name: &str, raw_data: Vec<u8>, int64_data: Vec<i64>| TensorProto {
            name: name.into(),
            dims: vec![1],
            data_type: tract_onnx::pb::tensor_proto::DataType::Int64.into(),
            raw_data,
            int64_data,
            ..TensorProto::default()
        };
        let graph = GraphProto {
            node: nodes,
            initializer: vec![
                steps("raw", step.to_le_bytes().to_vec(), vec![]),
                steps("listed", vec![], vec![step]),
            ],
            ..GraphProto::default()
        };
        wrong_operator(&ModelProto {
            graph: Some(graph),
            ..ModelProto::default()
        })
    }

    #[test]
    fn layers_in_reverse_are_wrong() {
        for operator in ["GRU", "LSTM", "RNN"] {
            let expected = format!("{operator} \"node of y\" in reverse");
            assert_eq!(wrong(vec![recurrent(operator, "reverse")], 1), Some(expected));
            for right in ["forward", "bidirectional"] {
                assert_eq!(wrong(vec![recurrent(operator, right)], 1), None, "{operator} {right}");
            }
        }
    }

    #[test]
    fn slices_with_steps_after_other_operators_are_wrong() {
        for (steps, step, is_wrong) in [
            ("raw", 2, true),
            ("listed", 3, true),
            ("raw", -1, true),
            ("raw", 257, true),
            ("computed", 1, true),
            ("raw", 1, false),
            ("listed", 1, false),
            ("", 2, false),
        ] {
            let slice = |data| node("Slice", &[data, "starts", "ends", "axes", steps], "y");
            let after = vec![node("Conv", &["x", "w"], "c"), node("Neg", &["c"], "n"), slice("n")];
            assert_eq!(wrong(after, step).is_some(), is_wrong, "{steps} {step}");
            let beside = vec![node("Conv", &["x", "w"], "c"), slice("x")];
            assert_eq!(wrong(beside, step), None, "{steps} {step}");
        }
    }

    #[test]
    fn a_body_takes_values_of_the_graph_around_it() {
        let body = |steps: &str| AttributeProto {
            name: "then_branch".into(),
            g: Some(GraphProto {
                node: vec![node("Slice", &["c", "starts", "ends", "axes", steps], "y")],
                ..GraphProto::default()
            }),
            ..AttributeProto::default()
        };
        for (steps, is_wrong) in [("raw", true), ("constant", false)] {
            let over = NodeProto {
                attribute: vec![body(steps)],
                ..node("If", &["condition"], "z")
            };
            let ones = AttributeProto {
                name: "value_ints".into(),
                ints: vec![1],
                ..AttributeProto::default()
            };
            let constant = NodeProto {
                attribute: vec![ones],
                ..node("Constant", &[], "constant")
            };
            let nodes = vec![node("Conv", &["x", "w"], "c"), constant, over];
            assert_eq!(wrong(nodes, 2).is_some(), is_wrong, "{steps}");
        }
    }

    #[test]
    fn bodies_of_loops_are_searched() {
        let body = AttributeProto {
            name: "body".into(),
            g: Some(GraphProto {
                node: vec![recurrent("LSTM", "reverse")],
                ..GraphProto::default()
            }),
            ..AttributeProto::default()
        };
        let over = NodeProto {
            attribute: vec![body],
            ..node("Loop", &["n"], "z")
        };
        assert!(wrong(vec![over], 1).is_some());
    }
}
