//! Tensors in host memory: weights until they are uploaded, and the arithmetic of shapes.

mod broadcast;
mod layout;
mod pointwise;
mod tensor;

pub(crate) use broadcast::broadcast;
pub(crate) use tensor::{HostData, HostTensor, MAX_COMPUTED_ELEMENTS, MAX_ELEMENTS, computable, element_count};
