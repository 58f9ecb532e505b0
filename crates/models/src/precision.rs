//! Converts the weights of a model to fewer bits. The model stays a plain ONNX file: each converted weight is followed
//! by a node that makes f32 of it.

use std::collections::HashMap;

use bytes::Bytes;
use half::f16;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field};
use prost::{DecodeError, Message};
use tare_record::Precision;

use crate::onnx::{AttributeProto, Model, Node, TensorProto, ValueInfo};

mod dynamic;

/// Smaller weights stay: their nodes would cost more than their bytes.
const MIN_ELEMENTS: usize = 256;

/// The first version of DequantizeLinear with a scale for each channel.
const PER_CHANNEL_OPSET: i64 = 13;

/// Element types, as ONNX numbers them.
const F32: i32 = 1;
const I8: i32 = 3;
const F16: i32 = 10;

/// Types of attributes, as ONNX numbers them.
const INT: i32 = 2;

/// Protobuf fields of a model and of a graph.
const GRAPH: u32 = 7;
const NODE: u32 = 1;
const INITIALIZER: u32 = 5;
const INPUT: u32 = 11;

/// Why a model cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrecisionError {
    /// The bytes are not an ONNX file.
    #[error("the model cannot be converted to {0}: {1}")]
    Decode(Precision, String),
    /// No weight can be converted.
    #[error(
        "the model has no weight that can be converted to {0}: expected one of f32 with at least {MIN_ELEMENTS} elements"
    )]
    NoWeights(Precision),
    /// The operators of the model's version cannot express it.
    #[error(
        "the model cannot be converted to {precision}: expected operators of version {PER_CHANNEL_OPSET} or later, found {found}"
    )]
    Opset {
        /// What was asked for.
        precision: Precision,
        /// The model's version.
        found: i64,
    },
}

impl PrecisionError {
    /// What the user can do.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            PrecisionError::Decode(..) => "check that the file is a complete ONNX model",
            PrecisionError::NoWeights(_) => "leave the model in f32",
            PrecisionError::Opset { .. } => "export the model with a later opset, or use f16-weights",
        }
    }
}

/// Weights as TensorProto stores them, with the elements of exporters that do not use raw data.
#[derive(Clone, PartialEq, Message)]
struct StoredWeight {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "bytes", tag = "9")]
    raw_data: Bytes,
    #[prost(int32, tag = "14")]
    data_location: i32,
}

impl StoredWeight {
    fn values(&self) -> Option<Vec<f32>> {
        let count: Option<usize> = self
            .dims
            .iter()
            .try_fold(1usize, |count, &dim| count.checked_mul(usize::try_from(dim).ok()?));
        let values: Vec<f32> = if self.raw_data.is_empty() {
            self.float_data.clone()
        } else {
            let chunks = self.raw_data.as_chunks::<4>().0.iter();
            chunks.map(|chunk| f32::from_le_bytes(*chunk)).collect()
        };
        let is_whole = self.data_type == F32 && self.data_location == 0 && count == Some(values.len());
        is_whole.then_some(values)
    }
}

/// What replaces a weight: weights of other types, and the node that makes the weight of them.
struct Replacement {
    weights: Vec<TensorProto>,
    node: Node,
}

/// The model with its weights in `precision`.
///
/// `f16-weights` and `f16`: round to nearest even. Weights with an element beyond the largest f16, 65504, stay in f32.
///
/// `int8-weights`: symmetric with a scale for each output channel, so that the largest magnitude of a channel becomes
/// 127 (Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference", 2018, section 3.1.2). Only
/// weights of at least two dimensions are converted.
///
/// `int8-dynamic`: the weights of MatMul and Gemm in the same way, and these products in int8.
///
/// # Errors
///
/// If the bytes are not an ONNX file, no weight can be converted, or the model's operators are too old.
pub fn with_precision(bytes: &[u8], precision: Precision) -> Result<Vec<u8>, PrecisionError> {
    let undecodable = |error: DecodeError| PrecisionError::Decode(precision, error.to_string());
    let model = Model::decode(Bytes::copy_from_slice(bytes)).map_err(undecodable)?;
    let version = model
        .opset_import
        .iter()
        .filter(|set| set.domain.is_empty() || set.domain == "ai.onnx")
        .map(|set| set.version)
        .max();
    let is_int8 = matches!(precision, Precision::Int8Weights | Precision::Int8Dynamic);
    if let (true, Some(found @ ..PER_CHANNEL_OPSET)) = (is_int8, version) {
        return Err(PrecisionError::Opset { precision, found });
    }
    let graph = model.graph.unwrap_or_default();
    let channels = output_channels(&graph.node);
    let mut converted = 0;
    let converted_model = replace_field(bytes, GRAPH, |graph| {
        let (graph, count) = match precision {
            Precision::Int8Dynamic => dynamic::converted_graph(graph)?,
            precision => converted_graph(graph, precision, &channels)?,
        };
        converted = count;
        Ok(graph)
    })
    .map_err(undecodable)?;
    if converted == 0 {
        return Err(PrecisionError::NoWeights(precision));
    }
    Ok(converted_model)
}

/// The dimension of each weight that numbers the output channels of its first use, from the end if negative.
fn output_channels(nodes: &[Node]) -> HashMap<String, i64> {
    let mut axes = HashMap::new();
    for node in nodes {
        let flag = |name: &str| {
            node.attribute
                .iter()
                .any(|attribute| attribute.name == name && attribute.i != 0)
        };
        let axis = match node.op_type.as_str() {
            "Conv" | "Gather" => 0,
            "ConvTranspose" => 1,
            "Gemm" if flag("transB") => 0,
            "Gemm" => 1,
            "MatMul" => -1,
            _ => continue,
        };
        // The table of an embedding is the first input, other weights are the second.
        let place = usize::from(node.op_type != "Gather");
        if let Some(weight) = node.input.get(place) {
            axes.entry(weight.clone()).or_insert(axis);
        }
    }
    axes
}

/// The graph with converted weights, and how many there are.
fn converted_graph(
    graph: &[u8],
    precision: Precision,
    channels: &HashMap<String, i64>,
) -> Result<(Vec<u8>, usize), DecodeError> {
    let (mut kept, mut replacements) = (Vec::with_capacity(graph.len()), Vec::new());
    each_field(graph, |tag, field, contents| {
        if tag == INITIALIZER {
            let weight = StoredWeight::decode(contents)?;
            if let Some(replacement) = replacement(&weight, precision, channels) {
                replacements.push(replacement);
                return Ok(());
            }
        }
        kept.extend_from_slice(field);
        Ok(())
    })?;
    let is_replaced = |name: &String| replacements.iter().any(|one| one.node.output.contains(name));
    // Old models list weights among the inputs too.
    let mut fields = Vec::with_capacity(kept.len());
    for node in replacements.iter().map(|replacement| &replacement.node) {
        prost::encoding::message::encode(NODE, node, &mut fields);
    }
    each_field(&kept, |tag, field, contents| {
        if tag != INPUT || !is_replaced(&ValueInfo::decode(contents)?.name) {
            fields.extend_from_slice(field);
        }
        Ok(())
    })?;
    for weight in replacements.iter().flat_map(|replacement| &replacement.weights) {
        prost::encoding::message::encode(INITIALIZER, weight, &mut fields);
    }
    Ok((fields, replacements.len()))
}

fn replacement(weight: &StoredWeight, precision: Precision, channels: &HashMap<String, i64>) -> Option<Replacement> {
    let values = weight.values().filter(|values| values.len() >= MIN_ELEMENTS)?;
    match precision {
        Precision::F16Weights | Precision::F16 => as_f16(weight, &values),
        Precision::Int8Weights => as_int8(weight, &values, *channels.get(&weight.name)?),
        Precision::Int8Dynamic => unreachable!("products are converted as a whole"),
    }
}

fn as_f16(weight: &StoredWeight, values: &[f32]) -> Option<Replacement> {
    let limit = f16::MAX.to_f32();
    if !values.iter().all(|value| value.abs() <= limit) {
        return None;
    }
    let stored = format!("{}.f16", weight.name);
    let raw: Vec<u8> = values
        .iter()
        .flat_map(|&value| f16::from_f32(value).to_le_bytes())
        .collect();
    Some(Replacement {
        weights: vec![tensor(&stored, weight.dims.clone(), F16, raw)],
        node: node("Cast", vec![stored], &weight.name, integer("to", i64::from(F32))),
    })
}

fn as_int8(weight: &StoredWeight, values: &[f32], axis: i64) -> Option<Replacement> {
    let dims: Vec<usize> = weight
        .dims
        .iter()
        .map(|&dim| usize::try_from(dim).ok())
        .collect::<Option<_>>()?;
    let rank = i64::try_from(dims.len()).ok().filter(|&rank| rank >= 2)?;
    let axis = if axis < 0 { axis + rank } else { axis };
    let place = usize::try_from(axis).ok().filter(|&place| place < dims.len())?;
    let (quantized, scales) = per_channel(values, &dims, place)?;
    let (stored, scale) = (format!("{}.int8", weight.name), format!("{}.scale", weight.name));
    let weights = vec![
        tensor(&stored, weight.dims.clone(), I8, quantized),
        tensor(
            &scale,
            vec![weight.dims[place]],
            F32,
            scales.iter().flat_map(|scale| scale.to_le_bytes()).collect(),
        ),
    ];
    Some(Replacement {
        weights,
        node: node(
            "DequantizeLinear",
            vec![stored, scale],
            &weight.name,
            integer("axis", axis),
        ),
    })
}

/// Values of shape `dims` in int8, and the scale of each channel, which dimension `place` numbers. `None` if a value is
/// not finite.
fn per_channel(values: &[f32], dims: &[usize], place: usize) -> Option<(Vec<u8>, Vec<f32>)> {
    let (channels, inner) = (dims[place], dims[place + 1..].iter().product::<usize>());
    let channel = |index: usize| index / inner % channels;
    let mut largest = vec![0f32; channels];
    for (index, value) in values.iter().enumerate() {
        if !value.is_finite() {
            return None;
        }
        let largest = &mut largest[channel(index)];
        *largest = largest.max(value.abs());
    }
    // A channel of zeros is restored by any scale.
    let scales: Vec<f32> = largest
        .iter()
        .map(|&largest| if largest > 0.0 { largest / 127.0 } else { 1.0 })
        .collect();
    #[allow(clippy::cast_possible_truncation, reason = "rounded and clamped to -127..=127")]
    let quantized = values.iter().enumerate().map(|(index, value)| {
        let rounded = (value / scales[channel(index)]).round_ties_even().clamp(-127.0, 127.0);
        (rounded as i8).to_le_bytes()[0]
    });
    Some((quantized.collect(), scales))
}

fn tensor(name: &str, dims: Vec<i64>, data_type: i32, raw_data: Vec<u8>) -> TensorProto {
    TensorProto {
        dims,
        data_type,
        name: name.to_owned(),
        raw_data: raw_data.into(),
        data_location: 0,
    }
}

fn node(op_type: &str, input: Vec<String>, output: &str, attribute: AttributeProto) -> Node {
    Node {
        input,
        output: vec![output.to_owned()],
        name: format!("{output}.as-f32"),
        op_type: op_type.to_owned(),
        attribute: vec![attribute],
    }
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        i: value,
        r#type: INT,
        ..AttributeProto::default()
    }
}

/// Calls `each` with number, bytes and contents of every length-delimited field, and with no contents for others.
fn each_field(
    message: &[u8],
    mut each: impl FnMut(u32, &[u8], &[u8]) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut rest = message;
    while !rest.is_empty() {
        let field = rest;
        let (tag, wire_type) = decode_key(&mut rest)?;
        let contents = if wire_type == WireType::LengthDelimited {
            let length = usize::try_from(decode_varint(&mut rest)?)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            let (contents, after) = rest.split_at(length);
            rest = after;
            contents
        } else {
            skip_field(wire_type, tag, &mut rest, DecodeContext::default())?;
            &[]
        };
        each(tag, &field[..field.len() - rest.len()], contents)?;
    }
    Ok(())
}

/// The message with the contents of a field replaced. Everything else stays as it is, byte for byte.
fn replace_field(
    message: &[u8],
    wanted: u32,
    mut replace: impl FnMut(&[u8]) -> Result<Vec<u8>, DecodeError>,
) -> Result<Vec<u8>, DecodeError> {
    let mut whole = Vec::with_capacity(message.len());
    each_field(message, |tag, field, contents| {
        if tag == wanted {
            let replaced = replace(contents)?;
            encode_key(tag, WireType::LengthDelimited, &mut whole);
            encode_varint(replaced.len() as u64, &mut whole);
            whole.extend_from_slice(&replaced);
        } else {
            whole.extend_from_slice(field);
        }
        Ok(())
    })?;
    Ok(whole)
}

#[cfg(test)]
mod tests;
