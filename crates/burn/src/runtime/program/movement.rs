//! Operations that move elements without computing on them, whatever their type.

use burn_backend::ops::{FloatTensorOps, IntTensorOps};
use burn_backend::{Shape, Slice};
use burn_dispatch::{Dispatch, DispatchTensor};

use super::operands::{Operands, next_of};

/// How elements move.
#[derive(Debug, Clone)]
pub(crate) enum Movement {
    Reshape(Vec<usize>),
    /// To a shape that the tensor broadcasts to.
    Expand(Vec<usize>),
    /// Repeats each dimension as often as its entry says.
    Tile(Vec<usize>),
    /// A range for each dimension.
    Slice(Vec<Range>),
    Permute(Vec<usize>),
    /// Reverses one dimension.
    Flip(usize),
    Concat {
        axis: usize,
    },
    /// x [a, n, b], indices [p] -> [a, p, b].
    Select {
        axis: usize,
    },
    /// x [a, n, b], indices [a, p, b] -> [a, p, b].
    Gather {
        axis: usize,
    },
}

/// Every `step`th index from `start` up to, not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// At least 1.
    pub(crate) step: usize,
}

impl Range {
    pub(crate) fn len(&self) -> usize {
        (self.end - self.start).div_ceil(self.step)
    }

    #[allow(clippy::cast_possible_wrap, reason = "indices of a tensor fit")]
    fn to_burn(self) -> Slice {
        Slice {
            start: self.start as isize,
            end: Some(self.end as isize),
            step: self.step as isize,
        }
    }
}

/// Defines a method that runs a movement: burn names its operations differently for floats and for
/// integers.
macro_rules! movements {
    (
        $name:ident, $reshape:ident, $expand:ident, $tile:ident, $slice:ident,
        $permute:ident, $flip:ident, $concat:ident, $select:ident, $gather:ident
    ) => {
        pub(super) fn $name(&self, operands: Operands) -> DispatchTensor {
            if let Movement::Concat { axis } = self {
                return Dispatch::$concat(operands.into_vec(), *axis);
            }
            let mut operands = operands.into_iter();
            let mut next = || next_of(&mut operands);
            match self {
                Movement::Reshape(shape) => Dispatch::$reshape(next(), Shape::from(shape.clone())),
                Movement::Expand(shape) => Dispatch::$expand(next(), Shape::from(shape.clone())),
                Movement::Tile(repeats) => {
                    let tiled = repeats.iter().enumerate().filter(|(_, times)| **times != 1);
                    tiled.fold(next(), |x, (axis, &times)| Dispatch::$tile(x, axis, times))
                }
                Movement::Slice(ranges) => {
                    let ranges: Vec<Slice> = ranges.iter().map(|range| range.to_burn()).collect();
                    Dispatch::$slice(next(), &ranges)
                }
                Movement::Permute(axes) => Dispatch::$permute(next(), axes),
                Movement::Flip(axis) => Dispatch::$flip(next(), &[*axis]),
                Movement::Select { axis } => {
                    let (x, indices) = (next(), next());
                    Dispatch::$select(x, *axis, indices)
                }
                Movement::Gather { axis } => {
                    let (x, indices) = (next(), next());
                    Dispatch::$gather(*axis, x, indices)
                }
                Movement::Concat { .. } => unreachable!("handled above"),
            }
        }
    };
}

impl Movement {
    movements!(
        run_floats,
        float_reshape,
        float_expand,
        float_repeat_dim,
        float_slice,
        float_permute,
        float_flip,
        float_cat,
        float_select,
        float_gather
    );
    movements!(
        run_integers,
        int_reshape,
        int_expand,
        int_repeat_dim,
        int_slice,
        int_permute,
        int_flip,
        int_cat,
        int_select,
        int_gather
    );
}
