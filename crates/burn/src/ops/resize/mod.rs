//! Resizing.

mod weights;

use burn_backend::ops::{InterpolateMode, InterpolateOptions};
use onnx_ir::Argument;
use onnx_ir::node::custom::CustomNode;
use onnx_ir::node::resize::{CoordinateTransformMode, NearestMode, ResizeMode, ResizeNode};

use crate::lower::host_tensor::{HostData, HostTensor, MOST_ELEMENTS};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::layout::resolve_axes;
use crate::runtime::program::{Movement, Op};
use weights::{Coordinates, Filter, Line, Nearest};

/// How a node resizes.
struct Resizing {
    filter: Filter,
    coordinates: Coordinates,
    antialias: bool,
    exclude_outside: bool,
    extrapolation: f32,
    policy: Policy,
    /// Dimensions that regions, scales and sizes are given for; absent for all.
    axes: Option<Vec<i64>>,
    /// Positions of the region, the scales and the sizes among the inputs.
    inputs: [usize; 3],
}

/// What sizes are if the ratio of height and width must be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    Stretch,
    NotLarger,
    NotSmaller,
}

impl Lowerer {
    /// As onnx-ir reads the node.
    pub(crate) fn resize(&mut self, node: &ResizeNode) -> Lowering<Value> {
        let config = &node.config;
        let nearest = match config.nearest_mode {
            _ if self.opset < 11 => Nearest::Within,
            NearestMode::RoundPreferFloor => Nearest::RoundPreferFloor,
            NearestMode::RoundPreferCeil => Nearest::RoundPreferCeil,
            NearestMode::Floor => Nearest::Floor,
            NearestMode::Ceil => Nearest::Ceil,
        };
        let resizing = Resizing {
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
            policy: Policy::Stretch,
            axes: None,
            // Up to operator set 10 scales are the second input.
            inputs: if node.inputs.len() == 2 { [9, 1, 9] } else { [1, 2, 3] },
        };
        self.resized(&resizing, &node.inputs)
    }

    /// With attributes that onnx-ir refuses.
    pub(crate) fn resize_custom(&mut self, node: &CustomNode) -> Lowering<Value> {
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
        let resizing = Resizing {
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
                "stretch" => Policy::Stretch,
                "not_larger" => Policy::NotLarger,
                "not_smaller" => Policy::NotSmaller,
                other => return Err(unknown(other)),
            },
            axes: attributes.get_i64s("axes").map(<[i64]>::to_vec),
            inputs: [1, 2, 3],
        };
        self.resized(&resizing, &node.inputs)
    }

    fn resized(&mut self, resizing: &Resizing, inputs: &[Argument]) -> Lowering<Value> {
        let x = self.floats(&inputs[0])?;
        let lines = self.lines(resizing, inputs, &x.shape)?;
        let grows = lines.iter().all(|(_, line)| line.scale >= 1.0);
        let filter = match resizing.filter {
            Filter::Nearest(Nearest::Within) if grows => Filter::Nearest(Nearest::Floor),
            other => other,
        };
        let mut shape = x.shape.clone();
        for (axis, line) in &lines {
            shape[*axis] = line.to;
        }
        if let Some(options) = as_image(resizing, filter, &lines, &x.shape) {
            let size = [shape[2], shape[3]];
            return Ok(self.step(Op::Interpolate { size, options }, &[&x], shape));
        }
        let mut y = x;
        let mut outside = HostTensor {
            shape: vec![1; shape.len()],
            data: HostData::Bool(vec![false]),
        };
        for (axis, line) in &lines {
            if line.is_same() {
                continue;
            }
            y = match filter {
                Filter::Nearest(nearest) => self.picked_along(&y, *axis, &line.nearest(nearest))?,
                filter => {
                    if line.from.saturating_mul(line.to) > MOST_ELEMENTS {
                        return Err(Unsupported::new(format!(
                            "resizing {} positions to {}",
                            line.from, line.to
                        )));
                    }
                    let weights = line.weights(filter, resizing.antialias, resizing.exclude_outside);
                    self.mixed_along(&y, *axis, line, weights)?
                }
            };
            let mut along = vec![1; shape.len()];
            along[*axis] = line.to;
            let beyond = HostTensor {
                shape: along,
                data: HostData::Bool(line.outside()),
            };
            let either = HostTensor {
                shape: vec![],
                data: HostData::Bool(vec![true]),
            };
            // Outside in any dimension: true where it was, what is new elsewhere.
            outside = outside
                .chosen(&either, &beyond)
                .ok_or_else(|| Unsupported::new(format!("resizing to {shape:?}")))?;
        }
        let is_outside = matches!(&outside.data, HostData::Bool(truths) if truths.contains(&true));
        if !is_outside {
            return Ok(Value::Device(y));
        }
        let value = Value::Host(HostTensor {
            shape: vec![],
            data: HostData::F32(vec![resizing.extrapolation]),
        });
        self.choose_value(Value::Host(outside), value, Value::Device(y))
    }

    /// What is asked for along each dimension that is resized.
    fn lines(&self, resizing: &Resizing, inputs: &[Argument], shape: &[usize]) -> Lowering<Vec<(usize, Line)>> {
        let axes: Vec<usize> = match &resizing.axes {
            None => (0..shape.len()).collect(),
            Some(axes) => resolve_axes(axes, shape.len())?,
        };
        let given = |position: usize| -> Lowering<Option<Vec<f64>>> {
            let host = match inputs.get(position) {
                Some(input) if !input.is_optional() => numbers(&self.host(input)?),
                _ => vec![],
            };
            Ok(Some(host).filter(|numbers| !numbers.is_empty()))
        };
        let [region, scales, sizes] = resizing.inputs;
        let (region, scales, sizes) = (given(region)?, given(scales)?, given(sizes)?);
        let all = sizes.as_ref().or(scales.as_ref());
        let all = all.ok_or_else(|| Unsupported::new("neither sizes nor scales"))?;
        if all.len() != axes.len() {
            return Err(Unsupported::new(format!(
                "{} sizes or scales for shape {shape:?}",
                all.len()
            )));
        }
        let ratios: Vec<f64> = axes
            .iter()
            .zip(all)
            .map(|(&axis, size)| size / shape[axis] as f64)
            .collect();
        let kept = match resizing.policy {
            Policy::Stretch => None,
            Policy::NotLarger => Some(ratios.iter().copied().fold(f64::INFINITY, f64::min)),
            Policy::NotSmaller => Some(ratios.iter().copied().fold(0.0, f64::max)),
        };
        let wants_region = resizing.coordinates == Coordinates::TfCropAndResize;
        let mut lines = Vec::with_capacity(axes.len());
        for (index, &axis) in axes.iter().enumerate() {
            let from = shape[axis] as f64;
            let (to, scale) = match (&sizes, kept) {
                (Some(_), Some(ratio)) => ((ratio * from).round(), ratio),
                (Some(sizes), None) => (sizes[index], ratios[index]),
                // In 32 bits, as the scale is, and as onnxruntime multiplies.
                #[allow(clippy::cast_possible_truncation, reason = "it was 32 bits")]
                (None, _) => (f64::from((from as f32 * all[index] as f32).floor()), all[index]),
            };
            if !(1.0..=f64::from(u32::MAX)).contains(&to) {
                return Err(Unsupported::new(format!("resizing {from} positions to {to}")));
            }
            let region = match &region {
                Some(region) if wants_region && region.len() == 2 * axes.len() => {
                    Some((region[index], region[index + axes.len()]))
                }
                _ if wants_region => return Err(Unsupported::new("no region of the right length")),
                _ => None,
            };
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
            let to = to as usize;
            let line = Line {
                from: shape[axis],
                to,
                scale,
                region,
                coordinates: resizing.coordinates,
            };
            lines.push((axis, line));
        }
        Ok(lines)
    }

    /// The positions of a dimension that are asked for.
    fn picked_along(&mut self, x: &DeviceValue, axis: usize, positions: &[usize]) -> Lowering<DeviceValue> {
        let at = self.integers(Value::Host(HostTensor::from_dims(positions.iter().copied())))?;
        let mut shape = x.shape.clone();
        shape[axis] = positions.len();
        Ok(self.computed(Op::Move(Movement::Select { axis }), &[x, &at], shape))
    }

    /// Each position of a dimension as a mixture of those that were: weights [from, to].
    fn mixed_along(&mut self, x: &DeviceValue, axis: usize, line: &Line, weights: Vec<f32>) -> Lowering<DeviceValue> {
        let rank = x.shape.len();
        let weights = self.constant(HostTensor {
            shape: vec![line.from, line.to],
            data: HostData::F32(weights),
        });
        // The dimension last, where matrices are multiplied.
        let mut order: Vec<usize> = (0..rank).filter(|&dimension| dimension != axis).collect();
        order.push(axis);
        let mut shape: Vec<usize> = order.iter().map(|&dimension| x.shape[dimension]).collect();
        let turned = self.computed(Op::Move(Movement::Permute(order.clone())), &[x], shape.clone());
        shape[rank - 1] = line.to;
        let mixed = self.computed(Op::Linear, &[&turned, &weights], shape.clone());
        let back: Vec<usize> = (0..rank)
            .map(|dimension| order.iter().position(|&from| from == dimension).unwrap_or(dimension))
            .collect();
        let shape = back.iter().map(|&from| shape[from]).collect();
        Ok(self.computed(Op::Move(Movement::Permute(back)), &[&mixed], shape))
    }
}

fn numbers(host: &HostTensor) -> Vec<f64> {
    match &host.data {
        HostData::F32(values) => values.iter().map(|&value| f64::from(value)).collect(),
        HostData::I64(values) => values.iter().map(|&value| value as f64).collect(),
        HostData::Bool(_) => vec![],
    }
}

/// burn's own resizing of images, where it computes the same.
fn as_image(
    resizing: &Resizing,
    filter: Filter,
    lines: &[(usize, Line)],
    shape: &[usize],
) -> Option<InterpolateOptions> {
    use Coordinates::{AlignCorners, Asymmetric, HalfPixel, PytorchHalfPixel};
    let [n, c, h, w] = *shape else { return None };
    let mut to = [n, c, h, w];
    for (axis, line) in lines {
        to[*axis] = line.to;
    }
    let even = |line: &Line| (line.scale * line.from as f64 - line.to as f64).abs() < 1e-9;
    if to[..2] != [n, c] || resizing.antialias || resizing.exclude_outside || !lines.iter().all(|(_, line)| even(line))
    {
        return None;
    }
    let is_repetition = to[2] % h == 0 && to[3] % w == 0;
    let is_wide = to[2] > 1 && to[3] > 1;
    match (filter, resizing.coordinates) {
        (Filter::Nearest(Nearest::Floor), Asymmetric) => Some(InterpolateOptions::new(InterpolateMode::Nearest)),
        // Every pixel is repeated: centres of pixels lie nearest to the pixel that they came from.
        (Filter::Nearest(Nearest::RoundPreferFloor | Nearest::RoundPreferCeil), HalfPixel | PytorchHalfPixel)
            if is_repetition =>
        {
            Some(InterpolateOptions::new(InterpolateMode::Nearest))
        }
        // PyTorch's differs where the output has one pixel.
        (Filter::Linear, HalfPixel | PytorchHalfPixel) if is_wide => {
            Some(InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false))
        }
        (Filter::Linear, AlignCorners) if is_wide => Some(InterpolateOptions::new(InterpolateMode::Bilinear)),
        _ => None,
    }
}
