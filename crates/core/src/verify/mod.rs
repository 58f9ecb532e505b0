//! Checks whether outputs agree with a reference.

pub(crate) mod accuracy;
pub(crate) mod compare;
pub(crate) mod sample;
pub(crate) mod tolerance;
mod ulp;
