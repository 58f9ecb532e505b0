//! Lowering: from a graph that onnx-ir parsed to a program.
//!
//! All input shapes are known. So everything that depends only on shapes and weights is computed
//! here, on the host. What remains are steps on device tensors, whose shapes are known too.
//!
//! The [`driver`] walks the graph and looks every operator up in the tables of [`crate::ops`].
//! Operators are functions over a [`Lowerer`], which reads their arguments and emits their steps.
//! So the driver is above the operators, and everything that this module re-exports is below them.

mod build;
pub(crate) mod driver;
mod element_types;
mod folding;
mod fusing;
pub(crate) mod host_tensor;
mod lowered;
mod lowerer;
mod op_spec;
mod passes;
mod rank_check;
mod shared_weights;
mod subgraphs;
mod unsupported;
mod value;

pub(crate) use build::axes::{resolve_axes, resolve_axis};
pub(crate) use build::comparison::{Comparison, EQUAL, GREATER, GREATER_OR_EQUAL, LESS, LESS_OR_EQUAL};
pub(crate) use build::indices::resolve_indices;
pub(crate) use build::integers::{Arithmetic, IntegerBinary};
pub(crate) use build::ranges::slice_ranges;
pub(crate) use build::shapes::do_not_broadcast;
pub(crate) use element_types::{element_type, supported_type, wrap};
pub(crate) use folding::{fold_all, fold_floats, fold_numbers, fold_pair};
pub(crate) use lowered::Lowered;
pub(crate) use lowerer::Lowerer;
pub(crate) use op_spec::{IntoOutputs, OpSpec, op};
pub(crate) use unsupported::{Lowering, Unsupported, operator_name};
pub(crate) use value::{DeviceValue, Value};
