//! Pooling over the positions of a line, an image or a volume.

use burn_backend::ops::{ConvOptions, IntTensorOps, PadMode};
use burn_dispatch::Dispatch;
use burn_tensor::DType as Onnx;
use onnx_ir::Argument;
use onnx_ir::node::padding::AutoPad;

use crate::lower::element_types::element_type;
use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::integers::are_integers;
use crate::ops::window::{Sliding, Window, outputs, positions, symmetric};
use crate::runtime::program::{IntegerOp, MaxPooling, Op};

impl Lowerer {
    /// x [n, c, w] as [n, c, 1, w], by windows of one row, and back.
    fn as_rows(
        &mut self,
        x: &DeviceValue,
        pool: impl FnOnce(&mut Self, &DeviceValue) -> Lowering<DeviceValue>,
    ) -> Lowering<DeviceValue> {
        let (n, c, [w]) = positions(&x.shape)?;
        let rows = self.viewed(x, vec![n, c, 1, w]);
        let pooled = pool(self, &rows)?;
        Ok(self.out_of_rows(&pooled))
    }

    /// The largest of what an input holds: integers of 8 bits as floats, which hold them exactly.
    fn largest(
        &mut self,
        input: &Argument,
        pool: impl FnOnce(&mut Self, &DeviceValue) -> Lowering<DeviceValue>,
    ) -> Lowering<Value> {
        let value = self.value(input)?;
        if are_integers(&value) && matches!(element_type(input), Onnx::U8 | Onnx::I8) {
            let whole = self.integers(value)?;
            let floats = self.computed(Op::Integers(IntegerOp::ToFloats), &[&whole], whole.shape.clone());
            let pooled = pool(self, &floats)?;
            return Ok(Value::Integers(self.same(Op::FloatsToIntegers, &pooled)));
        }
        let x = self.device(value)?;
        pool(self, &x).map(Value::Device)
    }

    pub(crate) fn max_pool1d(&mut self, sliding: Sliding<1>, auto: &AutoPad, input: &Argument) -> Lowering<Value> {
        self.largest(input, |this, x| {
            this.as_rows(x, |this, x| this.max_of_image(x, in_rows(sliding), auto))
        })
    }

    pub(crate) fn max_pool2d(&mut self, sliding: Sliding<2>, auto: &AutoPad, input: &Argument) -> Lowering<Value> {
        self.largest(input, |this, x| this.max_of_image(x, sliding, auto))
    }

    pub(crate) fn max_pool3d(&mut self, sliding: Sliding<3>, auto: &AutoPad, input: &Argument) -> Lowering<Value> {
        self.largest(input, |this, x| this.max_of_volume(x, &sliding, auto))
    }

    /// Over height and width first, then over depth: x [n, c, d, h, w] -> [n, c, d', h', w'].
    fn max_of_volume(&mut self, x: &DeviceValue, sliding: &Sliding<3>, auto: &AutoPad) -> Lowering<DeviceValue> {
        let (n, c, [d, h, w]) = positions(&x.shape)?;
        let slices = self.viewed(x, vec![n, c * d, h, w]);
        let pooled = self.max_of_image(&slices, sliding.of([1, 2]), auto)?;
        let [_, _, oh, ow] = image(&pooled)?;
        let columns = self.viewed(&pooled, vec![n, c, d, oh * ow]);
        let mut over_depth = sliding.of([0, 0]);
        over_depth.kernel[1] = 1;
        over_depth.stride[1] = 1;
        over_depth.dilation[1] = 1;
        over_depth.padding[1] = (0, 0);
        let pooled = self.max_of_image(&columns, over_depth, auto)?;
        let [_, _, od, _] = image(&pooled)?;
        Ok(self.viewed(&pooled, vec![n, c, od, oh, ow]))
    }

    /// x [n, c, h, w] -> [n, c, h', w'].
    fn max_of_image(&mut self, x: &DeviceValue, sliding: Sliding<2>, auto: &AutoPad) -> Lowering<DeviceValue> {
        let (n, c, size) = positions::<2>(&x.shape)?;
        let windows = sliding.windows(auto, size)?;
        let [oh, ow] = outputs(&windows, size)?;
        let (x, padding, ceil) = match symmetric(&windows) {
            Some(padding) => (x.clone(), padding, sliding.ceil),
            None => {
                let after = [
                    windows[0].padding_to_fit(size[0], oh),
                    windows[1].padding_to_fit(size[1], ow),
                ];
                (self.padded(x, &windows, after, f32::NEG_INFINITY), [0, 0], false)
            }
        };
        let op = Op::MaxPool2d(sliding.of_largest(padding, ceil));
        Ok(self.computed(op, &[&x], vec![n, c, oh, ow]))
    }

    /// The largest of each window of x [n, c, h, w], and where it is among all elements: row by row, or column by column of each
    /// plane.
    pub(crate) fn max_pool2d_with_positions(
        &mut self,
        sliding: Sliding<2>,
        auto: &AutoPad,
        by_columns: bool,
        input: &Argument,
    ) -> Lowering<Vec<Value>> {
        let x = self.floats(input)?;
        let (n, c, [h, w]) = positions(&x.shape)?;
        let windows = sliding.windows(auto, [h, w])?;
        let padding = symmetric(&windows)
            .ok_or_else(|| Unsupported::new("positions with padding that differs before and after"))?;
        let whole = |number: usize| {
            i32::try_from(number).map_err(|_| Unsupported::new(format!("positions in shape {:?}", x.shape)))
        };
        let (height, width, _) = (whole(h)?, whole(w)?, whole(n * c * h * w)?);
        let op = Op::MaxPositions2d(sliding.of_largest(padding, sliding.ceil));
        let largest = self.max_of_image(&x, sliding, auto)?;
        let mut found = self.computed(op, &[&x], largest.shape.clone());
        if by_columns {
            let mut with = |x: &DeviceValue, op, number| {
                self.computed(Op::Integers(IntegerOp::WithNumber(op, number)), &[x], x.shape.clone())
            };
            let (row, column) = (
                with(&found, Dispatch::int_div_scalar, width),
                with(&found, Dispatch::int_remainder_scalar, width),
            );
            let before = with(&column, Dispatch::int_mul_scalar, height);
            found = self.both(Op::Integers(IntegerOp::Combine(Dispatch::int_add)), &before, &row);
        }
        let planes = HostTensor::from_dims((0..n * c).map(|plane| plane * h * w)).reshaped(vec![n, c, 1, 1]);
        let found = self.combined(
            Dispatch::int_add,
            [Value::Integers(found), Value::Host(planes)],
            Onnx::I64,
        )?;
        Ok(vec![Value::Device(largest), found])
    }

    /// Pads by a step of its own, for pooling whose padding differs before and after.
    fn padded(&mut self, x: &DeviceValue, windows: &[Window; 2], after: [usize; 2], value: f32) -> DeviceValue {
        let mut shape = x.shape.clone();
        let mut before_after = vec![(0, 0); 2];
        for d in 0..2 {
            let padding = (windows[d].padding.0, after[d]);
            shape[d + 2] += padding.0 + padding.1;
            before_after.push(padding);
        }
        let mode = PadMode::Constant(value);
        self.computed(Op::Pad { before_after, mode }, &[x], shape)
    }

    pub(crate) fn avg_pool1d(
        &mut self,
        sliding: Sliding<1>,
        auto: &AutoPad,
        padding_counts: bool,
        input: &Argument,
    ) -> Lowering<Value> {
        let x = self.floats(input)?;
        self.as_rows(&x, |this, x| {
            this.average_of_image(x, in_rows(sliding), auto, padding_counts)
        })
        .map(Value::Device)
    }

    pub(crate) fn avg_pool2d(
        &mut self,
        sliding: Sliding<2>,
        auto: &AutoPad,
        padding_counts: bool,
        input: &Argument,
    ) -> Lowering<Value> {
        let x = self.floats(input)?;
        self.average_of_image(&x, sliding, auto, padding_counts)
            .map(Value::Device)
    }

    pub(crate) fn avg_pool3d(
        &mut self,
        sliding: Sliding<3>,
        auto: &AutoPad,
        padding_counts: bool,
        input: &Argument,
    ) -> Lowering<Value> {
        let x = self.floats(input)?;
        self.averages(&x, &sliding, auto, padding_counts).map(Value::Device)
    }

    /// x [n, c, h, w] -> [n, c, h', w'].
    fn average_of_image(
        &mut self,
        x: &DeviceValue,
        sliding: Sliding<2>,
        auto: &AutoPad,
        padding_counts: bool,
    ) -> Lowering<DeviceValue> {
        let (n, c, size) = positions::<2>(&x.shape)?;
        let windows = sliding.windows(auto, size)?;
        let [oh, ow] = outputs(&windows, size)?;
        match symmetric(&windows) {
            Some(padding) if sliding.dilation == [1, 1] && !sliding.ceil => {
                let op = Op::AvgPool2d {
                    kernel: sliding.kernel,
                    stride: sliding.stride,
                    padding,
                    count_padding: padding_counts,
                };
                Ok(self.computed(op, &[x], vec![n, c, oh, ow]))
            }
            _ => self.averages(x, &sliding, auto, padding_counts),
        }
    }

    /// Sums divided by how many positions each adds up.
    fn averages<const D: usize>(
        &mut self,
        x: &DeviceValue,
        sliding: &Sliding<D>,
        auto: &AutoPad,
        padding_counts: bool,
    ) -> Lowering<DeviceValue> {
        let (_, _, size) = positions::<D>(&x.shape)?;
        let windows = sliding.windows(auto, size)?;
        let places = outputs(&windows, size)?;
        let sums = self.sums(x, &windows, places)?;
        let mut counts = vec![1.0f32];
        for d in 0..D {
            let along = windows[d].counts(size[d], places[d], padding_counts);
            counts = counts
                .iter()
                .flat_map(|count| along.iter().map(move |&more| count * more as f32))
                .collect();
        }
        let counts = self.constant(HostTensor {
            shape: [&[1, 1], places.as_slice()].concat(),
            data: HostData::F32(counts),
        });
        Ok(self.computed(Op::Div, &[&sums, &counts], sums.shape.clone()))
    }

    /// The p-norm of each window: (sum of |x|^p)^(1 / p).
    pub(crate) fn norms<const D: usize>(
        &mut self,
        x: &DeviceValue,
        sliding: &Sliding<D>,
        auto: &AutoPad,
        p: f64,
    ) -> Lowering<DeviceValue> {
        let (_, _, size) = positions::<D>(&x.shape)?;
        let windows = sliding.windows(auto, size)?;
        let places = outputs(&windows, size)?;
        let sizes = self.computed(Op::Abs, &[x], x.shape.clone());
        let powers = self.computed(Op::Power(p), &[&sizes], x.shape.clone());
        let sums = self.sums(&powers, &windows, places)?;
        Ok(self.computed(Op::Power(1.0 / p), &[&sums], sums.shape.clone()))
    }

    /// The sum over each window, as a convolution of each channel with ones.
    fn sums<const D: usize>(
        &mut self,
        x: &DeviceValue,
        windows: &[Window; D],
        places: [usize; D],
    ) -> Lowering<DeviceValue> {
        let (n, c, size) = positions::<D>(&x.shape)?;
        let dims = |per_window: fn(&Window) -> usize| windows.iter().map(per_window).collect::<Vec<usize>>();
        let kernel = dims(|window| window.kernel);
        let ones = self.constant(HostTensor {
            shape: [&[1, 1], kernel.as_slice()].concat(),
            data: HostData::F32(vec![1.0; kernel.iter().product()]),
        });
        let mut padding = Vec::with_capacity(D);
        for d in 0..D {
            padding.push((windows[d].padding.0, windows[d].padding_to_fit(size[d], places[d])));
        }
        let (strides, dilations) = (dims(|window| window.stride), dims(|window| window.dilation));
        let apart = self.viewed(x, [&[n * c, 1], size.as_slice()].concat());
        let shape = [&[n * c, 1], places.as_slice()].concat();
        let op = match (strides.as_slice(), padding.as_slice(), dilations.as_slice()) {
            (&[s0, s1], &[p0, p1], &[d0, d1]) => {
                Op::Conv2d(ConvOptions::new_with_padding([s0, s1], [p0, p1], [d0, d1], 1))
            }
            (&[s0, s1, s2], &[p0, p1, p2], &[d0, d1, d2]) => Op::Conv3d(ConvOptions::new_with_padding(
                [s0, s1, s2],
                [p0, p1, p2],
                [d0, d1, d2],
                1,
            )),
            (&[s0], &[p0], &[d0]) => {
                let (apart, ones) = (
                    self.viewed(&apart, vec![n * c, 1, 1, size[0]]),
                    self.viewed(&ones, vec![1, 1, 1, kernel[0]]),
                );
                let op = Op::Conv2d(ConvOptions::new_with_padding([1, s0], [(0, 0), p0], [1, d0], 1));
                let sums = self.computed(op, &[&apart, &ones], vec![n * c, 1, 1, places[0]]);
                return Ok(self.viewed(&sums, vec![n, c, places[0]]));
            }
            _ => return Err(Unsupported::new(format!("windows over {D} dimensions"))),
        };
        let sums = self.computed(op, &[&apart, &ones], shape);
        Ok(self.viewed(&sums, [&[n, c], places.as_slice()].concat()))
    }

    /// The mean of all positions: x [n, c, ..] -> [n, c, 1, ..].
    pub(crate) fn global_avg_pool(&mut self, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        if let [n, c, _, _] = *x.shape.as_slice() {
            return Ok(self.step(Op::GlobalAvgPool2d, &[&x], vec![n, c, 1, 1]));
        }
        self.over_positions(&x, Op::MeanDim(2))
    }

    /// The largest of all positions: x [n, c, ..] -> [n, c, 1, ..].
    pub(crate) fn global_max_pool(&mut self, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        self.over_positions(&x, Op::MaxDim(2))
    }

    fn over_positions(&mut self, x: &DeviceValue, op: Op) -> Lowering<Value> {
        let &[n, c, ref positions @ ..] = x.shape.as_slice() else {
            return Err(Unsupported::new(format!("an input of shape {:?}", x.shape)));
        };
        let flat = self.viewed(x, vec![n, c, positions.iter().product()]);
        let one = self.computed(op, &[&flat], vec![n, c, 1]);
        let shape = [&[n, c], vec![1; positions.len()].as_slice()].concat();
        Ok(Value::Device(self.viewed(&one, shape)))
    }
}

impl<const D: usize> Sliding<D> {
    /// Two of the dimensions.
    fn of(&self, dims: [usize; 2]) -> Sliding<2> {
        Sliding {
            kernel: dims.map(|d| self.kernel[d]),
            stride: dims.map(|d| self.stride[d]),
            dilation: dims.map(|d| self.dilation[d]),
            padding: dims.map(|d| self.padding[d]),
            ceil: self.ceil,
        }
    }
}

impl Sliding<2> {
    fn of_largest(&self, padding: [usize; 2], ceil: bool) -> MaxPooling {
        MaxPooling {
            kernel: self.kernel,
            stride: self.stride,
            padding,
            dilation: self.dilation,
            ceil,
        }
    }
}

/// Windows of one row.
pub(crate) fn in_rows(sliding: Sliding<1>) -> Sliding<2> {
    let Sliding {
        kernel: [kernel],
        stride: [stride],
        dilation: [dilation],
        padding: [padding],
        ceil,
    } = sliding;
    Sliding {
        kernel: [1, kernel],
        stride: [1, stride],
        dilation: [1, dilation],
        padding: [(0, 0), padding],
        ceil,
    }
}

fn image(x: &DeviceValue) -> Lowering<[usize; 4]> {
    let (n, c, [h, w]) = positions(&x.shape)?;
    Ok([n, c, h, w])
}
