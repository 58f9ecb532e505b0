use tare_record::{Cell, CellRequest, Progress, Record};

use crate::{NamedTensor, PlanProgress};

/// Told about everything in a run that is worth keeping or showing.
pub trait PlanObserver {
    /// The record has one more round of a cell, or is complete.
    fn record_updated(&mut self, record: &Record);

    /// A round of a cell starts.
    fn round_started(&mut self, progress: PlanProgress);

    /// A cell is being measured.
    fn cell_progress(&mut self, request: &CellRequest, progress: &Progress, cell: &Cell);

    /// A cell has had its last round.
    fn cell_ended(&mut self, cell: &Cell);

    /// Inputs and outputs of a cell, or of its reference if the request asks for that.
    fn tensors(&mut self, request: &CellRequest, inputs: &[NamedTensor], outputs: &[NamedTensor]);
}
