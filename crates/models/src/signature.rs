use std::collections::HashSet;

use prost::Message;
use tare_record::DType;

use crate::onnx::{self, DimensionValue, ValueInfo};

/// An ONNX file without the elements of its weights, which the decoder skips.
#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(message, optional, tag = "7")]
    graph: Option<HeaderGraph>,
}

#[derive(Clone, PartialEq, Message)]
struct HeaderGraph {
    #[prost(message, repeated, tag = "1")]
    node: Vec<HeaderNode>,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<HeaderWeight>,
    #[prost(message, repeated, tag = "11")]
    input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<ValueInfo>,
}

/// Empty, because only the presence of a node matters.
#[derive(Clone, PartialEq, Message)]
struct HeaderNode {}

#[derive(Clone, PartialEq, Message)]
struct HeaderWeight {
    #[prost(string, tag = "8")]
    name: String,
    #[prost(int32, tag = "14")]
    data_location: i32,
}

/// Inputs and outputs of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Inputs without the weights, in the model's order.
    pub inputs: Vec<InputSpec>,
    /// Names of the outputs.
    pub outputs: Vec<String>,
    /// Their element types, as far as the model says.
    pub output_types: Vec<Option<DType>>,
}

/// An input of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSpec {
    /// Name.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Dimensions, outermost first. `None` if the model does not specify the rank.
    pub dims: Option<Vec<Dim>>,
}

/// A dimension of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dim {
    /// Fixed by the model.
    Known(usize),
    /// Left open for the user to set. Holds the model's name for it, which may be empty.
    Open(String),
}

impl std::fmt::Display for InputSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.dtype)?;
        let Some(dims) = &self.dims else {
            return f.write_str(" [?]");
        };
        f.write_str(" [")?;
        for (index, dim) in dims.iter().enumerate() {
            f.write_str(if index > 0 { ", " } else { "" })?;
            match dim {
                Dim::Known(size) => write!(f, "{size}")?,
                Dim::Open(name) if name.is_empty() => f.write_str("?")?,
                Dim::Open(name) => f.write_str(name)?,
            }
        }
        f.write_str("]")
    }
}

/// Why bytes are not a model that tare can run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// Not ONNX, or cut off.
    #[error("not a complete ONNX file: {0}")]
    Decode(String),
    /// Protobuf, but without a graph.
    #[error("not an ONNX model: it has no graph with nodes")]
    NoGraph,
    /// Weights are stored in another file.
    #[error("weight {name:?} is stored in another file")]
    ExternalData {
        /// The first such weight.
        name: String,
    },
    /// An input has an unsupported type.
    #[error("input {name:?} has an unsupported type (ONNX type {elem_type})")]
    InputType {
        /// The input.
        name: String,
        /// ONNX number of the type, or 0 if the input is not a tensor.
        elem_type: i32,
    },
}

impl SignatureError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            SignatureError::Empty | SignatureError::Decode(_) | SignatureError::NoGraph => {
                "pass a complete .onnx file: this one may be a partial download, a Git LFS pointer or a web page"
            }
            SignatureError::ExternalData { .. } => {
                "save the model as one file: onnx.save(onnx.load(path), new_path) in Python"
            }
            SignatureError::InputType { .. } => "use inputs of type f16, f32, f64, i8, i32, i64, u8 or bool",
        }
    }
}

/// Reads the inputs and outputs of a model.
///
/// # Errors
///
/// If the bytes are not a complete ONNX file, weights are in another file, or an input has an
/// unsupported type.
pub fn signature(bytes: &[u8]) -> Result<Signature, SignatureError> {
    if bytes.is_empty() {
        return Err(SignatureError::Empty);
    }
    let model = Header::decode(bytes).map_err(|error| SignatureError::Decode(error.to_string()))?;
    let graph = model
        .graph
        .filter(|graph| !graph.node.is_empty())
        .ok_or(SignatureError::NoGraph)?;
    if let Some(weight) = graph.initializer.iter().find(|weight| weight.data_location == 1) {
        return Err(SignatureError::ExternalData {
            name: weight.name.clone(),
        });
    }
    let weights: HashSet<&str> = graph.initializer.iter().map(|weight| weight.name.as_str()).collect();
    let inputs = graph
        .input
        .iter()
        .filter(|input| !weights.contains(input.name.as_str()))
        .map(input_spec)
        .collect::<Result<Vec<_>, _>>()?;
    let elem_type = |output: &ValueInfo| Some(output.r#type.as_ref()?.tensor_type.as_ref()?.elem_type);
    let output_type = |output| elem_type(output).and_then(onnx::dtype);
    Ok(Signature {
        inputs,
        output_types: graph.output.iter().map(output_type).collect(),
        outputs: graph.output.into_iter().map(|output| output.name).collect(),
    })
}

fn input_spec(input: &onnx::ValueInfo) -> Result<InputSpec, SignatureError> {
    let tensor = input.r#type.as_ref().and_then(|ty| ty.tensor_type.as_ref());
    let elem_type = tensor.map_or(0, |tensor| tensor.elem_type);
    let dtype = onnx::dtype(elem_type).ok_or_else(|| SignatureError::InputType {
        name: input.name.clone(),
        elem_type,
    })?;
    let dims = tensor
        .and_then(|tensor| tensor.shape.as_ref())
        .map(|shape| shape.dim.iter().map(dim).collect());
    Ok(InputSpec {
        name: input.name.clone(),
        dtype,
        dims,
    })
}

fn dim(dim: &onnx::Dimension) -> Dim {
    match &dim.value {
        // Exporters also write 0 and -1 for open dimensions.
        Some(DimensionValue::Value(size)) if *size > 0 => {
            usize::try_from(*size).map_or(Dim::Open(String::new()), Dim::Known)
        }
        Some(DimensionValue::Param(name)) => Dim::Open(name.clone()),
        _ => Dim::Open(String::new()),
    }
}
