//! Depthwise convolution of planes: each channel has a kernel of its own.

use crate::threads::on_threads;

/// Taps of a kernel's row that are added in one pass over outputs.
const TAPS: usize = 5;

/// Outputs of a pass: they stay in the nearest cache until all taps are added.
const PASS: usize = 2048;

/// The sizes of a depthwise convolution without dilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depthwise {
    /// Height and width of an input plane.
    pub input: [usize; 2],
    /// Height and width of a channel's kernel.
    pub kernel: [usize; 2],
    /// Steps of the kernel down and to the right.
    pub stride: [usize; 2],
    /// Zeros above and below, and left and right.
    pub padding: [(usize, usize); 2],
}

impl Depthwise {
    /// Height and width of an output plane. `None` if the kernel does not fit.
    pub fn output(&self) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let (before, after) = self.padding[axis];
            let padded = self.input[axis].checked_add(before)?.checked_add(after)?;
            let room = padded.checked_sub(self.kernel[axis])?;
            Some(room.checked_div(self.stride[axis])? + 1)
        };
        Some([along(0)?, along(1)?])
    }

    /// Convolves x [n, c, h, w] with weight [c, kh, kw] and adds bias [c]: [n, c, h', w'], all row-major. `None` if sizes do
    /// not match, or the kernel does not fit.
    pub fn run(&self, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Option<Vec<f32>> {
        let [height, width] = self.output()?;
        let (inputs, taps) = (self.input.iter().product(), self.kernel.iter().product());
        let outputs = height.checked_mul(width)?;
        let channels = weight.len().checked_div(taps)?;
        let planes = x.len().checked_div(inputs)?;
        let is_whole = channels > 0
            && weight.len() == channels * taps
            && x.len() == planes * inputs
            && planes.is_multiple_of(channels)
            && bias.is_none_or(|bias| bias.len() == channels);
        if !is_whole || outputs == 0 {
            return None;
        }
        let room = Padded::new(self, [height, width])?;
        let mut y = vec![0.0; planes.checked_mul(outputs)?];
        on_threads(&mut y, outputs, taps.div_ceil(4), |first, y| {
            let mut padded = room.clone();
            for (index, y) in y.chunks_mut(outputs).enumerate() {
                let plane = first + index;
                let channel = plane % channels;
                padded.fill(&x[plane * inputs..][..inputs]);
                let weight = &weight[channel * taps..][..taps];
                padded.convolve(weight, bias.map_or(0.0, |bias| bias[channel]), y);
            }
        });
        Some(y)
    }
}

/// An input plane between zeros, in blocks: one for each remainder of rows and columns by the stride that a tap reads. In a block,
/// the inputs of neighboring outputs are neighbors, so that a whole plane is one long row. Between two rows lie a few sums of no
/// output.
#[derive(Clone)]
struct Padded {
    sizes: Depthwise,
    output: [usize; 2],
    /// Length of a row in a block, and of a block.
    pitch: usize,
    block: usize,
    blocks: Vec<f32>,
    /// From the first output to the last, a pitch for each row.
    sums: Vec<f32>,
}

impl Padded {
    /// `None` if it would not fit in any memory.
    fn new(sizes: &Depthwise, output: [usize; 2]) -> Option<Self> {
        let [down, right] = sizes.stride;
        let pitch = (sizes.kernel[1] - 1) / right + output[1];
        let block = ((sizes.kernel[0] - 1) / down + output[0]).checked_mul(pitch)?;
        let mut padded = Self {
            sizes: *sizes,
            output,
            pitch,
            block,
            blocks: vec![],
            sums: vec![],
        };
        let [rows, columns] = padded.remainders();
        padded.blocks = vec![0.0; rows.checked_mul(columns)?.checked_mul(block)?];
        padded.sums = vec![0.0; (output[0] - 1) * pitch + output[1]];
        Some(padded)
    }

    /// Remainders of rows and of columns that taps read.
    fn remainders(&self) -> [usize; 2] {
        let Depthwise { kernel, stride, .. } = self.sizes;
        [kernel[0].min(stride[0]), kernel[1].min(stride[1])]
    }

    /// Replaces the plane. What lies around it stays zero.
    fn fill(&mut self, plane: &[f32]) {
        let [(above, _), (left, _)] = self.sizes.padding;
        let [down, right] = self.sizes.stride;
        let [rows, columns] = self.remainders();
        for (row, input) in (above..).zip(plane.chunks(self.sizes.input[1])) {
            if row % down >= rows {
                continue;
            }
            for remainder in 0..columns {
                // The first column of the input with this remainder, and its place in a row of the block.
                let first = (remainder + right - left % right) % right;
                let place = (left + first) / right;
                let start = (row % down * columns + remainder) * self.block + row / down * self.pitch;
                // Rows and columns that no output reads have no room.
                let end = (row % down * columns + remainder + 1) * self.block;
                let inputs = input.get(first..).unwrap_or_default();
                let count = inputs.len().div_ceil(right).min(self.pitch.saturating_sub(place));
                let Some(places) = self.blocks[..end].get_mut(start + place..start + place + count) else {
                    continue;
                };
                if right == 1 {
                    places.copy_from_slice(&inputs[..count]);
                } else {
                    for (place, inputs) in places.iter_mut().zip(inputs.chunks(right)) {
                        *place = inputs[0];
                    }
                }
            }
        }
    }

    /// Writes the output plane.
    fn convolve(&mut self, weight: &[f32], bias: f32, y: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            #[allow(unsafe_code, reason = "the processor has the instructions")]
            // SAFETY: they were just looked for.
            return unsafe { self.convolve_fused(weight, bias, y) };
        }
        // Every processor of 64-bit ARM multiplies and adds at once.
        self.convolve_with::<{ cfg!(target_arch = "aarch64") }>(weight, bias, y);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn convolve_fused(&mut self, weight: &[f32], bias: f32, y: &mut [f32]) {
        self.convolve_with::<true>(weight, bias, y);
    }

    #[inline(always)]
    fn convolve_with<const FUSED: bool>(&mut self, weight: &[f32], bias: f32, y: &mut [f32]) {
        let [down, right] = self.sizes.stride;
        let [_, remainders] = self.remainders();
        let columns = self.sizes.kernel[1];
        for (pass, sums) in self.sums.chunks_mut(PASS).enumerate() {
            sums.fill(bias);
            let count = sums.len();
            for (row, weight) in weight.chunks(columns).enumerate() {
                for (chunk, weight) in weight.chunks(TAPS).enumerate() {
                    let inputs = |tap: usize| {
                        let column = chunk * TAPS + tap;
                        let block = row % down * remainders + column % right;
                        let start = block * self.block + row / down * self.pitch + column / right + pass * PASS;
                        &self.blocks[start..start + count]
                    };
                    match *weight {
                        [a] => add::<1, FUSED>(sums, [inputs(0)], [a]),
                        [a, b] => add::<2, FUSED>(sums, [inputs(0), inputs(1)], [a, b]),
                        [a, b, c] => add::<3, FUSED>(sums, [inputs(0), inputs(1), inputs(2)], [a, b, c]),
                        [a, b, c, d] => {
                            let inputs = [inputs(0), inputs(1), inputs(2), inputs(3)];
                            add::<4, FUSED>(sums, inputs, [a, b, c, d]);
                        }
                        [a, b, c, d, e] => {
                            let inputs = [inputs(0), inputs(1), inputs(2), inputs(3), inputs(4)];
                            add::<5, FUSED>(sums, inputs, [a, b, c, d, e]);
                        }
                        _ => unreachable!("chunks have one to TAPS items"),
                    }
                }
            }
        }
        let width = self.output[1];
        for (y, sums) in y.chunks_mut(width).zip(self.sums.chunks(self.pitch)) {
            y.copy_from_slice(&sums[..width]);
        }
    }
}

/// Adds the products of each tap with its inputs, which are as many as outputs.
#[inline(always)]
fn add<const N: usize, const FUSED: bool>(y: &mut [f32], inputs: [&[f32]; N], weights: [f32; N]) {
    let count = y.len();
    let inputs = inputs.map(|inputs| &inputs[..count]);
    for index in 0..count {
        let mut sum = y[index];
        for (inputs, weight) in inputs.iter().zip(weights) {
            let input = inputs[index];
            sum = if FUSED {
                input.mul_add(weight, sum)
            } else {
                sum + input * weight
            };
        }
        y[index] = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<f32> {
        (0..count)
            .map(|index| ((index * 7_919) % 101) as f32 / 50.0 - 1.0)
            .collect()
    }

    /// By the definition.
    fn expected(sizes: &Depthwise, channels: usize, x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
        let [height, width] = sizes.output().unwrap();
        let [rows, columns] = sizes.input;
        let [kernel_rows, kernel_columns] = sizes.kernel;
        let mut y = vec![];
        for plane in 0..x.len() / (rows * columns) {
            for (down, right) in (0..height).flat_map(|down| (0..width).map(move |right| (down, right))) {
                let mut sum = bias[plane % channels];
                for (i, j) in (0..kernel_rows).flat_map(|i| (0..kernel_columns).map(move |j| (i, j))) {
                    let row = (down * sizes.stride[0] + i).wrapping_sub(sizes.padding[0].0);
                    let column = (right * sizes.stride[1] + j).wrapping_sub(sizes.padding[1].0);
                    if row < rows && column < columns {
                        let input = x[(plane * rows + row) * columns + column];
                        let weight = weight[(plane % channels * kernel_rows + i) * kernel_columns + j];
                        sum += input * weight;
                    }
                }
                y.push(sum);
            }
        }
        y
    }

    #[test]
    fn planes_are_convolved_as_defined() {
        for (input, kernel, stride, padding) in [
            ([1, 1], [1, 1], [1, 1], [(0, 0), (0, 0)]),
            ([5, 7], [3, 3], [1, 1], [(1, 1), (1, 1)]),
            ([5, 7], [3, 3], [2, 2], [(1, 1), (1, 1)]),
            ([8, 70], [5, 5], [1, 1], [(2, 2), (2, 2)]),
            ([9, 71], [5, 5], [2, 2], [(2, 2), (2, 2)]),
            ([6, 64], [3, 3], [2, 2], [(0, 0), (0, 0)]),
            ([7, 33], [1, 3], [3, 3], [(0, 0), (2, 2)]),
            ([4, 4], [2, 3], [1, 2], [(3, 3), (5, 5)]),
            ([3, 40], [3, 7], [5, 4], [(4, 4), (9, 9)]),
            ([2, 2], [4, 4], [1, 1], [(1, 1), (1, 1)]),
            ([6, 3], [1, 1], [3, 2], [(0, 0), (0, 0)]),
            ([9, 8], [3, 3], [2, 2], [(0, 2), (0, 1)]),
            ([5, 6], [5, 4], [1, 1], [(3, 0), (0, 4)]),
        ] {
            let sizes = Depthwise {
                input,
                kernel,
                stride,
                padding,
            };
            let (channels, batch) = (3, 2);
            let x = numbers(batch * channels * input[0] * input[1]);
            let (weight, bias) = (numbers(channels * kernel[0] * kernel[1]), numbers(channels));
            let y = sizes.run(&x, &weight, Some(&bias)).unwrap();
            let expected = expected(&sizes, channels, &x, &weight, &bias);
            assert_eq!(y.len(), expected.len(), "{sizes:?}");
            for (y, expected) in y.iter().zip(&expected) {
                assert!((y - expected).abs() < 1e-4, "{sizes:?}: {y} instead of {expected}");
            }
            let mut fallback = vec![0.0; y.len()];
            let output = sizes.output().unwrap();
            let mut padded = Padded::new(&sizes, output).unwrap();
            let planes = x
                .chunks(input[0] * input[1])
                .zip(fallback.chunks_mut(output[0] * output[1]));
            for (plane, (x, y)) in planes.enumerate() {
                padded.fill(x);
                let weight = &weight[plane % channels * kernel[0] * kernel[1]..][..kernel[0] * kernel[1]];
                padded.convolve_with::<false>(weight, bias[plane % channels], y);
            }
            assert!(
                fallback.iter().zip(&expected).all(|(y, x)| (y - x).abs() < 1e-4),
                "{sizes:?}"
            );
        }
    }

    #[test]
    fn threads_share_the_planes() {
        let sizes = Depthwise {
            input: [64, 64],
            kernel: [3, 3],
            stride: [1, 1],
            padding: [(1, 1); 2],
        };
        let (x, weight) = (numbers(24 * 64 * 64), numbers(24 * 9));
        let y = sizes.run(&x, &weight, None).unwrap();
        for (plane, y) in y.chunks(64 * 64).enumerate() {
            let alone = sizes.run(&x[plane * 4_096..][..4_096], &weight[plane * 9..][..9], None);
            assert_eq!(alone.unwrap(), y);
        }
    }

    #[test]
    fn sizes_that_do_not_match_are_refused() {
        let sizes = Depthwise {
            input: [2, 2],
            kernel: [3, 3],
            stride: [1, 1],
            padding: [(0, 0); 2],
        };
        assert_eq!(sizes.run(&[0.0; 4], &[0.0; 9], None), None);
        let sizes = Depthwise {
            padding: [(1, 1); 2],
            ..sizes
        };
        assert!(sizes.run(&[0.0; 4], &[0.0; 9], None).is_some());
        assert_eq!(sizes.run(&[0.0; 5], &[0.0; 9], None), None);
        assert_eq!(sizes.run(&[0.0; 4], &[0.0; 8], None), None);
        assert_eq!(sizes.run(&[0.0; 4], &[], None), None);
        assert_eq!(
            Depthwise {
                stride: [0, 1],
                ..sizes
            }
            .run(&[0.0; 4], &[0.0; 9], None),
            None
        );
        assert_eq!(sizes.run(&[0.0; 4], &[0.0; 18], None), None);
        assert_eq!(sizes.run(&[0.0; 4], &[0.0; 9], Some(&[])), None);
        // Steps past the plane cost nothing.
        let stride = [1 << 40, 1 << 50];
        assert_eq!(
            Depthwise { stride, ..sizes }.run(&[1.0; 4], &[1.0; 9], None),
            Some(vec![4.0])
        );
        let padding = [(usize::MAX / 8, 0), (usize::MAX / 8, 0)];
        assert_eq!(Depthwise { padding, ..sizes }.run(&[1.0; 4], &[1.0; 9], None), None);
    }
}
