//! Col2Im: blocks that are added up to a line, an image or a volume.

use onnx_ir::node::custom::CustomNode;
use onnx_ir::node::padding::AutoPad;

use super::conv_transpose::{Transposed, transpose_image, transpose_volume};
use crate::import::own_domain::usize_attribute;
use crate::lower::host_tensor::{HostData, HostTensor, element_count};
use crate::lower::{DeviceValue, Lowerer, Lowering, OpSpec, Unsupported, Value, op};

pub(super) const OPS: &[OpSpec] = &[
    // onnx-ir rejects it (UPSTREAM.md: "operators and attributes that it rejects").
    op!("Col2Im", cx, Custom(n) => col2im(cx, n)).bypasses_onnx_ir(3, |_, _| true),
];

/// Larger blocks are refused: the number of weights is the square of their size.
const MAX_BLOCK_ELEMENTS: usize = 4096;

/// The settings of a node, for each dimension.
#[derive(Debug)]
struct Blocks {
    image: Vec<usize>,
    block: Vec<usize>,
    stride: Vec<usize>,
    dilation: Vec<usize>,
    /// The same before and after.
    padding: Vec<usize>,
}

/// x [n, c k.., blocks] -> [n, c, d..], as a transposed convolution whose weights put each element
/// of a block in its place. A line is an image of one row.
fn col2im(cx: &mut Lowerer, node: &CustomNode) -> Lowering<Value> {
    let sizes = |cx: &Lowerer, input: usize| -> Lowering<Vec<usize>> {
        let sizes = cx.host_integers(&node.inputs[input])?.into_iter();
        let sizes = sizes.map(|size| usize::try_from(size).ok().filter(|&size| size > 0));
        sizes
            .collect::<Option<_>>()
            .ok_or_else(|| Unsupported::new("an image or blocks of size 0"))
    };
    let (image, block) = (sizes(cx, 1)?, sizes(cx, 2)?);
    let d = image.len();
    let mut blocks = Blocks {
        stride: usize_attribute(node, "strides", d, Some(1))?,
        dilation: usize_attribute(node, "dilations", d, Some(1))?,
        padding: usize_attribute(node, "pads", 2 * d, Some(0))?,
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
    let x = cx.floats(&node.inputs[0])?;
    let y = match d {
        1 | 2 => {
            let (operands, settings) = blocks_as_channels::<2>(cx, &x, &blocks)?;
            transpose_image(cx, &operands, &settings)?
        }
        3 => {
            let (operands, settings) = blocks_as_channels::<3>(cx, &x, &blocks)?;
            transpose_volume(cx, &operands, &settings)?
        }
        _ => return Err(Unsupported::new(format!("an image of {d} dimensions"))),
    };
    let channels = x.shape[1] / blocks.block.iter().product::<usize>();
    let shape = [&[x.shape[0], channels], image.as_slice()].concat();
    Ok(Value::Floats(cx.reshape(&y, shape)))
}

/// The elements of each block as channels, with the weights that put them in their places.
fn blocks_as_channels<const D: usize>(
    cx: &mut Lowerer,
    x: &DeviceValue,
    blocks: &Blocks,
) -> Lowering<([DeviceValue; 2], Transposed<D>)> {
    let unsupported = || Unsupported::new(format!("{blocks:?} from shape {:?}", x.shape));
    let array = |numbers: &[usize]| <[usize; D]>::try_from(numbers).map_err(|_| unsupported());
    let (image, block) = (array(&blocks.image)?, array(&blocks.block)?);
    let (stride, dilation, padding) = (
        array(&blocks.stride)?,
        array(&blocks.dilation)?,
        array(&blocks.padding)?,
    );
    let mut counts = [0; D];
    let mut output_padding = [0; D];
    for d in 0..D {
        let reach = (block[d] - 1).saturating_mul(dilation[d]).saturating_add(1);
        let wide = image[d].saturating_add(padding[d].saturating_mul(2));
        let free = wide.checked_sub(reach).ok_or_else(unsupported)?;
        counts[d] = free.checked_div(stride[d]).ok_or_else(unsupported)? + 1;
        output_padding[d] = free % stride[d];
    }
    let size = element_count(&block)
        .filter(|&size| size <= MAX_BLOCK_ELEMENTS)
        .ok_or_else(unsupported)?;
    let &[n, channels, count] = x.shape.as_slice() else {
        return Err(unsupported());
    };
    if channels % size != 0 || count != counts.iter().product::<usize>() {
        return Err(unsupported());
    }
    let channels = cx.reshape(x, [&[n * channels / size, size], counts.as_slice()].concat());
    let identity = (0..size * size).map(|i| f32::from(u8::from(i / size == i % size)));
    let weight = cx.constant(HostTensor {
        shape: [&[size, 1], block.as_slice()].concat(),
        data: HostData::F32(identity.collect()),
    });
    let settings = Transposed {
        stride,
        dilation,
        padding,
        output_padding,
        groups: 1,
        auto_pad: AutoPad::NotSet,
        output_size: None,
    };
    Ok(([channels, weight], settings))
}
