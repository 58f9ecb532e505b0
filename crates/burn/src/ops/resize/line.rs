//! The positions of a line that make up each position of the resized line: ONNX's specification of
//! Resize, and its reference implementation where the text is silent.

/// How a resized position is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Filter {
    Nearest(Nearest),
    Linear,
    /// With the coefficient `a` of Keys, "Cubic Convolution Interpolation", 1981.
    Cubic(f64),
}

/// Which of two neighbors is the nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nearest {
    RoundPreferFloor,
    RoundPreferCeil,
    Floor,
    Ceil,
    /// Before opset 11, which does not define it: down if the scale is at least 1, up otherwise, as
    /// onnxruntime does.
    Unspecified,
}

/// Where a resized position is on the original line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coordinates {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
    TfHalfPixelForNn,
    TfCropAndResize,
}

/// One dimension that is resized.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// Number of original positions.
    pub(super) from: usize,
    /// Number of resized positions.
    pub(super) to: usize,
    pub(super) scale: f64,
    /// Start and end of the part that is resized, as fractions of the line.
    pub(super) region: Option<(f64, f64)>,
    pub(super) coordinates: Coordinates,
}

impl Line {
    /// Whether every position stays as it is.
    pub(super) fn is_unchanged(&self) -> bool {
        self.from == self.to && self.scale == 1.0 && self.region.is_none_or(|region| region == (0.0, 1.0))
    }

    /// Where a resized position is on the original line.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "onnxruntime computes it like this, so that ties are resolved alike"
    )]
    fn coordinate(&self, position: usize) -> f64 {
        let (x, from, to, scale) = (position as f32, self.from as f32, self.to as f32, self.scale as f32);
        let half_pixel = (x + 0.5) / scale - 0.5;
        f64::from(match self.coordinates {
            Coordinates::HalfPixel => half_pixel,
            Coordinates::HalfPixelSymmetric => {
                let adjustment = to / (scale * from);
                from / 2.0 * (1.0 - adjustment) + half_pixel
            }
            Coordinates::PytorchHalfPixel if self.to == 1 => 0.0,
            Coordinates::PytorchHalfPixel => half_pixel,
            Coordinates::AlignCorners if self.to == 1 => 0.0,
            Coordinates::AlignCorners => x * (from - 1.0) / (to - 1.0),
            Coordinates::Asymmetric => x / scale,
            Coordinates::TfHalfPixelForNn => (x + 0.5) / scale,
            Coordinates::TfCropAndResize => {
                let (start, end) = self.region.unwrap_or((0.0, 1.0));
                let (start, end) = (start as f32, end as f32);
                if self.to == 1 {
                    (start + end) * (from - 1.0) / 2.0
                } else {
                    start * (from - 1.0) + x * (end - start) * (from - 1.0) / (to - 1.0)
                }
            }
        })
    }

    /// Which resized positions are outside the original line.
    pub(super) fn outside(&self) -> Vec<bool> {
        let is_outside = |position| {
            let at = self.coordinate(position);
            self.coordinates == Coordinates::TfCropAndResize && !(0.0..=self.from as f64 - 1.0).contains(&at)
        };
        (0..self.to).map(is_outside).collect()
    }

    /// The nearest original position of each resized one.
    pub(super) fn nearest(&self, nearest: Nearest) -> Vec<usize> {
        let pick = |position| {
            let at = self.coordinate(position);
            let whole = match nearest {
                Nearest::Floor => at.floor(),
                Nearest::Unspecified if self.scale >= 1.0 => at.floor(),
                Nearest::Ceil | Nearest::Unspecified => at.ceil(),
                Nearest::RoundPreferFloor => (at - 0.5).ceil(),
                Nearest::RoundPreferCeil => (at + 0.5).floor(),
            };
            self.clamped(whole)
        };
        (0..self.to).map(pick).collect()
    }

    /// The nearest position that exists.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a position between 0 and the length"
    )]
    fn clamped(&self, at: f64) -> usize {
        at.clamp(0.0, self.from as f64 - 1.0) as usize
    }

    /// The weight of each original position in each resized one: [from, to], row-major.
    #[allow(clippy::cast_possible_truncation, reason = "all floats on devices are f32")]
    pub(super) fn weights(&self, filter: Filter, antialias: bool, exclude_outside: bool) -> Vec<f32> {
        let mut weights = vec![0.0f64; self.from * self.to];
        // For scales below 1 the filter is stretched, so that every position contributes.
        let stretch = if antialias { self.scale.min(1.0) } else { 1.0 };
        for position in 0..self.to {
            let at = self.coordinate(position);
            let left = at.floor();
            let ratio = at - left;
            let reach = match filter {
                Filter::Nearest(_) => 1.0,
                Filter::Linear => (1.0 / stretch).ceil(),
                Filter::Cubic(_) => (2.0 / stretch).ceil(),
            };
            let mut taps = Vec::new();
            let mut offset = 1.0 - reach;
            while offset <= reach {
                let distance = ((offset - ratio) * stretch).abs();
                let weight = match filter {
                    Filter::Nearest(_) | Filter::Linear => (1.0 - distance).max(0.0),
                    Filter::Cubic(a) => cubic(a, distance),
                };
                let index = left + offset;
                let is_outside = index < 0.0 || index > self.from as f64 - 1.0;
                taps.push((
                    self.clamped(index),
                    if exclude_outside && is_outside { 0.0 } else { weight },
                ));
                offset += 1.0;
            }
            let total: f64 = taps.iter().map(|(_, weight)| weight).sum();
            let total = if (antialias || exclude_outside) && total != 0.0 {
                total
            } else {
                1.0
            };
            for (index, weight) in taps {
                weights[index * self.to + position] += weight / total;
            }
        }
        weights.into_iter().map(|weight| weight as f32).collect()
    }
}

/// Keys, 1981, equation 4, with `a` in place of -1/2.
fn cubic(a: f64, distance: f64) -> f64 {
    let x = distance;
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((x - 5.0) * x + 8.0) * x * a - 4.0 * a
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(from: usize, to: usize, coordinates: Coordinates) -> Line {
        Line {
            from,
            to,
            scale: to as f64 / from as f64,
            region: None,
            coordinates,
        }
    }

    #[test]
    fn weights_of_each_position_sum_to_one() {
        for filter in [Filter::Linear, Filter::Cubic(-0.75)] {
            for antialias in [false, true] {
                for coordinates in [
                    Coordinates::HalfPixel,
                    Coordinates::AlignCorners,
                    Coordinates::Asymmetric,
                ] {
                    for (from, to) in [(4, 8), (8, 3), (5, 5), (2, 7)] {
                        let weights = line(from, to, coordinates).weights(filter, antialias, false);
                        for position in 0..to {
                            let sum: f32 = (0..from).map(|index| weights[index * to + position]).sum();
                            assert!(
                                (sum - 1.0).abs() < 1e-6,
                                "{filter:?} {coordinates:?} {from} to {to}: {sum}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn nearest_positions_follow_onnx() {
        for (nearest, expected) in [
            (Nearest::RoundPreferFloor, [0, 0, 1, 1]),
            (Nearest::Floor, [0, 0, 0, 1]),
            (Nearest::Ceil, [0, 1, 1, 1]),
        ] {
            assert_eq!(
                line(2, 4, Coordinates::HalfPixel).nearest(nearest),
                expected,
                "{nearest:?}"
            );
        }
        assert_eq!(
            line(2, 4, Coordinates::Asymmetric).nearest(Nearest::Floor),
            [0, 0, 1, 1]
        );
    }

    #[test]
    fn a_line_is_doubled_by_the_linear_filter() {
        let weights = line(2, 4, Coordinates::HalfPixel).weights(Filter::Linear, false, false);
        assert_eq!(weights, [1.0, 0.75, 0.25, 0.0, 0.0, 0.25, 0.75, 1.0]);
    }
}
