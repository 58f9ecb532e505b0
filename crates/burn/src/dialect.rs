//! A model in the words that onnx-ir reads. It refuses some operators and attributes, and takes values for one whose names
//! differ in case alone; nodes with the former pass it as operators of a domain of our own, the latter are numbered.

use std::borrow::Cow;

use onnx_ir::ModelProto;

use crate::header;
use crate::names;

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

/// The model as onnx-ir can read it: most are left as they are.
pub(crate) fn readable<'a>(model: &'a [u8], graph: Option<&header::Graph>) -> Cow<'a, [u8]> {
    let Some(graph) = graph else {
        return Cow::Borrowed(model);
    };
    let (rename, ours) = (
        names::look_alike(graph),
        graph.node.iter().map(is_ours).collect::<Vec<_>>(),
    );
    if !rename && !ours.contains(&true) {
        return Cow::Borrowed(model);
    }
    // What cannot be read is left to the parser, which says what is wrong with it.
    let rewritten = <ModelProto as onnx_ir::Message>::parse_from_bytes(model).and_then(|mut model| {
        if let Some(graph) = model.graph.as_mut() {
            for (node, _) in graph.node.iter_mut().zip(&ours).filter(|(_, ours)| **ours) {
                node.domain = DOMAIN.into();
            }
            if rename {
                names::number(graph);
            }
        }
        let mut domain = model.opset_import.first().cloned().unwrap_or_default();
        domain.domain = DOMAIN.into();
        domain.version = 1;
        model.opset_import.push(domain);
        onnx_ir::Message::write_to_bytes(&model)
    });
    rewritten.map_or(Cow::Borrowed(model), Cow::Owned)
}

/// Whether onnx-ir would refuse a node that this executor can carry out.
fn is_ours(node: &header::Node) -> bool {
    if !["", "ai.onnx"].contains(&node.domain.as_str()) {
        return false;
    }
    match node.op_type.as_str() {
        "AffineGrid" | "CenterCropPad" | "DynamicQuantizeLinear" | "LpPool" | "QLinearMatMul" | "Scatter" => true,
        // It drops the node, also while training.
        "Dropout" => node.input.get(2).is_some_and(|training| !training.is_empty()),
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
