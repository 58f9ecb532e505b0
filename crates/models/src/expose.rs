use std::collections::HashSet;

use bytes::Bytes;
use prost::Message;

use crate::SignatureError;
use crate::onnx::{GraphProto, Model, ValueInfo};

/// A value that a node of a graph computes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeValue {
    /// Name of the value.
    pub name: String,
    /// Name of the node, which may be empty.
    pub node: String,
    /// ONNX's name of the operator.
    pub operator: String,
}

/// The same model with every value that a node computes and another reads as an output too, after its own outputs, and
/// all those values in the order of the nodes.
///
/// # Errors
///
/// If the bytes are not one whole ONNX file.
pub fn expose(bytes: &[u8]) -> Result<(Vec<u8>, Vec<NodeValue>), SignatureError> {
    let model =
        Model::decode(Bytes::copy_from_slice(bytes)).map_err(|error| SignatureError::Decode(error.to_string()))?;
    let graph = model.graph.ok_or(SignatureError::NoGraph)?;
    let outputs: HashSet<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
    let read: HashSet<&str> = graph
        .node
        .iter()
        .flat_map(|node| &node.input)
        .map(String::as_str)
        .collect();
    // The outputs of constants say nothing about an engine.
    let computed: Vec<NodeValue> = graph
        .node
        .iter()
        .filter(|node| node.op_type != "Constant")
        .flat_map(|node| node.output.iter().map(move |name| (node, name)))
        .filter(|(_, name)| !name.is_empty() && (outputs.contains(name.as_str()) || read.contains(name.as_str())))
        .map(|(node, name)| NodeValue {
            name: name.clone(),
            node: node.name.clone(),
            operator: node.op_type.clone(),
        })
        .collect();
    let more = computed.iter().filter(|value| !outputs.contains(value.name.as_str()));
    let addition = Model {
        graph: Some(GraphProto {
            output: more
                .map(|value| ValueInfo {
                    name: value.name.clone(),
                    r#type: None,
                })
                .collect(),
            ..GraphProto::default()
        }),
        ..Model::default()
    };
    // Parsers merge a message that comes twice, and repeated fields grow (protobuf encoding guide, "Last One Wins"):
    // appending keeps all that this crate does not read.
    let exposed = [bytes, &addition.encode_to_vec()].concat();
    Ok((exposed, computed))
}
