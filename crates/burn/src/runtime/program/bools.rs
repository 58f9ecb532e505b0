//! Booleans on the device: burn's tests give them in a type of their own, and steps pass them on as
//! `f32` of 0 and 1.

use burn_backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn_backend::{BoolDType, FloatDType, Scalar, TensorMetadata};
use burn_dispatch::{Dispatch, DispatchTensor};

/// How burn stores booleans on the device of a tensor. Kernels of graphics adapters have no boolean
/// type (UPSTREAM.md: "comparisons with native booleans").
fn bool_dtype(x: &DispatchTensor) -> BoolDType {
    match x.device() {
        #[cfg(feature = "flex")]
        burn_dispatch::DispatchDevice::Flex(_) => BoolDType::Native,
        #[allow(unreachable_patterns, reason = "there may be no other backend")]
        _ => BoolDType::U32,
    }
}

/// `f32`: 1 where an element passes a test, 0 elsewhere.
pub(crate) fn ones_where(
    x: DispatchTensor,
    test: impl FnOnce(DispatchTensor, BoolDType) -> DispatchTensor,
) -> DispatchTensor {
    let dtype = bool_dtype(&x);
    Dispatch::bool_into_float(test(x, dtype), FloatDType::F32)
}

/// burn's booleans: true where a condition of 0 and 1 is 1.
pub(super) fn bool_mask(condition: DispatchTensor) -> DispatchTensor {
    let dtype = bool_dtype(&condition);
    Dispatch::float_greater_elem(condition, Scalar::Float(0.5), dtype)
}

/// burn's booleans: true where integers are negative.
pub(super) fn negative_mask(x: DispatchTensor) -> DispatchTensor {
    let dtype = bool_dtype(&x);
    Dispatch::int_lower_elem(x, Scalar::Int(0), dtype)
}
