//! What the nodes of an optimized graph are, and how much they compute and move.

use tare_core::NodeRun;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::{TDim, TractResult, TypedFact, TypedModel, TypedNode};
use tract_onnx::tract_core::ops::Cost;
use tract_onnx::tract_core::ops::matmul::optimized::OptMatMul;

/// ONNX operators that consist of products.
const PRODUCTS: [&str; 12] = [
    "Attention",
    "Conv",
    "ConvInteger",
    "ConvTranspose",
    "Einsum",
    "GRU",
    "Gemm",
    "LSTM",
    "MatMul",
    "MatMulInteger",
    "QLinearConv",
    "QLinearMatMul",
];

/// tract's operators that move nothing: the next one reads the same memory in another way.
const VIEWS: [&str; 5] = ["AddAxis", "IntoShape", "LazyIm2col", "Reshape", "RmAxis"];

/// Names and operators of an ONNX file's nodes.
pub(crate) type OnnxNodes = Vec<(String, String)>;

/// The nodes of a file by the names that tract gives them.
pub(crate) fn onnx_nodes(model: &ModelProto) -> OnnxNodes {
    let nodes = model.graph.iter().flat_map(|graph| &graph.node);
    let named = nodes.filter_map(|node| {
        let name = Some(&node.name)
            .filter(|name| !name.is_empty())
            .or(node.output.first())?;
        Some((name.clone(), node.op_type.clone()))
    });
    named.collect()
}

/// The nodes of a graph in the order of their numbers, none of them timed yet. `None` for those that compute nothing.
pub(crate) fn nodes(graph: &TypedModel, onnx: &OnnxNodes) -> TractResult<Vec<Option<NodeRun>>> {
    graph.nodes().iter().map(|node| describe(graph, node, onnx)).collect()
}

fn describe(graph: &TypedModel, node: &TypedNode, onnx: &OnnxNodes) -> TractResult<Option<NodeRun>> {
    let own = node.op.name();
    if node.inputs.is_empty() {
        return Ok(None);
    }
    let inputs = graph.node_input_facts(node.id)?;
    let outputs = graph.node_output_facts(node.id)?;
    let size = |facts: &[&TypedFact]| facts.iter().map(|fact| number(&fact.mem_size())).sum::<u64>();
    let cost = node.op.cost(&inputs)?;
    let products = cost.iter().filter(|(cost, _)| matches!(cost, Cost::FMA(_)));
    // tract counts other additions too.
    let product = product_operator(graph, node, onnx).filter(|_| products.clone().next().is_some());
    let operator = product.or_else(|| onnx_operator(&node.name, onnx));
    Ok(Some(NodeRun {
        name: node.name.clone(),
        operator: operator.unwrap_or(&own).to_owned(),
        multiply_accumulates: match product {
            Some(_) => products.map(|(_, count)| number(count)).sum(),
            None => 0,
        },
        bytes: match &*own {
            view if VIEWS.contains(&view) => 0,
            // It reads as much of the table as it writes.
            "Gather" => size(&inputs[1..]) + 2 * size(&outputs),
            _ => size(&inputs) + size(&outputs),
        },
        duration_ns: 0,
    }))
}

/// The ONNX operator of a node that multiplies matrices. tract merges operators that follow into it, and names it after
/// the last one: then it is the operator of a node before it, which prepares its operands.
fn product_operator<'a>(graph: &TypedModel, node: &TypedNode, onnx: &'a OnnxNodes) -> Option<&'a str> {
    let merges = node.op_is::<OptMatMul>();
    let before = node.inputs.iter().map(|input| &graph.node(input.node).name);
    std::iter::once(&node.name)
        .chain(before.filter(|_| merges))
        .filter_map(|name| onnx_operator(name, onnx))
        .find(|operator| PRODUCTS.contains(operator))
}

/// 0 if it depends on the inputs, which loaded models do not.
fn number(dim: &TDim) -> u64 {
    dim.to_i64()
        .ok()
        .and_then(|number| u64::try_from(number).ok())
        .unwrap_or(0)
}

/// The operator of the ONNX node that a node was made of. tract appends to its name, and joins parts with dots.
fn onnx_operator<'a>(name: &str, onnx: &'a OnnxNodes) -> Option<&'a str> {
    let is_part = |(onnx, _): &&(String, String)| {
        let rest = name.strip_prefix(onnx.as_str());
        !onnx.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let longest = onnx.iter().filter(is_part).max_by_key(|(onnx, _)| onnx.len())?;
    Some(&longest.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_that_fits_counts() {
        let onnx: OnnxNodes = [("conv", "Conv"), ("conv.1", "MaxPool"), ("", "Add")]
            .map(|(name, operator)| (name.to_owned(), operator.to_owned()))
            .into();
        for (name, expected) in [
            ("conv", Some("Conv")),
            ("conv.matmatmul", Some("Conv")),
            ("conv.1.fix", Some("MaxPool")),
            ("convolution", None),
            ("other", None),
        ] {
            assert_eq!(onnx_operator(name, &onnx), expected, "{name}");
        }
    }
}
