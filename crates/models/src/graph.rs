use bytes::Bytes;
use prost::Message;
use tare_record::DType;

use crate::{WeightInit, onnx};

/// Version of the ONNX operator set that the networks use.
const OPSET: i64 = 17;

/// Builds an ONNX graph node by node.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    proto: onnx::GraphProto,
    seed: u64,
}

/// A tensor in a graph under construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value(String);

impl Value {
    /// An omitted optional input.
    pub fn absent() -> Self {
        Self(String::new())
    }
}

/// A named constant of a node.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "each variant is its ONNX type")]
pub enum Attribute {
    Int(&'static str, i64),
    Ints(&'static str, Vec<i64>),
    Float(&'static str, f32),
    /// A graph inside the node, which may read values of the surrounding graph.
    Graph(&'static str, Graph),
    Text(&'static str, &'static str),
}

impl Graph {
    /// Creates an empty graph. `seed` determines all weights.
    pub fn new(name: &str, seed: u64) -> Self {
        Self {
            proto: onnx::GraphProto {
                name: name.to_owned(),
                ..Default::default()
            },
            seed,
        }
    }

    /// Adds an input of type `f32` and the given shape, outermost dimension first.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> Value {
        self.input_of(name, DType::F32, shape)
    }

    /// Adds an input of the given type and shape, outermost dimension first.
    pub fn input_of(&mut self, name: &str, dtype: DType, shape: &[usize]) -> Value {
        self.proto.input.push(value_info(name, dtype, shape));
        Value(name.to_owned())
    }

    /// Adds an `f32` weight. Its elements depend only on the graph's seed and name and the weight's
    /// name.
    pub fn weight(&mut self, name: &str, shape: &[usize], fill: WeightInit) -> Value {
        let label = format!("{}/{name}", self.proto.name);
        let raw = fill.le_bytes(self.seed, &label, shape.iter().product());
        self.trained(name, shape, raw)
    }

    /// Adds an `f32` weight with the given elements, as little-endian bytes.
    pub fn trained(&mut self, name: &str, shape: &[usize], raw: impl Into<Bytes>) -> Value {
        self.proto.initializer.push(onnx::TensorProto {
            dims: dims(shape),
            data_type: onnx::elem_type(DType::F32),
            name: name.to_owned(),
            raw_data: raw.into(),
            data_location: 0,
        });
        Value(name.to_owned())
    }

    /// Adds a one-dimensional `i64` constant, such as a shape.
    pub fn integers(&mut self, name: &str, values: &[i64]) -> Value {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.proto.initializer.push(onnx::TensorProto {
            dims: dims(&[values.len()]),
            data_type: onnx::elem_type(DType::I64),
            name: name.to_owned(),
            raw_data: Bytes::from(raw),
            data_location: 0,
        });
        Value(name.to_owned())
    }

    /// Adds an `f32` constant that is not a parameter of the network, such as a factor or a mask.
    /// An empty shape makes a scalar.
    pub fn constant(&mut self, name: &str, shape: &[usize], elements: &[f32]) -> Value {
        let raw: Vec<u8> = elements.iter().flat_map(|value| value.to_le_bytes()).collect();
        let tensor = onnx::TensorProto {
            dims: dims(shape),
            data_type: onnx::elem_type(DType::F32),
            raw_data: Bytes::from(raw),
            ..Default::default()
        };
        self.proto.node.push(onnx::Node {
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: "Constant".into(),
            attribute: vec![onnx::AttributeProto {
                name: "value".into(),
                t: Some(tensor),
                r#type: 4,
                ..Default::default()
            }],
            ..Default::default()
        });
        Value(name.to_owned())
    }

    /// Adds a node with one output, which has the same name as the node.
    pub fn node(&mut self, name: &str, op_type: &str, inputs: &[&Value], attributes: &[Attribute]) -> Value {
        self.node_of(name, op_type, inputs, attributes, &[name]);
        Value(name.to_owned())
    }

    /// Adds a node with the named outputs.
    pub fn node_of(
        &mut self,
        name: &str,
        op_type: &str,
        inputs: &[&Value],
        attributes: &[Attribute],
        outputs: &[&str],
    ) -> Vec<Value> {
        self.proto.node.push(onnx::Node {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            output: outputs.iter().map(|output| (*output).to_owned()).collect(),
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            attribute: attributes.iter().map(attribute).collect(),
        });
        outputs.iter().map(|output| Value((*output).to_owned())).collect()
    }

    /// Makes a value an output of type `f32` and the given shape.
    pub fn output(&mut self, value: &Value, shape: &[usize]) {
        self.output_of(value, DType::F32, shape);
    }

    /// Makes a value an output of the given type and shape.
    pub fn output_of(&mut self, value: &Value, dtype: DType, shape: &[usize]) {
        self.proto.output.push(value_info(&value.0, dtype, shape));
    }

    /// Returns the ONNX file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.into_bytes_of_opset(OPSET)
    }

    /// Returns the ONNX file, with the given version of the operator set.
    pub fn into_bytes_of_opset(self, version: i64) -> Vec<u8> {
        onnx::Model {
            ir_version: 8,
            producer_name: "tare".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(self.proto),
            opset_import: vec![onnx::OperatorSet {
                domain: String::new(),
                version,
            }],
        }
        .encode_to_vec()
    }
}

fn attribute(attribute: &Attribute) -> onnx::AttributeProto {
    let empty = onnx::AttributeProto::default();
    match attribute {
        Attribute::Float(name, f) => onnx::AttributeProto {
            name: (*name).into(),
            f: *f,
            r#type: 1,
            ..empty
        },
        Attribute::Graph(name, graph) => onnx::AttributeProto {
            name: (*name).into(),
            g: Some(graph.proto.clone()),
            r#type: 5,
            ..empty
        },
        Attribute::Int(name, i) => onnx::AttributeProto {
            name: (*name).into(),
            i: *i,
            r#type: 2,
            ..empty
        },
        Attribute::Text(name, text) => onnx::AttributeProto {
            name: (*name).into(),
            s: Bytes::from_static(text.as_bytes()),
            r#type: 3,
            ..empty
        },
        Attribute::Ints(name, ints) => onnx::AttributeProto {
            name: (*name).into(),
            ints: ints.clone(),
            r#type: 7,
            ..empty
        },
    }
}

fn value_info(name: &str, dtype: DType, shape: &[usize]) -> onnx::ValueInfo {
    let dim = dims(shape)
        .into_iter()
        .map(|dim| onnx::Dimension {
            value: Some(onnx::DimensionValue::Value(dim)),
        })
        .collect();
    let tensor_type = onnx::TensorType {
        elem_type: onnx::elem_type(dtype),
        shape: Some(onnx::Shape { dim }),
    };
    onnx::ValueInfo {
        name: name.to_owned(),
        r#type: Some(onnx::Type {
            tensor_type: Some(tensor_type),
        }),
    }
}

#[allow(clippy::cast_possible_wrap, reason = "dimensions of our own networks are small")]
fn dims(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|&dim| dim as i64).collect()
}
