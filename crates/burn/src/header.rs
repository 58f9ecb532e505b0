//! An ONNX file without weights and most of its attributes, which the decoder passes over.

use std::collections::HashSet;

use prost::Message;

/// The graph of a file; none of what is no ONNX file.
pub(crate) fn graph(model: &[u8]) -> Option<Graph> {
    Model::decode(model).ok()?.graph
}

#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub(crate) node: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) initializer: Vec<Weight>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) input: Vec<Input>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub(crate) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) output: Vec<String>,
    #[prost(string, tag = "3")]
    pub(crate) name: String,
    #[prost(string, tag = "4")]
    pub(crate) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) attribute: Vec<Attribute>,
    #[prost(string, tag = "7")]
    pub(crate) domain: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Attribute {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) s: Vec<u8>,
}

impl Graph {
    /// Names of inputs and weights that are known to have one dimension.
    pub(crate) fn lines(&self) -> HashSet<&str> {
        let inputs = self.input.iter().filter(|input| {
            let tensor = input.r#type.as_ref().and_then(|r#type| r#type.tensor_type.as_ref());
            tensor
                .and_then(|tensor| tensor.shape.as_ref())
                .is_some_and(|shape| shape.dim.len() == 1)
        });
        let weights = self.initializer.iter().filter(|weight| weight.dims.len() == 1);
        let inputs = inputs.map(|input| input.name.as_str());
        inputs.chain(weights.map(|weight| weight.name.as_str())).collect()
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Weight {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(string, tag = "8")]
    pub(crate) name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Input {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    r#type: Option<Type>,
}

#[derive(Clone, PartialEq, Message)]
struct Type {
    #[prost(message, optional, tag = "1")]
    tensor_type: Option<TensorType>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorType {
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
struct Dimension {}
