use tare_record::{Cell, CellRequest, Progress, Record};

use crate::{NamedTensor, PlanProgress};

/// Receives everything in a run that is worth keeping or showing.
pub trait PlanObserver {
    /// The record has one more round of a cell, or is complete.
    fn record_updated(&mut self, record: &Record);

    /// A round of a cell starts.
    fn round_started(&mut self, progress: PlanProgress);

    /// A cell is being measured.
    fn cell_progress(&mut self, request: &CellRequest, progress: &Progress, cell: &Cell);

    /// The last round of a cell has ended.
    fn cell_ended(&mut self, cell: &Cell);

    /// The inputs and outputs of a cell, or of its reference if the request is for a reference.
    fn tensors(&mut self, request: &CellRequest, inputs: &[NamedTensor], outputs: &[NamedTensor]);
}
