//! Pooling over height and width.

use burn_backend::ops::PadMode;
use onnx_ir::node::avg_pool2d::AveragePool2dNode;
use onnx_ir::node::global_avg_pool::GlobalAveragePoolNode;
use onnx_ir::node::max_pool2d::MaxPool2dNode;

use super::window::{Window, does_not_fit, image};
use super::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::plan::Op;

impl Lowerer {
    pub(super) fn max_pool2d(&mut self, node: &MaxPool2dNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let [n, c, h, w] = image(&x.shape)?;
        let config = &node.config;
        let mut window = Window::new(
            config.kernel_size,
            config.strides,
            config.dilation,
            &config.padding,
            &config.auto_pad,
            config.ceil_mode,
            [h, w],
        )?;
        let [oh, ow] = window.output([h, w]).ok_or_else(|| does_not_fit([h, w]))?;
        let x = if window.symmetric().is_some() {
            x
        } else {
            self.padded(&x, &mut window, f32::NEG_INFINITY)
        };
        let op = Op::MaxPool2d {
            kernel: window.kernel,
            stride: window.stride,
            padding: window.symmetric().unwrap_or_default(),
            dilation: window.dilation,
            ceil: window.ceil,
        };
        Ok(self.step(op, &[&x], vec![n, c, oh, ow]))
    }

    pub(super) fn avg_pool2d(&mut self, node: &AveragePool2dNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let [n, c, h, w] = image(&x.shape)?;
        let config = &node.config;
        let mut window = Window::new(
            config.kernel_size,
            config.strides,
            config.dilation,
            &config.padding,
            &config.auto_pad,
            config.ceil_mode,
            [h, w],
        )?;
        if config.dilation != [1, 1] {
            return Err(Unsupported::new(format!("dilation {:?}", config.dilation)));
        }
        let [oh, ow] = window.output([h, w]).ok_or_else(|| does_not_fit([h, w]))?;
        let x = match window.symmetric() {
            Some(_) => x,
            None if config.count_include_pad => self.padded(&x, &mut window, 0.0),
            None => {
                return Err(Unsupported::new(
                    "padding that differs before and after and is not counted",
                ));
            }
        };
        let op = Op::AvgPool2d {
            kernel: window.kernel,
            stride: window.stride,
            padding: window.symmetric().unwrap_or_default(),
            count_padding: config.count_include_pad,
            ceil: window.ceil,
        };
        Ok(self.step(op, &[&x], vec![n, c, oh, ow]))
    }

    /// Pads by a step of its own, for pooling whose padding differs before and after.
    fn padded(&mut self, x: &DeviceValue, window: &mut Window, value: f32) -> DeviceValue {
        let mut shape = x.shape.clone();
        let mut before_after = vec![(0, 0); 2];
        for (d, padding) in window.padding.iter_mut().enumerate() {
            shape[d + 2] += padding.0 + padding.1;
            before_after.push(std::mem::take(padding));
        }
        let mode = PadMode::Constant(value);
        self.computed(Op::Pad { before_after, mode }, &[x], shape)
    }

    pub(super) fn global_avg_pool(&mut self, node: &GlobalAveragePoolNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let [n, c, _, _] = image(&x.shape)?;
        Ok(self.step(Op::GlobalAvgPool2d, &[&x], vec![n, c, 1, 1]))
    }
}
