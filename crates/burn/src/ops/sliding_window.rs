//! Windows that slide over the positions of a line, an image or a volume.

use onnx_ir::node::padding::{AutoPad, PaddingConfig1d, PaddingConfig2d, PaddingConfig3d};

use crate::lower::{Lowering, Unsupported};

/// A window over one dimension.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
    /// Before and after.
    pub(super) padding: (usize, usize),
    pub(super) ceil: bool,
}

/// How windows slide over `D` dimensions: the settings of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlidingWindow<const D: usize> {
    pub(super) kernel: [usize; D],
    pub(super) stride: [usize; D],
    pub(super) dilation: [usize; D],
    /// Before and after, for each dimension.
    pub(super) padding: [(usize, usize); D],
    pub(super) ceil: bool,
}

impl<const D: usize> SlidingWindow<D> {
    /// The windows of a convolution, which rounds its number of outputs down.
    pub(super) fn of_convolution(
        kernel: [usize; D],
        stride: [usize; D],
        dilation: [usize; D],
        padding: &impl Paddings<D>,
    ) -> Self {
        Self {
            kernel,
            stride,
            dilation,
            padding: padding.before_after(),
            ceil: false,
        }
    }

    /// The window of each dimension over `size` positions.
    pub(super) fn windows(&self, auto: &AutoPad, size: [usize; D]) -> Lowering<[Window; D]> {
        let zero = [self.kernel, self.stride, self.dilation]
            .iter()
            .any(|numbers| numbers.contains(&0));
        if zero || size.contains(&0) {
            return Err(Unsupported::new(format!(
                "kernel {:?}, stride {:?} or dilation {:?} over {size:?}",
                self.kernel, self.stride, self.dilation
            )));
        }
        Ok(std::array::from_fn(|d| {
            let mut window = Window {
                kernel: self.kernel[d],
                stride: self.stride[d],
                dilation: self.dilation[d],
                padding: self.padding[d],
                ceil: self.ceil,
            };
            window.padding = match auto {
                AutoPad::NotSet => self.padding[d],
                AutoPad::Valid => (0, 0),
                AutoPad::SameUpper | AutoPad::SameLower => {
                    // ONNX: the output has ceil(size / stride) positions.
                    let last = (size[d].div_ceil(window.stride) - 1) * window.stride;
                    let total = (last + window.reach()).saturating_sub(size[d]);
                    let (less, more) = (total / 2, total - total / 2);
                    if matches!(auto, AutoPad::SameUpper) {
                        (less, more)
                    } else {
                        (more, less)
                    }
                }
            };
            window
        }))
    }
}

impl Window {
    /// Distance from its first to its last position, both included.
    pub(super) fn reach(&self) -> usize {
        (self.kernel - 1).saturating_mul(self.dilation).saturating_add(1)
    }

    /// Number of outputs over `size` positions. `None` if the window does not fit once.
    pub(super) fn output(&self, size: usize) -> Option<usize> {
        let (before, after) = self.padding;
        let free = size
            .checked_add(before)?
            .checked_add(after)?
            .checked_sub(self.reach())?;
        let mut steps = if self.ceil {
            free.div_ceil(self.stride)
        } else {
            free / self.stride
        };
        // A window that begins in the padding after the end does not count (ONNX since opset 11).
        if self.ceil && steps * self.stride >= size + before {
            steps -= 1;
        }
        Some(steps + 1)
    }

    /// The padding after the end that its last output needs.
    pub(super) fn padding_to_fit(&self, size: usize, outputs: usize) -> usize {
        let end = (outputs - 1) * self.stride + self.reach();
        end.saturating_sub(size + self.padding.0)
    }

    /// For each output, how many positions of the window are on the input, or on the input and the
    /// padding if `padding_counts`.
    pub(super) fn counts(&self, size: usize, outputs: usize, padding_counts: bool) -> Vec<usize> {
        let (before, after) = self.padding;
        let counted = if padding_counts {
            0..before + size + after
        } else {
            before..before + size
        };
        let count = |output: usize| {
            let positions = (0..self.kernel).map(|k| output * self.stride + k * self.dilation);
            positions.filter(|position| counted.contains(position)).count()
        };
        (0..outputs).map(count).collect()
    }
}

/// Number of outputs in each dimension.
pub(super) fn output_sizes<const D: usize>(windows: &[Window; D], size: [usize; D]) -> Lowering<[usize; D]> {
    let mut sizes = [0; D];
    for d in 0..D {
        sizes[d] = windows[d]
            .output(size[d])
            .ok_or_else(|| Unsupported::new(format!("a window larger than its input of {size:?}")))?;
    }
    Ok(sizes)
}

/// The padding of each dimension, if it is the same before and after.
pub(super) fn symmetric_padding<const D: usize>(windows: &[Window; D]) -> Option<[usize; D]> {
    let same = windows.iter().all(|window| window.padding.0 == window.padding.1);
    same.then(|| windows.map(|window| window.padding.0))
}

/// Converts onnx-ir's types of padding, one for each number of dimensions, to padding before and
/// after.
pub(super) trait Paddings<const D: usize> {
    fn before_after(&self) -> [(usize, usize); D];
}

impl Paddings<1> for PaddingConfig1d {
    fn before_after(&self) -> [(usize, usize); 1] {
        match *self {
            PaddingConfig1d::Valid => [(0, 0)],
            PaddingConfig1d::Explicit(left, right) => [(left, right)],
        }
    }
}

impl Paddings<2> for PaddingConfig2d {
    fn before_after(&self) -> [(usize, usize); 2] {
        match *self {
            PaddingConfig2d::Valid => [(0, 0); 2],
            PaddingConfig2d::Explicit(top, left, bottom, right) => [(top, bottom), (left, right)],
        }
    }
}

impl Paddings<3> for PaddingConfig3d {
    fn before_after(&self) -> [(usize, usize); 3] {
        match *self {
            PaddingConfig3d::Valid => [(0, 0); 3],
            PaddingConfig3d::Explicit(front, top, left, back, bottom, right) => {
                [(front, back), (top, bottom), (left, right)]
            }
        }
    }
}

/// Splits a shape into batch, channels and the sizes of `D` dimensions.
pub(super) fn split_shape<const D: usize>(shape: &[usize]) -> Lowering<(usize, usize, [usize; D])> {
    let unsupported = || Unsupported::new(format!("an input of shape {shape:?} instead of {} dimensions", D + 2));
    match shape {
        [n, c, rest @ ..] => Ok((*n, *c, rest.try_into().map_err(|_| unsupported())?)),
        _ => Err(unsupported()),
    }
}

/// The windows of a pooling node, from its settings in onnx-ir.
macro_rules! sliding_window {
    ($config:expr, $stride:ident) => {
        SlidingWindow {
            kernel: $config.kernel_size.into_dims(),
            stride: $config.$stride.into_dims(),
            dilation: $config.dilation.into_dims(),
            padding: $config.padding.before_after(),
            ceil: $config.ceil_mode,
        }
    };
}
pub(super) use sliding_window;

/// Sizes as onnx-ir stores them: a number for one dimension, an array for more.
pub(super) trait IntoDims<const D: usize> {
    fn into_dims(self) -> [usize; D];
}

impl IntoDims<1> for usize {
    fn into_dims(self) -> [usize; 1] {
        [self]
    }
}

impl<const D: usize> IntoDims<D> for [usize; D] {
    fn into_dims(self) -> [usize; D] {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_sizes_follow_onnx() {
        let window = |kernel, stride, padding, ceil| Window {
            kernel,
            stride,
            dilation: 1,
            padding,
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
            assert_eq!(window.output(size), expected, "{window:?} over {size}");
        }
    }

    #[test]
    fn automatic_padding_keeps_the_size() {
        for (auto, expected) in [
            (AutoPad::SameUpper, (0, 1)),
            (AutoPad::SameLower, (1, 0)),
            (AutoPad::Valid, (0, 0)),
        ] {
            let sliding = SlidingWindow {
                kernel: [3],
                stride: [2],
                dilation: [1],
                padding: [(0, 0)],
                ceil: false,
            };
            assert_eq!(sliding.windows(&auto, [224]).unwrap()[0].padding, expected, "{auto:?}");
        }
    }

    #[test]
    fn positions_on_padding_count_only_on_request() {
        let window = Window {
            kernel: 3,
            stride: 2,
            dilation: 1,
            padding: (1, 1),
            ceil: true,
        };
        // Over 4 positions the window starts at -1, 1 and 3.
        assert_eq!(window.output(4), Some(3));
        assert_eq!(window.padding_to_fit(4, 3), 2);
        assert_eq!(window.counts(4, 3, false), [2, 3, 1]);
        assert_eq!(window.counts(4, 3, true), [3, 3, 2]);
    }
}
