//! A program: the steps that a model is lowered to, with everything decided but the tensors.

mod bools;
mod integer_op;
mod movement;
mod op;
mod operands;
mod run;
mod step;
#[cfg(feature = "flex")]
mod vector_math;

pub(crate) use bools::ones_where;
pub(crate) use integer_op::IntegerOp;
pub(crate) use movement::{Movement, Range};
pub(crate) use op::{MaxPooling, Op};
pub(crate) use operands::Operands;
pub(crate) use run::run;
pub(crate) use step::{Slot, Step};
