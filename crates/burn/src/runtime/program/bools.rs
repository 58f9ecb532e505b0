//! Truth values on the device: tests give them in a type of their own, steps pass them on as `f32` of 0 and 1.

use burn_backend::ops::{BoolTensorOps, FloatTensorOps, IntTensorOps};
use burn_backend::{BoolDType, FloatDType, Scalar, TensorMetadata};
use burn_dispatch::{Dispatch, DispatchTensor};

/// How truth values are stored where a tensor is: kernels of graphics adapters have no type for them.
fn stored_beside(x: &DispatchTensor) -> BoolDType {
    match x.device() {
        #[cfg(feature = "flex")]
        burn_dispatch::DispatchDevice::Flex(_) => BoolDType::Native,
        #[allow(unreachable_patterns, reason = "there may be no other backend")]
        _ => BoolDType::U32,
    }
}

/// `f32` of 1 where an element passes a test, otherwise 0.
pub(crate) fn tested(
    x: DispatchTensor,
    test: impl FnOnce(DispatchTensor, BoolDType) -> DispatchTensor,
) -> DispatchTensor {
    let stored = stored_beside(&x);
    Dispatch::bool_into_float(test(x, stored), FloatDType::F32)
}

/// Where a condition of 0 and 1 is 1.
pub(crate) fn mask(condition: DispatchTensor) -> DispatchTensor {
    let stored = stored_beside(&condition);
    Dispatch::float_greater_elem(condition, Scalar::Float(0.5), stored)
}

/// Where integers are negative.
pub(crate) fn negative(x: DispatchTensor) -> DispatchTensor {
    let stored = stored_beside(&x);
    Dispatch::int_lower_elem(x, Scalar::Int(0), stored)
}
