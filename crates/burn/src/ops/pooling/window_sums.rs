//! The sum of each window.

use burn_backend::ops::ConvOptions;

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported};
use crate::ops::conv::emit_conv_3d;
use crate::ops::sliding_window::{Window, split_shape};
use crate::runtime::program::Op;

/// The sum of each window, as a convolution of each channel with ones.
pub(super) fn window_sums<const D: usize>(
    cx: &mut Lowerer,
    x: &DeviceValue,
    windows: &[Window; D],
    outputs: [usize; D],
) -> Lowering<DeviceValue> {
    let (n, c, size) = split_shape::<D>(&x.shape)?;
    let dims = |per_window: fn(&Window) -> usize| windows.iter().map(per_window).collect::<Vec<usize>>();
    let kernel = dims(|window| window.kernel);
    let ones = cx.constant(HostTensor {
        shape: [&[1, 1], kernel.as_slice()].concat(),
        data: HostData::F32(vec![1.0; kernel.iter().product()]),
    });
    let mut padding = Vec::with_capacity(D);
    for d in 0..D {
        padding.push((windows[d].padding.0, windows[d].padding_to_fit(size[d], outputs[d])));
    }
    let (strides, dilations) = (dims(|window| window.stride), dims(|window| window.dilation));
    let apart = cx.reshape(x, [&[n * c, 1], size.as_slice()].concat());
    let shape = [&[n * c, 1], outputs.as_slice()].concat();
    let op = match (strides.as_slice(), padding.as_slice(), dilations.as_slice()) {
        (&[s0, s1], &[p0, p1], &[d0, d1]) => Op::Conv2d(ConvOptions::new_with_padding([s0, s1], [p0, p1], [d0, d1], 1)),
        (&[s0, s1, s2], &[p0, p1, p2], &[d0, d1, d2]) => {
            let options = ConvOptions::new_with_padding([s0, s1, s2], [p0, p1, p2], [d0, d1, d2], 1);
            let sums = emit_conv_3d(cx, &[&apart, &ones], options, shape);
            return Ok(cx.reshape(&sums, [&[n, c], outputs.as_slice()].concat()));
        }
        (&[s0], &[p0], &[d0]) => {
            let (apart, ones) = (
                cx.reshape(&apart, vec![n * c, 1, 1, size[0]]),
                cx.reshape(&ones, vec![1, 1, 1, kernel[0]]),
            );
            let op = Op::Conv2d(ConvOptions::new_with_padding([1, s0], [(0, 0), p0], [1, d0], 1));
            let sums = cx.emit(op, &[&apart, &ones], vec![n * c, 1, 1, outputs[0]]);
            return Ok(cx.reshape(&sums, vec![n, c, outputs[0]]));
        }
        _ => return Err(Unsupported::new(format!("windows over {D} dimensions"))),
    };
    let sums = cx.emit(op, &[&apart, &ones], shape);
    Ok(cx.reshape(&sums, [&[n, c], outputs.as_slice()].concat()))
}
