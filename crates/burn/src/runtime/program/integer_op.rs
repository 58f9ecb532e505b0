//! Operations on tensors of integers, which are `i32` on every device.

use burn_backend::ops::IntTensorOps;
use burn_backend::{BoolDType, FloatDType, Scalar};
use burn_dispatch::{Dispatch, DispatchTensor};

use super::bools::{bool_mask, negative_mask, ones_where};
use super::movement::Movement;
use super::operands::{Operands, next_of};

/// One operation whose operands are integers.
#[derive(Debug, Clone)]
pub(crate) enum IntegerOp {
    Move(Movement),
    /// Any operation of burn on one tensor without settings.
    Unary(fn(DispatchTensor) -> DispatchTensor),
    /// Any operation of burn on two tensors without settings.
    Binary(fn(DispatchTensor, DispatchTensor) -> DispatchTensor),
    /// Any operation of burn on a tensor and a number.
    WithScalar(fn(DispatchTensor, Scalar) -> DispatchTensor, i32),
    /// Any operation of burn along one dimension.
    AlongAxis(fn(DispatchTensor, usize) -> DispatchTensor, usize),
    /// `f32`: 1 where the comparison holds, 0 elsewhere.
    Compare(fn(DispatchTensor, DispatchTensor, BoolDType) -> DispatchTensor),
    /// condition as `f32` of 0 and 1, a, b, all of one shape -> a where the condition is 1,
    /// b elsewhere.
    Where,
    /// Adds a dimension's length to negative indices, which count from its end.
    ResolveNegative(usize),
    ToFloats,
}

impl IntegerOp {
    /// Runs the operation on its operands.
    pub(super) fn run(&self, operands: Operands) -> DispatchTensor {
        if let IntegerOp::Move(movement) = self {
            return movement.run_integers(operands);
        }
        let mut operands = operands.into_iter();
        let mut next = || next_of(&mut operands);
        match self {
            IntegerOp::Unary(unary) => unary(next()),
            IntegerOp::Binary(binary) => binary(next(), next()),
            IntegerOp::WithScalar(with, number) => with(next(), Scalar::Int(i64::from(*number))),
            IntegerOp::AlongAxis(along, axis) => along(next(), *axis),
            IntegerOp::Compare(compare) => {
                let (a, b) = (next(), next());
                ones_where(a, |a, bool_dtype| compare(a, b, bool_dtype))
            }
            IntegerOp::Where => {
                let (condition, a, b) = (next(), next(), next());
                Dispatch::int_mask_where(b, bool_mask(condition), a)
            }
            IntegerOp::ResolveNegative(size) => {
                let indices = next();
                let negative = negative_mask(indices.clone());
                #[allow(clippy::cast_possible_wrap, reason = "a dimension of a tensor fits")]
                let shifted = Dispatch::int_add_scalar(indices.clone(), Scalar::Int(*size as i64));
                Dispatch::int_mask_where(indices, negative, shifted)
            }
            IntegerOp::ToFloats => Dispatch::int_into_float(next(), FloatDType::F32),
            IntegerOp::Move(_) => unreachable!("handled above"),
        }
    }
}
