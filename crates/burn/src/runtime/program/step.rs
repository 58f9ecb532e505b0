//! One step of a program.

use super::op::Op;

/// Position of a value among all values of a run.
pub(crate) type Slot = usize;

/// An operation, the values that it reads and the value that it makes.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) op: Op,
    pub(crate) inputs: Vec<Slot>,
    pub(crate) output: Slot,
    /// Position of the graph's node that this step is part of.
    pub(crate) node: usize,
}
