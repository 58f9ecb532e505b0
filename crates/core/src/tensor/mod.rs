//! Tensors in host memory.

pub mod codec;
pub(crate) mod digest;
pub(crate) mod random;
mod rows;
pub(crate) mod values;
