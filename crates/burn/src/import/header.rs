//! An ONNX file without the values of its weights and most attributes, which the decoder skips.
//!
//! Field numbers are those of onnx.proto.

use std::collections::HashSet;

use prost::Message;

/// Reads the header of a model. `None` if the bytes are not ONNX.
pub(crate) fn read(model: &[u8]) -> Option<Model> {
    Model::decode(model).ok()
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Model {
    #[prost(message, optional, tag = "7")]
    pub(crate) graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    opset_import: Vec<OperatorSet>,
}

impl Model {
    /// The version of ONNX's own operators that the file declares; 1 if it declares none.
    pub(crate) fn opset(&self) -> i64 {
        let own = |set: &&OperatorSet| ["", "ai.onnx"].contains(&set.domain.as_str());
        self.opset_import.iter().find(own).map_or(1, |set| set.version)
    }
}

#[derive(Clone, PartialEq, Message)]
struct OperatorSet {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub(crate) node: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) initializer: Vec<Weight>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) input: Vec<Input>,
    #[prost(message, repeated, tag = "12")]
    pub(crate) output: Vec<Input>,
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
    #[prost(message, optional, tag = "6")]
    g: Option<Subgraph>,
    #[prost(message, repeated, tag = "11")]
    graphs: Vec<Subgraph>,
}

/// A graph inside a node, without its contents.
#[derive(Clone, PartialEq, Message)]
struct Subgraph {}

impl Node {
    /// Whether an input is present: optional ones may have an empty name.
    pub(crate) fn has_input(&self, position: usize) -> bool {
        self.input.get(position).is_some_and(|name| !name.is_empty())
    }
}

impl Attribute {
    /// Whether the attribute holds graphs: the branches of an If, the body of a Loop or Scan.
    pub(crate) fn has_graphs(&self) -> bool {
        self.g.is_some() || !self.graphs.is_empty()
    }
}

impl Graph {
    /// Names of the inputs and weights that are declared with one dimension.
    pub(crate) fn vectors(&self) -> HashSet<&str> {
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
    pub(crate) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(crate) data_type: i32,
    #[prost(string, tag = "8")]
    pub(crate) name: String,
    /// 1 if the values are in another file.
    #[prost(int32, tag = "14")]
    pub(crate) data_location: i32,
}

/// An input or output.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Input {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    r#type: Option<Type>,
}

impl Input {
    /// An input of known shape. `dtype` is a TensorProto.DataType.
    pub(crate) fn new(name: String, dtype: i32, dims: &[i64]) -> Self {
        let dim = dims.iter().map(|&value| Dimension { value }).collect();
        let tensor_type = Some(TensorType {
            elem_type: dtype,
            shape: Some(Shape { dim }),
        });
        Self {
            name,
            r#type: Some(Type { tensor_type }),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct Type {
    #[prost(message, optional, tag = "1")]
    tensor_type: Option<TensorType>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorType {
    #[prost(int32, tag = "1")]
    elem_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
struct Dimension {
    #[prost(int64, tag = "1")]
    value: i64,
}
