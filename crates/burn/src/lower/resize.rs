//! Resizing images.

use burn_backend::ops::{InterpolateMode, InterpolateOptions};
use onnx_ir::Argument;
use onnx_ir::node::resize::{
    CoordinateTransformMode, NearestMode, ResizeConfig, ResizeMode, ResizeNode, ResizeScales, ResizeSizes,
};

use super::window::image;
use super::{Lowerer, Lowering, Unsupported, Value};
use crate::host::{HostData, HostTensor};
use crate::plan::Op;

impl Lowerer {
    /// x [n, c, h, w] -> [n, c, h', w'].
    pub(super) fn resize(&mut self, node: &ResizeNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let [n, c, h, w] = image(&x.shape)?;
        let size = self.resized(&node.config, &node.inputs, [n, c, h, w])?;
        let op = Op::Interpolate {
            size,
            options: options(&node.config, [h, w], size)?,
        };
        Ok(self.step(op, &[&x], vec![n, c, size[0], size[1]]))
    }

    /// Height and width of the output.
    fn resized(&self, config: &ResizeConfig, inputs: &[Argument], shape: [usize; 4]) -> Lowering<[usize; 2]> {
        // onnx-ir leaves out batch and channels of constant sizes and scales; the input still has them.
        let given = |index: usize| inputs.get(index).map(|input| self.host(input)).transpose();
        let pixels = |values: Vec<f64>, same: [f64; 2]| match values.as_slice() {
            [batch, channels, height, width] if [*batch, *channels] == same => Ok([*height, *width]),
            other => Err(Unsupported::new(format!("resizing shape {shape:?} by {other:?}"))),
        };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, and upload limits catch what is too large"
        )]
        let whole = |size: f64| size.floor() as usize;
        let sizes = match (&config.sizes, &config.scales) {
            (Some(ResizeSizes::Static(_)), _) => given(3)?,
            (Some(ResizeSizes::Runtime(reference)), _) => given(reference.input_index)?,
            _ => None,
        };
        if let Some(sizes) = sizes {
            let same = [shape[0] as f64, shape[1] as f64];
            return Ok(pixels(numbers(&sizes), same)?.map(whole));
        }
        let scales = match &config.scales {
            // Up to operator set 10 they are the second input.
            Some(ResizeScales::Static(_)) => given(if inputs.len() == 2 { 1 } else { 2 })?,
            Some(ResizeScales::Runtime(reference)) => given(reference.input_index)?,
            None => None,
        };
        let scales = scales.ok_or_else(|| Unsupported::new("neither sizes nor scales"))?;
        let [height, width] = pixels(numbers(&scales), [1.0, 1.0])?;
        let size = [shape[2] as f64 * height, shape[3] as f64 * width];
        if size.iter().any(|size| size.fract() != 0.0) {
            return Err(Unsupported::new(format!(
                "scales {height} and {width}, which give no whole number of pixels"
            )));
        }
        Ok(size.map(whole))
    }
}

fn numbers(host: &HostTensor) -> Vec<f64> {
    match &host.data {
        HostData::F32(values) => values.iter().map(|&value| f64::from(value)).collect(),
        HostData::I64(values) => values.iter().map(|&value| value as f64).collect(),
        HostData::Bool(_) => vec![],
    }
}

/// burn's name for what the node asks for, if there is one that computes the same.
fn options(config: &ResizeConfig, from: [usize; 2], to: [usize; 2]) -> Lowering<InterpolateOptions> {
    use CoordinateTransformMode::{AlignCorners, Asymmetric, HalfPixel, PytorchHalfPixel};
    let coordinates = &config.coordinate_transformation_mode;
    let is_repetition = from.iter().zip(&to).all(|(from, to)| *from > 0 && to % from == 0);
    let rounds = matches!(
        config.nearest_mode,
        NearestMode::RoundPreferFloor | NearestMode::RoundPreferCeil
    );
    match (&config.mode, coordinates) {
        (ResizeMode::Nearest, Asymmetric) if config.nearest_mode == NearestMode::Floor => {
            Ok(InterpolateOptions::new(InterpolateMode::Nearest))
        }
        // Every pixel is repeated: centres of pixels lie nearest to the pixel that they came from.
        (ResizeMode::Nearest, HalfPixel | PytorchHalfPixel) if rounds && is_repetition => {
            Ok(InterpolateOptions::new(InterpolateMode::Nearest))
        }
        // PyTorch's differs where the output has one pixel.
        (ResizeMode::Linear, HalfPixel | PytorchHalfPixel) if to.iter().all(|&size| size > 1) => {
            Ok(InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false))
        }
        (ResizeMode::Linear, AlignCorners) if to.iter().all(|&size| size > 1) => {
            Ok(InterpolateOptions::new(InterpolateMode::Bilinear))
        }
        _ => Err(Unsupported::new(format!(
            "resizing {from:?} to {to:?} by mode {:?} with {coordinates:?} and {:?}",
            config.mode, config.nearest_mode
        ))),
    }
}
