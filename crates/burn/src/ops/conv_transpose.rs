//! Transposed convolution: every position of the input adds a window to the output.

use burn_backend::ops::ConvTransposeOptions;
use onnx_ir::node::conv_transpose1d::ConvTranspose1dNode;
use onnx_ir::node::conv_transpose2d::ConvTranspose2dNode;
use onnx_ir::node::conv_transpose3d::ConvTranspose3dNode;
use onnx_ir::node::custom::CustomNode;
use onnx_ir::node::padding::AutoPad;

use crate::lower::host_tensor::{HostData, HostTensor, element_count};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::custom::numbers_of;
use crate::ops::window::positions;
use crate::runtime::program::{Movement, Op, Range};

/// What a node says about `D` dimensions.
#[derive(Clone)]
struct Spread<const D: usize> {
    stride: [usize; D],
    dilation: [usize; D],
    /// Cut off before and after.
    padding: [usize; D],
    /// Added after.
    padding_out: [usize; D],
    groups: usize,
    auto: AutoPad,
    output: Option<[usize; D]>,
}

/// The weights of larger blocks are the square of their size.
const LARGEST_BLOCK: usize = 4096;

/// What Col2Im says about each dimension.
#[derive(Debug)]
struct Blocks {
    image: Vec<usize>,
    block: Vec<usize>,
    stride: Vec<usize>,
    dilation: Vec<usize>,
    /// As much before as after.
    padding: Vec<usize>,
}

/// How much is computed in each dimension, and from where to where it is kept.
struct Kept<const D: usize> {
    computed: [usize; D],
    /// What is added after: more than the node says where the output is to be larger than what is computed.
    padding_out: [usize; D],
    ranges: [Range; D],
}

impl<const D: usize> Spread<D> {
    /// ONNX: stride (size - 1) + output padding + ((kernel - 1) dilation + 1) positions, less both paddings; the paddings follow
    /// from the output's shape where that is given, or is stride times the input's.
    fn kept(&self, size: [usize; D], kernel: [usize; D]) -> Lowering<Kept<D>> {
        let refused = || Unsupported::new(format!("an output of {:?} from {size:?} positions", self.output));
        let mut computed = [0; D];
        let mut padding_out = self.padding_out;
        let mut ranges = [Range {
            start: 0,
            end: 0,
            step: 1,
        }; D];
        for d in 0..D {
            let (Some(steps), Some(reach)) = (size[d].checked_sub(1), kernel[d].checked_sub(1)) else {
                return Err(refused());
            };
            let spread = self.stride[d].checked_mul(steps);
            let spread = spread.and_then(|spread| spread.checked_add(self.padding_out[d].checked_add(1)?));
            let reach = reach.checked_mul(self.dilation[d]);
            computed[d] = spread
                .zip(reach)
                .and_then(|(a, b)| a.checked_add(b))
                .ok_or_else(refused)?;
            let same = matches!(self.auto, AutoPad::SameUpper | AutoPad::SameLower);
            let wanted = match self.output {
                Some(output) => Some(output[d]),
                None if same => Some(self.stride[d].saturating_mul(size[d])),
                None => None,
            };
            let (before, after) = match wanted {
                Some(wanted) => {
                    let more = wanted.saturating_sub(computed[d]);
                    padding_out[d] += more;
                    computed[d] += more;
                    let total = computed[d] - wanted;
                    // ONNX: SAME_UPPER cuts the odd one off at the end, all others at the start.
                    if matches!(self.auto, AutoPad::SameUpper) {
                        (total / 2, total - total / 2)
                    } else {
                        (total - total / 2, total / 2)
                    }
                }
                None if matches!(self.auto, AutoPad::Valid) => (0, 0),
                None => (self.padding[d], self.padding[d]),
            };
            ranges[d].start = before;
            ranges[d].end = computed[d]
                .checked_sub(after)
                .filter(|&end| end > before)
                .ok_or_else(refused)?;
        }
        Ok(Kept {
            computed,
            padding_out,
            ranges,
        })
    }
}

impl Lowerer {
    /// x [n, c, w], weight [c, o / groups, kw], optional bias [o], as an image of one row.
    pub(crate) fn conv_transpose1d(&mut self, node: &ConvTranspose1dNode) -> Lowering<Value> {
        let operands = self.convolved_in_rows(&node.inputs)?;
        let config = &node.config;
        let spread = Spread {
            stride: [1, config.stride],
            dilation: [1, config.dilation],
            padding: [0, config.padding],
            padding_out: [0, config.padding_out],
            groups: config.groups,
            auto: config.auto_pad.clone(),
            output: config.output_shape.map(|size| [1, size]),
        };
        let y = self.transposed_image(&operands, &spread)?;
        Ok(Value::Device(self.out_of_rows(&y)))
    }

    /// x [n, c, h, w], weight [c, o / groups, kh, kw], optional bias [o].
    pub(crate) fn conv_transpose2d(&mut self, node: &ConvTranspose2dNode) -> Lowering<Value> {
        let operands = self.convolved(&node.inputs)?;
        let config = &node.config;
        let spread = Spread {
            stride: config.stride,
            dilation: config.dilation,
            padding: config.padding,
            padding_out: config.padding_out,
            groups: config.groups,
            auto: config.auto_pad.clone(),
            output: config.output_shape,
        };
        self.transposed_image(&operands, &spread).map(Value::Device)
    }

    /// x [n, c, d, h, w], weight [c, o / groups, kd, kh, kw], optional bias [o].
    pub(crate) fn conv_transpose3d(&mut self, node: &ConvTranspose3dNode) -> Lowering<Value> {
        let operands = self.convolved(&node.inputs)?;
        let config = &node.config;
        let spread = Spread {
            stride: config.stride,
            dilation: config.dilation,
            padding: config.padding,
            padding_out: config.padding_out,
            groups: config.groups,
            auto: config.auto_pad.clone(),
            output: config.output_shape,
        };
        self.transposed_volume(&operands, &spread).map(Value::Device)
    }

    /// Blocks added up to a line, an image or a volume: x [n, c k.., blocks] -> [n, c, d..], as a transposed convolution that puts every
    /// element where it belongs. A line is an image of one row.
    pub(crate) fn columns_to_image(&mut self, node: &CustomNode) -> Lowering<Value> {
        let sizes = |this: &Self, input: usize| -> Lowering<Vec<usize>> {
            let sizes = this.host_integers(&node.inputs[input])?.into_iter();
            let sizes = sizes.map(|size| usize::try_from(size).ok().filter(|&size| size > 0));
            sizes
                .collect::<Option<_>>()
                .ok_or_else(|| Unsupported::new("an image or blocks without positions"))
        };
        let (image, block) = (sizes(self, 1)?, sizes(self, 2)?);
        let d = image.len();
        let mut blocks = Blocks {
            stride: numbers_of(node, "strides", d, Some(1))?,
            dilation: numbers_of(node, "dilations", d, Some(1))?,
            padding: numbers_of(node, "pads", 2 * d, Some(0))?,
            image: image.clone(),
            block,
        };
        if blocks.padding[..d] != blocks.padding[d..] {
            return Err(Unsupported::new("padding that differs before and after"));
        }
        blocks.padding.truncate(d);
        if d == 1 {
            blocks.stride.insert(0, 1);
            blocks.dilation.insert(0, 1);
            blocks.padding.insert(0, 0);
            blocks.image.insert(0, 1);
            blocks.block.insert(0, 1);
        }
        let x = self.floats(&node.inputs[0])?;
        let y = match d {
            1 | 2 => {
                let (operands, spread) = self.blocks_apart::<2>(&x, &blocks)?;
                self.transposed_image(&operands, &spread)?
            }
            3 => {
                let (operands, spread) = self.blocks_apart::<3>(&x, &blocks)?;
                self.transposed_volume(&operands, &spread)?
            }
            _ => return Err(Unsupported::new(format!("an image of {d} dimensions"))),
        };
        let channels = x.shape[1] / blocks.block.iter().product::<usize>();
        let shape = [&[x.shape[0], channels], image.as_slice()].concat();
        Ok(Value::Device(self.viewed(&y, shape)))
    }

    /// Each block's elements as channels, and the weights that put them in their places.
    fn blocks_apart<const D: usize>(
        &mut self,
        x: &DeviceValue,
        blocks: &Blocks,
    ) -> Lowering<([DeviceValue; 2], Spread<D>)> {
        let refused = || Unsupported::new(format!("{blocks:?} from shape {:?}", x.shape));
        let array = |numbers: &[usize]| <[usize; D]>::try_from(numbers).map_err(|_| refused());
        let (image, block) = (array(&blocks.image)?, array(&blocks.block)?);
        let (stride, dilation, padding) = (
            array(&blocks.stride)?,
            array(&blocks.dilation)?,
            array(&blocks.padding)?,
        );
        let mut places = [0; D];
        let mut padding_out = [0; D];
        for d in 0..D {
            let reach = (block[d] - 1).saturating_mul(dilation[d]).saturating_add(1);
            let wide = image[d].saturating_add(padding[d].saturating_mul(2));
            let free = wide.checked_sub(reach).ok_or_else(refused)?;
            places[d] = free.checked_div(stride[d]).ok_or_else(refused)? + 1;
            padding_out[d] = free % stride[d];
        }
        let size = element_count(&block)
            .filter(|&size| size <= LARGEST_BLOCK)
            .ok_or_else(refused)?;
        let &[n, deep, count] = x.shape.as_slice() else {
            return Err(refused());
        };
        if deep % size != 0 || count != places.iter().product::<usize>() {
            return Err(refused());
        }
        let apart = self.viewed(x, [&[n * deep / size, size], places.as_slice()].concat());
        let own_place = (0..size * size).map(|at| f32::from(u8::from(at / size == at % size)));
        let weight = self.constant(HostTensor {
            shape: [&[size, 1], block.as_slice()].concat(),
            data: HostData::F32(own_place.collect()),
        });
        let spread = Spread {
            stride,
            dilation,
            padding,
            padding_out,
            groups: 1,
            auto: AutoPad::NotSet,
            output: None,
        };
        Ok(([apart, weight], spread))
    }

    fn transposed_image(&mut self, operands: &[DeviceValue], spread: &Spread<2>) -> Lowering<DeviceValue> {
        self.spread_out(operands, spread, |padding, padding_out| {
            Op::ConvTranspose2d(ConvTransposeOptions::new(
                spread.stride,
                padding,
                padding_out,
                spread.dilation,
                spread.groups,
            ))
        })
    }

    fn transposed_volume(&mut self, operands: &[DeviceValue], spread: &Spread<3>) -> Lowering<DeviceValue> {
        self.spread_out(operands, spread, |padding, padding_out| {
            Op::ConvTranspose3d(ConvTransposeOptions::new(
                spread.stride,
                padding,
                padding_out,
                spread.dilation,
                spread.groups,
            ))
        })
    }

    fn spread_out<const D: usize>(
        &mut self,
        operands: &[DeviceValue],
        spread: &Spread<D>,
        op: impl FnOnce([usize; D], [usize; D]) -> Op,
    ) -> Lowering<DeviceValue> {
        let (n, channels, size) = positions::<D>(&operands[0].shape)?;
        let (wide_in, per_group, kernel) = positions::<D>(&operands[1].shape)?;
        if wide_in != channels || spread.groups == 0 || spread.stride.contains(&0) || spread.dilation.contains(&0) {
            return Err(Unsupported::new(format!(
                "{channels} channels with weights of shape {:?} and stride {:?}",
                operands[1].shape, spread.stride
            )));
        }
        let kept = spread.kept(size, kernel)?;
        let out = per_group * spread.groups;
        let operands: Vec<&DeviceValue> = operands.iter().collect();
        let lengths = kept.ranges.map(|range| range.len());
        let shape = [&[n, out], lengths.as_slice()].concat();
        let cut: [(usize, usize); D] =
            std::array::from_fn(|d| (kept.ranges[d].start, kept.computed[d] - kept.ranges[d].end));
        if cut.iter().all(|(before, after)| before == after) {
            let padding = cut.map(|(before, _)| before);
            return Ok(self.computed(op(padding, kept.padding_out), &operands, shape));
        }
        // burn cuts as much off before as after.
        let whole = [&[n, out], kept.computed.as_slice()].concat();
        let all = self.computed(op([0; D], kept.padding_out), &operands, whole);
        let batch = [n, out].map(|end| Range { start: 0, end, step: 1 });
        let ranges = [batch.as_slice(), kept.ranges.as_slice()].concat();
        Ok(self.computed(Op::Move(Movement::Slice(ranges)), &[&all], shape))
    }
}
