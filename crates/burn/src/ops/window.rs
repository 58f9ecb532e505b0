//! Windows that slide over the positions of an image, a line or a volume.

use onnx_ir::node::padding::{AutoPad, PaddingConfig1d, PaddingConfig2d, PaddingConfig3d};

use crate::lower::{Lowering, Unsupported};

/// A window that slides over one dimension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    /// Before and after.
    pub(crate) padding: (usize, usize),
    pub(crate) ceil: bool,
}

/// How windows slide over `D` dimensions, as a node says it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sliding<const D: usize> {
    pub(crate) kernel: [usize; D],
    pub(crate) stride: [usize; D],
    pub(crate) dilation: [usize; D],
    /// Before and after, for each dimension.
    pub(crate) padding: [(usize, usize); D],
    pub(crate) ceil: bool,
}

impl<const D: usize> Sliding<D> {
    /// Of a convolution, whose outputs are rounded down to whole places.
    pub(crate) fn of_convolution(
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

    /// A window for each dimension of `size`.
    pub(crate) fn windows(&self, auto: &AutoPad, size: [usize; D]) -> Lowering<[Window; D]> {
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
    /// Positions from its first to its last.
    pub(crate) fn reach(&self) -> usize {
        (self.kernel - 1).saturating_mul(self.dilation).saturating_add(1)
    }

    /// Number of places that it takes over `size` positions; `None` if it does not fit once.
    pub(crate) fn output(&self, size: usize) -> Option<usize> {
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
        // A window that would begin in the padding after the end does not count (ONNX since opset 11).
        if self.ceil && steps * self.stride >= size + before {
            steps -= 1;
        }
        Some(steps + 1)
    }

    /// The padding after the end that its last place needs.
    pub(crate) fn padding_to_fit(&self, size: usize, places: usize) -> usize {
        let end = (places - 1) * self.stride + self.reach();
        end.saturating_sub(size + self.padding.0)
    }

    /// How many of its positions lie in each place on the input, or also on the padding if that counts.
    pub(crate) fn counts(&self, size: usize, places: usize, padding_counts: bool) -> Vec<usize> {
        let (before, after) = self.padding;
        let counted = if padding_counts {
            0..before + size + after
        } else {
            before..before + size
        };
        let count = |place: usize| {
            let positions = (0..self.kernel).map(|k| place * self.stride + k * self.dilation);
            positions.filter(|position| counted.contains(position)).count()
        };
        (0..places).map(count).collect()
    }
}

/// Places in each dimension.
pub(crate) fn outputs<const D: usize>(windows: &[Window; D], size: [usize; D]) -> Lowering<[usize; D]> {
    let mut places = [0; D];
    for d in 0..D {
        places[d] = windows[d]
            .output(size[d])
            .ok_or_else(|| Unsupported::new(format!("a window larger than its input of {size:?}")))?;
    }
    Ok(places)
}

/// The same padding before and after in every dimension, if it is.
pub(crate) fn symmetric<const D: usize>(windows: &[Window; D]) -> Option<[usize; D]> {
    let same = windows.iter().all(|window| window.padding.0 == window.padding.1);
    same.then(|| windows.map(|window| window.padding.0))
}

/// Padding as onnx-ir has it for each number of dimensions, as before and after.
pub(crate) trait Paddings<const D: usize> {
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

/// Batch, channels and the `D` dimensions of positions of a shape.
pub(crate) fn positions<const D: usize>(shape: &[usize]) -> Lowering<(usize, usize, [usize; D])> {
    let refused = || Unsupported::new(format!("an input of shape {shape:?}, expected {} dimensions", D + 2));
    match shape {
        [n, c, rest @ ..] => Ok((*n, *c, rest.try_into().map_err(|_| refused())?)),
        _ => Err(refused()),
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
            let sliding = Sliding {
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
    fn positions_on_padding_count_only_if_asked() {
        let window = Window {
            kernel: 3,
            stride: 2,
            dilation: 1,
            padding: (1, 1),
            ceil: true,
        };
        // Over 4 positions it stands at -1, 1 and 3.
        assert_eq!(window.output(4), Some(3));
        assert_eq!(window.padding_to_fit(4, 3), 2);
        assert_eq!(window.counts(4, 3, false), [2, 3, 1]);
        assert_eq!(window.counts(4, 3, true), [3, 3, 2]);
    }
}
