//! The attributes of Resize.

use onnx_ir::node::custom::CustomNode;
use onnx_ir::node::resize::{CoordinateTransformMode, NearestMode, ResizeMode, ResizeNode};

use super::line::{Coordinates, Filter, Nearest};
use crate::import::header;
use crate::lower::{Lowering, Unsupported};

/// Attributes that onnx-ir rejects.
const REJECTED: [&str; 5] = [
    "antialias",
    "axes",
    "exclude_outside",
    "extrapolation_value",
    "keep_aspect_ratio_policy",
];

/// Whether onnx-ir rejects an attribute of the node.
pub(super) fn are_rejected(node: &header::Node) -> bool {
    node.attribute.iter().any(|attribute| {
        REJECTED.contains(&attribute.name.as_str())
            || attribute.name == "coordinate_transformation_mode"
                && [&b"half_pixel_symmetric"[..], b"tf_crop_and_resize"].contains(&attribute.s.as_slice())
    })
}

/// How a node resizes.
pub(super) struct Resizing {
    pub(super) filter: Filter,
    pub(super) coordinates: Coordinates,
    pub(super) antialias: bool,
    pub(super) exclude_outside: bool,
    pub(super) extrapolation: f32,
    pub(super) policy: AspectRatioPolicy,
    /// Axes that region, scales and sizes are given for. Absent for all.
    pub(super) axes: Option<Vec<i64>>,
    /// Positions of the region, the scales and the sizes among the inputs.
    pub(super) inputs: [usize; 3],
}

/// How sizes change if the aspect ratio must be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AspectRatioPolicy {
    Stretch,
    NotLarger,
    NotSmaller,
}

impl Resizing {
    /// Reads a node as onnx-ir parsed it.
    pub(super) fn from_onnx_ir(node: &ResizeNode, opset: i64) -> Self {
        let config = &node.config;
        let nearest = match config.nearest_mode {
            _ if opset < 11 => Nearest::Unspecified,
            NearestMode::RoundPreferFloor => Nearest::RoundPreferFloor,
            NearestMode::RoundPreferCeil => Nearest::RoundPreferCeil,
            NearestMode::Floor => Nearest::Floor,
            NearestMode::Ceil => Nearest::Ceil,
        };
        Self {
            filter: match config.mode {
                ResizeMode::Nearest => Filter::Nearest(nearest),
                ResizeMode::Linear => Filter::Linear,
                ResizeMode::Cubic => Filter::Cubic(f64::from(config.cubic_coeff_a)),
            },
            coordinates: match config.coordinate_transformation_mode {
                CoordinateTransformMode::HalfPixel => Coordinates::HalfPixel,
                CoordinateTransformMode::AlignCorners => Coordinates::AlignCorners,
                CoordinateTransformMode::Asymmetric => Coordinates::Asymmetric,
                CoordinateTransformMode::PytorchHalfPixel => Coordinates::PytorchHalfPixel,
                CoordinateTransformMode::TfCropAndResize => Coordinates::TfCropAndResize,
                CoordinateTransformMode::TfHalfPixelForNn => Coordinates::TfHalfPixelForNn,
            },
            antialias: config.antialias != 0,
            exclude_outside: config.exclude_outside != 0,
            extrapolation: config.extrapolation_value,
            policy: AspectRatioPolicy::Stretch,
            axes: None,
            // Up to opset 10 the scales are the second input. There is no input 9.
            inputs: if node.inputs.len() == 2 { [9, 1, 9] } else { [1, 2, 3] },
        }
    }

    /// Reads a node that bypassed onnx-ir.
    pub(super) fn from_attributes(node: &CustomNode) -> Lowering<Self> {
        let attributes = &node.attrs;
        let text = |name: &str, default: &'static str| attributes.get_string(name).unwrap_or(default).to_owned();
        let flag = |name: &str| attributes.get_i64(name).unwrap_or(0) != 0;
        let unknown = |what: &str| Unsupported::new(format!("the mode {what:?}"));
        let nearest = match text("nearest_mode", "round_prefer_floor").as_str() {
            "round_prefer_floor" => Nearest::RoundPreferFloor,
            "round_prefer_ceil" => Nearest::RoundPreferCeil,
            "floor" => Nearest::Floor,
            "ceil" => Nearest::Ceil,
            other => return Err(unknown(other)),
        };
        Ok(Self {
            filter: match text("mode", "nearest").as_str() {
                "nearest" => Filter::Nearest(nearest),
                "linear" => Filter::Linear,
                "cubic" => Filter::Cubic(f64::from(attributes.get_f32("cubic_coeff_a").unwrap_or(-0.75))),
                other => return Err(unknown(other)),
            },
            coordinates: match text("coordinate_transformation_mode", "half_pixel").as_str() {
                "half_pixel" => Coordinates::HalfPixel,
                "half_pixel_symmetric" => Coordinates::HalfPixelSymmetric,
                "align_corners" => Coordinates::AlignCorners,
                "asymmetric" => Coordinates::Asymmetric,
                "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
                "tf_crop_and_resize" => Coordinates::TfCropAndResize,
                "tf_half_pixel_for_nn" => Coordinates::TfHalfPixelForNn,
                other => return Err(unknown(other)),
            },
            antialias: flag("antialias"),
            exclude_outside: flag("exclude_outside"),
            extrapolation: attributes.get_f32("extrapolation_value").unwrap_or(0.0),
            policy: match text("keep_aspect_ratio_policy", "stretch").as_str() {
                "stretch" => AspectRatioPolicy::Stretch,
                "not_larger" => AspectRatioPolicy::NotLarger,
                "not_smaller" => AspectRatioPolicy::NotSmaller,
                other => return Err(unknown(other)),
            },
            axes: attributes.get_i64s("axes").map(<[i64]>::to_vec),
            inputs: [1, 2, 3],
        })
    }
}
