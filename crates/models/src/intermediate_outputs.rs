use std::collections::HashSet;

use bytes::Bytes;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field};
use prost::{DecodeError, Message};

use crate::SignatureError;
use tare_core::NamedTensor;

use crate::onnx::{GraphProto, Model, ValueInfo, weight};

/// A value that a node of a graph computes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeValue {
    /// Name of the value.
    pub name: String,
    /// Name of the node, which may be empty.
    pub node: String,
    /// ONNX name of the operator.
    pub operator: String,
}

/// Makes every value that a node computes and another node reads an output of the model, after the
/// model's own outputs. Also returns all these values and the model's outputs, in the order of the
/// nodes.
///
/// # Errors
///
/// If the bytes are not a complete ONNX file.
pub fn with_intermediate_outputs(bytes: &[u8]) -> Result<(Vec<u8>, Vec<NodeValue>), SignatureError> {
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
    // The outputs of constants show nothing about an engine.
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
    let added = computed.iter().filter(|value| !outputs.contains(value.name.as_str()));
    let outputs = added.map(|value| ValueInfo {
        name: value.name.clone(),
        r#type: None,
    });
    let addition = GraphProto {
        output: outputs.collect(),
        ..GraphProto::default()
    };
    let model = with_graph_fields(bytes, &addition.encode_to_vec())
        .map_err(|error| SignatureError::Decode(error.to_string()))?;
    Ok((model, computed))
}

/// Fixes some of the model's inputs: they become weights with the given elements.
///
/// # Errors
///
/// If the bytes are not a complete ONNX file.
pub fn with_fixed_inputs(bytes: &[u8], inputs: &[NamedTensor]) -> Result<Vec<u8>, SignatureError> {
    let addition = GraphProto {
        initializer: inputs.iter().map(weight).collect(),
        ..GraphProto::default()
    };
    with_graph_fields(bytes, &addition.encode_to_vec()).map_err(|error| SignatureError::Decode(error.to_string()))
}

/// The protobuf field of a model that holds its graph.
const GRAPH: u32 = 7;

/// Appends fields to the graph of an ONNX file, and keeps everything that this crate does not read.
/// Repeated fields grow.
fn with_graph_fields(bytes: &[u8], fields: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut rest = bytes;
    let mut whole = Vec::with_capacity(bytes.len() + fields.len() + 8);
    while !rest.is_empty() {
        let field = rest;
        let (tag, wire_type) = decode_key(&mut rest)?;
        if tag == GRAPH && wire_type == WireType::LengthDelimited {
            // `bytes` were decoded before, so the graph has the size that it states.
            let length = usize::try_from(decode_varint(&mut rest)?)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            let (graph, after) = rest.split_at(length);
            encode_key(tag, wire_type, &mut whole);
            encode_varint((graph.len() + fields.len()) as u64, &mut whole);
            whole.extend_from_slice(graph);
            whole.extend_from_slice(fields);
            rest = after;
        } else {
            skip_field(wire_type, tag, &mut rest, DecodeContext::default())?;
            whole.extend_from_slice(&field[..field.len() - rest.len()]);
        }
    }
    Ok(whole)
}
