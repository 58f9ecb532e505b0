//! A model as onnx-ir reads it, with what onnx-ir does not keep.

use bytes::Bytes;
use onnx_ir::OnnxGraph;
use tare_record::Failure;

use super::header::Node;
use super::node_names::NodeNames;
use super::parse::parse;
use super::rewrite::rewrite;
use super::{embedding_extraction, header, opset};
use crate::lower::host_tensor::HostTensor;

/// A parsed ONNX file.
pub(crate) struct ImportedModel {
    /// Its last inputs stand for `embeddings`.
    pub(crate) graph: OnnxGraph,
    /// The version of ONNX's own operators.
    pub(crate) opset: i64,
    pub(crate) node_names: NodeNames,
    /// The nodes as onnx-ir read them, to find their names by.
    pub(crate) nodes: Vec<Node>,
    /// Embedding tables that were removed from the file before parsing.
    pub(crate) embeddings: Vec<HostTensor>,
    /// Number of outputs according to the file.
    pub(crate) outputs: usize,
}

/// Parses a whole ONNX file. Its memory is taken over if nobody else holds it.
///
/// # Errors
///
/// If the bytes are not an ONNX model, or onnx-ir rejects it.
pub(crate) fn import(file: Bytes) -> Result<ImportedModel, Failure> {
    let header = header::read(&file).unwrap_or_default();
    let opset = header.opset();
    let graph = header.graph.unwrap_or_default();
    opset::check(&graph, opset)?;
    let mut file = rewrite(file, &graph);
    let embeddings = embedding_extraction::extract(&mut file, embedding_extraction::MIN_BYTES);
    let read = header::read(&file).and_then(|model| model.graph).unwrap_or_default();
    Ok(ImportedModel {
        graph: parse(file)?,
        opset,
        outputs: graph.output.len(),
        node_names: NodeNames::of(graph),
        nodes: read.node,
        embeddings,
    })
}
