//! Operations on integers, which are `i32` on every device.

use burn_backend::ops::IntTensorOps;
use burn_backend::{BoolDType, FloatDType, Scalar};
use burn_dispatch::{Dispatch, DispatchTensor};

use super::bools::{mask, negative, tested};
use super::{Movement, Operands};

/// One operation whose operands are integers.
#[derive(Debug, Clone)]
pub(crate) enum IntegerOp {
    Move(Movement),
    /// Any of burn's operations of one tensor and nothing else.
    Apply(fn(DispatchTensor) -> DispatchTensor),
    /// Any of burn's operations of two tensors and nothing else.
    Combine(fn(DispatchTensor, DispatchTensor) -> DispatchTensor),
    /// Any of burn's operations of a tensor and a number.
    WithNumber(fn(DispatchTensor, Scalar) -> DispatchTensor, i32),
    /// Any of burn's operations along one dimension.
    Along(fn(DispatchTensor, usize) -> DispatchTensor, usize),
    /// `f32` of 1 where the comparison holds, otherwise 0.
    Compare(fn(DispatchTensor, DispatchTensor, BoolDType) -> DispatchTensor),
    /// condition, as `f32` of 0 and 1, a, b, of one shape -> a where the condition is 1, b elsewhere.
    Choose,
    /// Positions, of which negative ones count from the end of so many.
    FromEnd(usize),
    ToFloats,
}

impl IntegerOp {
    pub(crate) fn apply(&self, operands: Operands) -> DispatchTensor {
        if let IntegerOp::Move(movement) = self {
            return movement.integers(operands);
        }
        let mut operands = operands.into_iter();
        let mut next = || {
            operands
                .next()
                .unwrap_or_else(|| unreachable!("lowering gives each operation its operands"))
        };
        match self {
            IntegerOp::Apply(apply) => apply(next()),
            IntegerOp::Combine(combine) => combine(next(), next()),
            IntegerOp::WithNumber(with, number) => with(next(), Scalar::Int(i64::from(*number))),
            IntegerOp::Along(along, axis) => along(next(), *axis),
            IntegerOp::Compare(compare) => {
                let (a, b) = (next(), next());
                tested(a, |a, stored| compare(a, b, stored))
            }
            IntegerOp::Choose => {
                let (condition, a, b) = (next(), next(), next());
                Dispatch::int_mask_where(b, mask(condition), a)
            }
            IntegerOp::FromEnd(size) => {
                let positions = next();
                let negative = negative(positions.clone());
                #[allow(clippy::cast_possible_wrap, reason = "a dimension of a tensor fits")]
                let shifted = Dispatch::int_add_scalar(positions.clone(), Scalar::Int(*size as i64));
                Dispatch::int_mask_where(positions, negative, shifted)
            }
            IntegerOp::ToFloats => Dispatch::int_into_float(next(), FloatDType::F32),
            IntegerOp::Move(_) => unreachable!("handled above"),
        }
    }
}
