//! Windows that slide over height and width.

use onnx_ir::node::padding::{AutoPad, PaddingConfig2d};

use super::{Lowering, Unsupported};

/// A window that slides over height and width.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) dilation: [usize; 2],
    /// Before and after, for height and width.
    pub(super) padding: [(usize, usize); 2],
    pub(super) ceil: bool,
}

impl Window {
    pub(super) fn new(
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        padding: &PaddingConfig2d,
        auto: &AutoPad,
        ceil: bool,
        size: [usize; 2],
    ) -> Lowering<Self> {
        if kernel.contains(&0) || stride.contains(&0) || dilation.contains(&0) {
            return Err(Unsupported::new(format!(
                "kernel {kernel:?}, stride {stride:?} or dilation {dilation:?} of 0"
            )));
        }
        let explicit = match padding {
            PaddingConfig2d::Valid => [(0, 0); 2],
            PaddingConfig2d::Explicit(top, left, bottom, right) => [(*top, *bottom), (*left, *right)],
        };
        let padding = match auto {
            AutoPad::NotSet => explicit,
            AutoPad::Valid => [(0, 0); 2],
            AutoPad::SameUpper | AutoPad::SameLower => [0, 1].map(|d| {
                // ONNX: the output has ceil(size / stride) positions.
                let reach = (kernel[d] - 1) * dilation[d] + 1;
                let total = ((size[d].div_ceil(stride[d]) - 1) * stride[d] + reach).saturating_sub(size[d]);
                let (less, more) = (total / 2, total - total / 2);
                if matches!(auto, AutoPad::SameUpper) {
                    (less, more)
                } else {
                    (more, less)
                }
            }),
        };
        Ok(Self {
            kernel,
            stride,
            dilation,
            padding,
            ceil,
        })
    }

    /// Height and width after sliding over `size`; `None` if the window does not fit once.
    pub(super) fn output(&self, size: [usize; 2]) -> Option<[usize; 2]> {
        let mut output = [0; 2];
        for d in 0..2 {
            let (before, after) = self.padding[d];
            let reach = (self.kernel[d] - 1) * self.dilation[d] + 1;
            let free = (size[d] + before + after).checked_sub(reach)?;
            let mut steps = if self.ceil {
                free.div_ceil(self.stride[d])
            } else {
                free / self.stride[d]
            };
            // A window that would begin in the padding after the end does not count (ONNX since opset 11).
            if self.ceil && steps * self.stride[d] >= size[d] + before {
                steps -= 1;
            }
            output[d] = steps + 1;
        }
        Some(output)
    }

    pub(super) fn symmetric(&self) -> Option<[usize; 2]> {
        self.padding
            .iter()
            .all(|(before, after)| before == after)
            .then(|| self.padding.map(|(before, _)| before))
    }
}

/// A shape of four dimensions: `[n, c, h, w]`.
pub(super) fn image(shape: &[usize]) -> Lowering<[usize; 4]> {
    <[usize; 4]>::try_from(shape)
        .map_err(|_| Unsupported::new(format!("an input of shape {shape:?}, expected [n, c, h, w]")))
}

pub(super) fn does_not_fit(size: [usize; 2]) -> Unsupported {
    Unsupported::new(format!("a window larger than its input of {size:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_sizes_follow_onnx() {
        let window = |kernel, stride, padding: (usize, usize), ceil| Window {
            kernel: [kernel; 2],
            stride: [stride; 2],
            dilation: [1; 2],
            padding: [padding; 2],
            ceil,
        };
        for (window, size, expected) in [
            (window(3, 1, (1, 1), false), 224, Some(224)),
            (window(7, 2, (3, 3), false), 224, Some(112)),
            (window(3, 2, (0, 1), false), 224, Some(112)),
            (window(3, 2, (1, 1), true), 112, Some(57)),
            (window(2, 2, (0, 0), true), 5, Some(3)),
            (window(3, 2, (1, 1), true), 4, Some(3)),
            (window(5, 1, (0, 0), false), 4, None),
        ] {
            assert_eq!(
                window.output([size; 2]),
                expected.map(|size| [size; 2]),
                "{window:?} over {size}"
            );
        }
    }

    #[test]
    fn automatic_padding_keeps_the_size() {
        for (auto, expected) in [
            (AutoPad::SameUpper, (0, 1)),
            (AutoPad::SameLower, (1, 0)),
            (AutoPad::Valid, (0, 0)),
        ] {
            let window = Window::new([3; 2], [2; 2], [1; 2], &PaddingConfig2d::Valid, &auto, false, [224; 2]).unwrap();
            assert_eq!(window.padding, [expected; 2], "{auto:?}");
        }
    }
}
