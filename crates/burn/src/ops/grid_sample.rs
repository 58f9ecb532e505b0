//! Values of an image or a volume at positions that are computed while the model runs.

use burn_backend::ops::FloatTensorOps;
use burn_dispatch::Dispatch;
use onnx_ir::node::grid_sample::{GridSampleMode, GridSampleNode, GridSamplePaddingMode};

use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::runtime::program::{IntegerOp, Movement, Op, Range};

/// Positions are computed as `f32`, which holds whole numbers up to this.
const MOST_POSITIONS: usize = 1 << 24;

/// ONNX's coefficient of the cubic filter.
const CUBIC: f64 = -0.75;

/// One neighbour of each sampled point along one dimension: where it is, and its share, [n, points] both.
struct Tap {
    place: DeviceValue,
    share: DeviceValue,
}

impl Lowerer {
    /// x [n, c, d.., h, w], grid [n, points.., k] of shares between -1 and 1, the last dimension first -> [n, c, points..].
    pub(crate) fn grid_sample(&mut self, node: &GridSampleNode) -> Lowering<Value> {
        let (x, grid) = (self.floats(&node.inputs[0])?, self.floats(&node.inputs[1])?);
        let refused = || Unsupported::new(format!("points of shape {:?} in {:?}", grid.shape, x.shape));
        let (&[n, c, ref size @ ..], Some((&dims, [batch, points @ ..]))) =
            (x.shape.as_slice(), grid.shape.split_last())
        else {
            return Err(refused());
        };
        let (count, all): (usize, usize) = (points.iter().product(), size.iter().product());
        if *batch != n || dims != size.len() || all > MOST_POSITIONS || size.contains(&0) {
            return Err(refused());
        }
        let flat_grid = self.viewed(&grid, vec![n, count, dims]);
        let flat_x = self.viewed(&x, vec![n, c, all]);
        let mut along = Vec::with_capacity(dims);
        for (dimension, &length) in size.iter().enumerate() {
            let component = dims - 1 - dimension;
            let ranges = [(0, n), (0, count), (component, component + 1)];
            let ranges = ranges.map(|(start, end)| Range { start, end, step: 1 });
            let op = Op::Move(Movement::Slice(ranges.to_vec()));
            let shares = self.computed(op, &[&flat_grid], vec![n, count, 1]);
            let shares = self.viewed(&shares, vec![n, count]);
            along.push(self.taps(&shares, length, node)?);
        }
        let mut sum: Option<DeviceValue> = None;
        let combinations: usize = along.iter().map(Vec::len).product();
        for combination in 0..combinations {
            let (mut rest, mut place, mut share): (_, Option<DeviceValue>, Option<DeviceValue>) =
                (combination, None, None);
            for (taps, &length) in along.iter().zip(size) {
                let tap = &taps[rest % taps.len()];
                rest /= taps.len();
                place = Some(match place {
                    None => tap.place.clone(),
                    Some(outer) => {
                        let outer = self.same(Op::MulScalar(length as f64), &outer);
                        self.both(Op::Add, &outer, &tap.place)
                    }
                });
                share = Some(match share {
                    None => tap.share.clone(),
                    Some(outer) => self.both(Op::Mul, &outer, &tap.share),
                });
            }
            let (Some(place), Some(share)) = (place, share) else {
                return Err(refused());
            };
            let value = self.values_at(&flat_x, &place)?;
            let share = self.viewed(&share, vec![n, 1, count]);
            let part = self.computed(Op::Mul, &[&value, &share], value.shape.clone());
            sum = Some(match sum {
                None => part,
                Some(sum) => self.both(Op::Add, &sum, &part),
            });
        }
        let sum = sum.ok_or_else(refused)?;
        Ok(Value::Device(self.viewed(&sum, [&[n, c], points].concat())))
    }

    /// x [n, c, all], places [n, points] as whole floats -> [n, c, points].
    fn values_at(&mut self, x: &DeviceValue, place: &DeviceValue) -> Lowering<DeviceValue> {
        let (n, c, count) = (x.shape[0], x.shape[1], place.shape[1]);
        let at = self.computed(Op::FloatsToIntegers, &[place], place.shape.clone());
        let at = self.reshaped(Value::Integers(at), vec![n, 1, count]);
        let at = self.integers(at)?;
        let wide = vec![n, c, count];
        let op = Op::Integers(IntegerOp::Move(Movement::Expand(wide.clone())));
        let at = self.computed(op, &[&at], wide.clone());
        Ok(self.computed(Op::Move(Movement::Gather { axis: 2 }), &[x, &at], wide))
    }

    /// The neighbours along a dimension of so many positions.
    fn taps(&mut self, shares: &DeviceValue, length: usize, node: &GridSampleNode) -> Lowering<Vec<Tap>> {
        let config = &node.config;
        let size = length as f64;
        // From -1..1 to the first and last position, or to their outer borders.
        let (factor, first, last) = if config.align_corners {
            ((size - 1.0) / 2.0, 0.0, size - 1.0)
        } else {
            (size / 2.0, -0.5, size - 0.5)
        };
        let shifted = self.same(Op::AddScalar(1.0), shares);
        let scaled = self.same(Op::MulScalar(factor), &shifted);
        let mut at = self.same(Op::AddScalar(first), &scaled);
        let is_nearest = config.mode == GridSampleMode::Nearest;
        if is_nearest {
            at = self.same(Op::Apply(Dispatch::float_round), &at);
        }
        at = match config.padding_mode {
            // The cubic filter holds each neighbour instead, as onnxruntime and PyTorch do.
            _ if config.mode == GridSampleMode::Bicubic => at,
            GridSamplePaddingMode::Zeros => at,
            GridSamplePaddingMode::Border => self.same(held(size), &at),
            GridSamplePaddingMode::Reflection => self.reflected(&at, first, last),
        };
        if is_nearest {
            return Ok(vec![self.tap(&at, None, first, last, size, node)]);
        }
        let floor = self.same(Op::Floor, &at);
        let ratio = self.both(Op::Sub, &at, &floor);
        let shares = if config.mode == GridSampleMode::Bilinear {
            let rest = self.same(Op::MulScalar(-1.0), &ratio);
            vec![(0.0, self.same(Op::AddScalar(1.0), &rest)), (1.0, ratio)]
        } else {
            let mut shares = Vec::with_capacity(4);
            for offset in [-1.0, 0.0, 1.0, 2.0] {
                // The distance to the neighbour.
                let signed = self.same(Op::AddScalar(-offset), &ratio);
                let distance = self.same(Op::Abs, &signed);
                let far = !(0.0..=1.0).contains(&offset);
                shares.push((offset, self.cubic(&distance, far)));
            }
            shares
        };
        let mut taps = Vec::with_capacity(shares.len());
        for (offset, share) in shares {
            let place = self.same(Op::AddScalar(offset), &floor);
            taps.push(self.tap(&place, Some(share), first, last, size, node));
        }
        Ok(taps)
    }

    /// A neighbour, held inside or without a share outside.
    fn tap(
        &mut self,
        place: &DeviceValue,
        share: Option<DeviceValue>,
        first: f64,
        last: f64,
        size: f64,
        node: &GridSampleNode,
    ) -> Tap {
        let inside = match node.config.padding_mode {
            GridSamplePaddingMode::Reflection => {
                // Whole but for the rounding of `f32`.
                let thrown = self.reflected(place, first, last);
                self.same(Op::Apply(Dispatch::float_round), &thrown)
            }
            _ => place.clone(),
        };
        let held_place = self.same(held(size), &inside);
        let share = share.unwrap_or_else(|| {
            // 1 everywhere, of the right shape.
            let zero = self.same(Op::MulScalar(0.0), &held_place);
            self.same(Op::AddScalar(1.0), &zero)
        });
        let share = if node.config.padding_mode == GridSamplePaddingMode::Zeros {
            // 1 where holding it inside did not move it.
            let moved = self.both(Op::Sub, place, &held_place);
            let distance = self.same(Op::Abs, &moved);
            let held_distance = self.same(clamp(0.0, 1.0), &distance);
            let negated = self.same(Op::MulScalar(-1.0), &held_distance);
            let kept = self.same(Op::AddScalar(1.0), &negated);
            self.both(Op::Mul, &share, &kept)
        } else {
            share
        };
        Tap {
            place: held_place,
            share,
        }
    }

    /// Thrown back at the borders as often as it takes.
    fn reflected(&mut self, at: &DeviceValue, first: f64, last: f64) -> DeviceValue {
        let range = last - first;
        if range <= 0.0 {
            return self.same(Op::MulScalar(0.0), at);
        }
        let from_first = self.same(Op::AddScalar(-first), at);
        let lengths = self.same(Op::MulScalar(1.0 / range), &from_first);
        // 1 - |t mod 2 - 1| goes up and down once in 2.
        let halves = self.same(Op::MulScalar(0.5), &lengths);
        let turns = self.same(Op::Floor, &halves);
        let whole = self.same(Op::MulScalar(2.0), &turns);
        let rest = self.both(Op::Sub, &lengths, &whole);
        let centred = self.same(Op::AddScalar(-1.0), &rest);
        let distance = self.same(Op::Abs, &centred);
        let negated = self.same(Op::MulScalar(-range), &distance);
        self.same(Op::AddScalar(first + range), &negated)
    }

    /// Keys, "Cubic Convolution Interpolation", 1981, equation 4: of distances up to 1, or of `far` ones from 1 to 2.
    fn cubic(&mut self, distance: &DeviceValue, far: bool) -> DeviceValue {
        let a = CUBIC;
        let coefficients = if far {
            [a, -5.0 * a, 8.0 * a, -4.0 * a]
        } else {
            [a + 2.0, -(a + 3.0), 0.0, 1.0]
        };
        let mut value = self.same(Op::MulScalar(coefficients[0]), distance);
        for coefficient in &coefficients[1..3] {
            let sum = self.same(Op::AddScalar(*coefficient), &value);
            value = self.both(Op::Mul, &sum, distance);
        }
        self.same(Op::AddScalar(coefficients[3]), &value)
    }
}

/// Held between the first and the last of so many positions.
fn held(size: f64) -> Op {
    clamp(0.0, size - 1.0)
}

fn clamp(min: f64, max: f64) -> Op {
    Op::Clamp {
        min: Some(min),
        max: Some(max),
    }
}
