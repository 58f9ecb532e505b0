//! What lowering makes of a model.

use tare_core::NodeRun;
use tare_record::DType;

use super::host_tensor::HostTensor;
use super::value::Value;
use crate::runtime::program::{Slot, Step};

/// A model as a list of steps.
#[derive(Debug, Default)]
pub(crate) struct Lowered {
    pub(crate) steps: Vec<Step>,
    /// Number of values of a run.
    pub(crate) slots: usize,
    /// Values to upload once. Their integers fit 32 bits.
    pub(crate) constants: Vec<(Slot, HostTensor)>,
    /// Positions of the given inputs, and where they go.
    pub(crate) inputs: Vec<(usize, Slot)>,
    pub(crate) outputs: Vec<Output>,
    /// Shape of the largest tensor.
    pub(crate) largest_shape: Vec<usize>,
    /// The graph's nodes in order, none of them timed yet.
    pub(crate) nodes: Vec<NodeRun>,
}

/// An output of the model.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) value: Value,
    /// The type that the model declares.
    pub(crate) dtype: DType,
}

impl Lowered {
    /// Slots of the outputs that are on the device.
    pub(super) fn output_slots(&self) -> impl Iterator<Item = Slot> {
        self.outputs.iter().filter_map(|output| output.value.slot())
    }
}
