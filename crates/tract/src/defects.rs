//! What tract computes wrongly, so that its outputs are no reference: found by the ONNX backend node tests
//! (`crates/burn/CONFORMANCE.md`) and by generated models (`crates/burn/tests/suite/generated.rs`), with the version that is pinned.

use std::collections::{BTreeMap, BTreeSet};

use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};

/// The first operator of a model that tract computes wrongly, with what about it is wrong.
pub(crate) fn wrong_operator(model: &ModelProto) -> Option<String> {
    in_graph(model.graph.as_ref()?)
}

fn in_graph(graph: &GraphProto) -> Option<String> {
    let mut constants: BTreeMap<&str, &TensorProto> = graph
        .initializer
        .iter()
        .map(|tensor| (tensor.name.as_str(), tensor))
        .collect();
    let mut convolved: BTreeSet<&str> = BTreeSet::new();
    // Nodes stand after those whose outputs they take.
    for node in &graph.node {
        match node.op_type.as_str() {
            "GRU" | "LSTM" | "RNN" if is_reversed(node) => {
                return Some(format!("{} {:?} in reverse", node.op_type, node.name));
            }
            "Slice" if has_step(node, &constants) && is_from(node, &convolved) => {
                return Some(format!("Slice {:?} with a step, after Conv", node.name));
            }
            "Constant" => {
                let value = node.attribute.iter().find(|attribute| attribute.name == "value");
                if let (Some(tensor), Some(output)) = (value.and_then(|value| value.t.as_ref()), node.output.first()) {
                    constants.insert(output, tensor);
                }
            }
            _ => {}
        }
        if node.op_type == "Conv" || is_from(node, &convolved) {
            convolved.extend(node.output.iter().map(String::as_str));
        }
        let bodies = node
            .attribute
            .iter()
            .flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs));
        if let Some(wrong) = bodies.filter_map(in_graph).next() {
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

/// Whether a slice leaves elements out between others, or may: tract turns the step into the convolution's stride, and counts from a wrong place.
fn has_step(node: &NodeProto, constants: &BTreeMap<&str, &TensorProto>) -> bool {
    let Some(steps) = node.input.get(4).filter(|steps| !steps.is_empty()) else {
        return false;
    };
    constants
        .get(steps.as_str())
        .is_none_or(|steps| integers(steps).any(|step| step != 1))
}

/// The elements of a small tensor of i64 or i32.
fn integers(tensor: &TensorProto) -> impl Iterator<Item = i64> {
    const I64: i32 = tract_onnx::pb::tensor_proto::DataType::Int64 as i32;
    let size = if tensor.data_type == I64 { 8 } else { 4 };
    // Little-endian, as the format asks for. A negative i32 becomes a large number, which is no 1 either.
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |value, byte| value << 8 | i64::from(*byte));
    let raw = tensor.raw_data.chunks(size).map(number);
    let listed = tensor
        .int64_data
        .iter()
        .copied()
        .chain(tensor.int32_data.iter().map(|value| i64::from(*value)));
    raw.chain(listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::{AttributeProto, attribute_proto};

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
    fn slices_with_steps_after_convolutions_are_wrong() {
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
