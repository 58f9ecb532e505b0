//! The part of the ONNX format that tare writes and reads (onnx.proto3 of ONNX 1.16, IR version 8).
//!
//! Reading skips fields that are not listed here.

use bytes::Bytes;
use prost::{Message, Oneof};
use tare_core::{NamedTensor, Tensor};

/// A complete ONNX file.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs, reason = "the fields are ONNX's")]
pub struct Model {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(string, tag = "2")]
    pub producer_name: String,
    #[prost(string, tag = "3")]
    pub producer_version: String,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
}

/// Domain and version of the operators that a model uses.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs, reason = "the fields are ONNX's")]
pub struct OperatorSet {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// Nodes, weights, inputs and outputs.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs, reason = "the fields are ONNX's")]
pub struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<Node>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfo>,
}

/// A node: one operation.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs, reason = "the fields are ONNX's")]
pub struct Node {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
}

/// A named constant of a node.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs, reason = "the fields are ONNX's")]
pub struct AttributeProto {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(float, tag = "2")]
    pub f: f32,
    #[prost(int64, tag = "3")]
    pub i: i64,
    #[prost(bytes = "bytes", tag = "4")]
    pub s: Bytes,
    #[prost(message, optional, tag = "5")]
    pub t: Option<TensorProto>,
    #[prost(message, optional, tag = "6")]
    pub g: Option<GraphProto>,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    /// 1 float, 2 int, 3 string, 4 tensor, 5 graph, 7 ints.
    #[prost(int32, tag = "20")]
    pub r#type: i32,
}

/// A tensor with its elements.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs, reason = "the fields are ONNX's")]
pub struct TensorProto {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(bytes = "bytes", tag = "9")]
    pub raw_data: Bytes,
    /// 1 if the elements are in another file.
    #[prost(int32, tag = "14")]
    pub data_location: i32,
}

/// Name and type of an input or output.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs, reason = "the fields are ONNX's")]
pub struct ValueInfo {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<Type>,
}

/// A type. Only tensors are supported, and other types read as `None`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs, reason = "the fields are ONNX's")]
pub struct Type {
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorType>,
}

/// Element type and shape of a tensor.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs, reason = "the fields are ONNX's")]
pub struct TensorType {
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
}

/// Dimensions, outermost first.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs, reason = "the fields are ONNX's")]
pub struct Shape {
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

/// One dimension.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs, reason = "the fields are ONNX's")]
pub struct Dimension {
    #[prost(oneof = "DimensionValue", tags = "1, 2")]
    pub value: Option<DimensionValue>,
}

/// A fixed or a named dimension.
#[derive(Clone, PartialEq, Oneof)]
#[allow(missing_docs, reason = "the fields are ONNX's")]
pub enum DimensionValue {
    #[prost(int64, tag = "1")]
    Value(i64),
    #[prost(string, tag = "2")]
    Param(String),
}

/// The ONNX number of an element type.
pub fn elem_type(dtype: tare_record::DType) -> i32 {
    use tare_record::DType;
    match dtype {
        DType::F32 => 1,
        DType::U8 => 2,
        DType::I8 => 3,
        DType::I32 => 6,
        DType::I64 => 7,
        DType::Bool => 9,
        DType::F16 => 10,
        DType::F64 => 11,
    }
}

/// The element type of an ONNX number. `None` for types that tare does not support.
pub fn dtype(elem_type: i32) -> Option<tare_record::DType> {
    use tare_record::DType;
    [
        DType::F32,
        DType::U8,
        DType::I8,
        DType::I32,
        DType::I64,
        DType::Bool,
        DType::F16,
        DType::F64,
    ]
    .into_iter()
    .find(|&dtype| self::elem_type(dtype) == elem_type)
}

/// Converts a tensor to a weight of a graph.
pub fn weight(named: &NamedTensor) -> TensorProto {
    let mut raw = Vec::new();
    named.tensor.for_each_le_bytes(|piece| raw.extend_from_slice(piece));
    TensorProto {
        #[allow(clippy::cast_possible_wrap, reason = "dimensions of a tensor in memory fit an i64")]
        dims: named.tensor.shape().iter().map(|&dim| dim as i64).collect(),
        data_type: elem_type(named.tensor.dtype()),
        name: named.name.clone(),
        raw_data: raw.into(),
        data_location: 0,
    }
}

/// Converts a weight of a graph to a tensor. `None` if tare does not support its type, or if the
/// number of elements does not match its dimensions.
pub fn tensor(weight: &TensorProto) -> Option<Tensor> {
    let shape: Option<Vec<usize>> = weight.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect();
    Tensor::from_bytes(shape?, dtype(weight.data_type)?, &weight.raw_data).ok()
}
