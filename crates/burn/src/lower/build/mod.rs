//! What operators are built from: methods of the lowerer that several families use.

pub(super) mod axes;
pub(super) mod bools;
pub(super) mod comparison;
pub(super) mod indices;
pub(super) mod integers;
mod movement;
pub(super) mod ranges;
pub(super) mod shapes;
