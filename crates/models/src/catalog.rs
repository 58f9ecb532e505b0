use std::collections::BTreeMap;

use prost::Message;
use tare_record::{Failure, FailureKind};

use crate::{networks, onnx};

/// Seed of all built-in weights.
const WEIGHT_SEED: u64 = 1;

/// A network that tare makes itself.
#[derive(Debug, Clone, Copy)]
pub struct CatalogEntry {
    /// The name to ask for it by.
    pub name: &'static str,
    /// What it is, in a line.
    pub summary: &'static str,
    /// Learned parameters: the published number.
    pub parameters: u64,
    /// Where that number comes from.
    pub source: &'static str,
    build: fn(batch: usize) -> Vec<u8>,
    batch_input: &'static str,
}

/// All networks that tare makes itself.
pub const CATALOG: [CatalogEntry; 3] = [
    CatalogEntry {
        name: "null",
        summary: "does nothing: the cost of the harness alone",
        parameters: 0,
        source: "by construction",
        build: |_| networks::null::build(WEIGHT_SEED).into_bytes(),
        batch_input: "",
    },
    CatalogEntry {
        name: "tiny",
        summary: "convolutional classifier of five layer shapes, 32x32 px",
        parameters: 5_258,
        source: "by construction",
        build: |_| networks::tiny::build(WEIGHT_SEED).into_bytes(),
        batch_input: "",
    },
    CatalogEntry {
        name: "resnet50",
        summary: "image classifier, 224x224 px",
        parameters: 25_557_032,
        source: "torchvision, resnet50 (He et al., 2016)",
        build: |batch| networks::resnet50::build(WEIGHT_SEED, batch).into_bytes(),
        batch_input: "image",
    },
];

/// The network of that name.
pub fn find(name: &str) -> Option<&'static CatalogEntry> {
    CATALOG.iter().find(|entry| entry.name == name)
}

/// The failure of asking for a model that is neither built in nor a file.
pub fn not_found(name: &str) -> Failure {
    let known: Vec<&str> = CATALOG.iter().map(|entry| entry.name).collect();
    Failure {
        kind: FailureKind::Model,
        message: format!("there is neither a built-in model nor a file {name:?}"),
        hint: Some(format!(
            "built-in models are {}; otherwise give an .onnx file",
            known.join(", ")
        )),
    }
}

impl CatalogEntry {
    /// The ONNX file. `shapes` may set the batch size through the first dimension of the input that has one.
    pub fn onnx(&self, shapes: &BTreeMap<String, Vec<usize>>) -> Vec<u8> {
        let batch = shapes
            .get(self.batch_input)
            .and_then(|shape| shape.first().copied())
            .unwrap_or(1);
        (self.build)(batch.max(1))
    }
}

/// Learned parameters in an ONNX file: the elements of its floating-point weights, less the running statistics of batch
/// normalisation, which training tracks and does not learn.
///
/// # Errors
///
/// If the bytes are not an ONNX file.
pub fn parameter_count(bytes: &[u8]) -> Result<u64, prost::DecodeError> {
    let model = onnx::Model::decode(bytes)?;
    let graph = model.graph.unwrap_or_default();
    let tracked: Vec<&String> = graph
        .node
        .iter()
        .filter(|node| node.op_type == "BatchNormalization")
        .flat_map(|node| node.input.iter().skip(3))
        .collect();
    Ok(graph
        .initializer
        .iter()
        .filter(|weight| matches!(weight.data_type, 1 | 10 | 11) && !tracked.contains(&&weight.name))
        .map(|weight| {
            weight
                .dims
                .iter()
                .map(|&dim| u64::try_from(dim).unwrap_or(0))
                .product::<u64>()
        })
        .sum())
}
