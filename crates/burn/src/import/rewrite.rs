//! A model in the words that onnx-ir reads. It refuses some operators and attributes, takes values for one whose names
//! differ in case alone, wants nodes sorted, weights not to be copies, and products not to be read twice. Nodes with the first pass it as
//! operators of a domain of our own, values are numbered, nodes sorted, copies passed by, and such products kept apart from what follows.

use std::collections::HashSet;

use bytes::Bytes;
use onnx_ir::{AttributeProto, AttributeType, GraphProto, ModelProto};

use super::onnx_ir_workarounds::{copied_weights, node_order, shared_products, value_names};
use crate::import::header;

/// Domain of the operators that this executor reads itself.
pub(crate) const DOMAIN: &str = "tare";

/// Attributes of Resize that onnx-ir refuses.
const RESIZE_ATTRIBUTES: [&str; 5] = [
    "antialias",
    "axes",
    "exclude_outside",
    "extrapolation_value",
    "keep_aspect_ratio_policy",
];

/// The file as onnx-ir can read it: most are left as they are, without a copy where nobody else holds them.
pub(crate) fn readable(model: Bytes, graph: &header::Graph) -> Vec<u8> {
    rewritten(&model, graph).unwrap_or_else(|| model.into())
}

/// What cannot be read is left to the parser, which says what is wrong with it.
fn rewritten(model: &Bytes, graph: &header::Graph) -> Option<Vec<u8>> {
    let rename = value_names::look_alike(graph);
    let lines = graph.lines();
    let ours: Vec<bool> = graph.node.iter().map(|node| is_ours(node, &lines)).collect();
    let sorted = node_order::is_sorted(graph);
    let copies = copied_weights::read(graph);
    let no_epsilon = graph.node.iter().any(|node| {
        let given = node.attribute.iter().any(|attribute| attribute.name == "epsilon");
        node.op_type == "BatchNormalization" && !given
    });
    let apart = !sorted || rename || shared_products::are_shared(graph);
    if !apart && !no_epsilon && copies.is_empty() && !ours.contains(&true) {
        return None;
    }
    // Weights stay in the file's memory until they are written.
    let mut model = <ModelProto as onnx_ir::Message>::parse_from_tokio_bytes(model).ok()?;
    if let Some(graph) = model.graph.as_mut() {
        for (node, _) in graph.node.iter_mut().zip(&ours).filter(|(_, ours)| **ours) {
            node.domain = DOMAIN.into();
        }
        copied_weights::pass_by(graph, &copies);
        spell_out(graph);
        if rename {
            value_names::number(graph);
        }
        if !sorted {
            node_order::sort(graph);
        }
        if apart {
            shared_products::keep_apart(graph);
        }
    }
    let mut domain = model.opset_import.first().cloned().unwrap_or_default();
    domain.domain = DOMAIN.into();
    domain.version = 1;
    model.opset_import.push(domain);
    onnx_ir::Message::write_to_bytes(&model).ok()
}

/// Writes down the default that onnx-ir takes for 0, and passes by it what it drops while training, in the graphs inside of nodes too.
fn spell_out(graph: &mut GraphProto) {
    for node in &mut graph.node {
        if node.op_type == "Dropout" && node.input.get(2).is_some_and(|training| !training.is_empty()) {
            node.domain = DOMAIN.into();
        }
        for attribute in &mut node.attribute {
            for inner in attribute.g.as_mut().into_iter().chain(&mut attribute.graphs) {
                spell_out(inner);
            }
        }
        let given = node.attribute.iter().any(|attribute| attribute.name == "epsilon");
        if node.op_type == "BatchNormalization" && !given {
            let mut epsilon = AttributeProto::new();
            epsilon.name = "epsilon".into();
            epsilon.type_ = AttributeType::FLOAT.into();
            epsilon.f = 1e-5;
            node.attribute.push(epsilon);
        }
    }
}

/// Whether onnx-ir would refuse a node that this executor can carry out. `lines` are the values of one dimension.
fn is_ours(node: &header::Node, lines: &HashSet<&str>) -> bool {
    if !["", "ai.onnx"].contains(&node.domain.as_str()) {
        return false;
    }
    match node.op_type.as_str() {
        "AffineGrid"
        | "CenterCropPad"
        | "Col2Im"
        | "DynamicQuantizeLinear"
        | "LpPool"
        | "MaxUnpool"
        | "QLinearMatMul"
        | "Scatter" => true,
        // It drops the node, also while training.
        "Dropout" => node.input.get(2).is_some_and(|training| !training.is_empty()),
        // It refuses peepholes.
        "LSTM" => node.input.get(7).is_some_and(|peepholes| !peepholes.is_empty()),
        // A product of two vectors has no dimensions, which it refuses.
        "MatMul" => node.input.len() == 2 && node.input.iter().all(|name| lines.contains(name.as_str())),
        // It knows those of two inputs.
        "Max" | "Min" => node.input.len() != 2,
        "Resize" => node.attribute.iter().any(|attribute| {
            RESIZE_ATTRIBUTES.contains(&attribute.name.as_str())
                || attribute.name == "coordinate_transformation_mode"
                    && [&b"half_pixel_symmetric"[..], b"tf_crop_and_resize"].contains(&attribute.s.as_slice())
        }),
        _ => false,
    }
}
