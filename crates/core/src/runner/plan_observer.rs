use tare_record::{Cell, CellRequest, Progress, Record};

use crate::{NamedTensor, PlanProgress};

/// Receives everything in a run that is worth keeping or showing. `lane` is the name of the
/// environment.
pub trait PlanObserver {
    /// The record of an environment has one more round of a cell, or is complete.
    fn record_updated(&mut self, lane: &str, record: &Record);

    /// A round of a cell starts.
    fn round_started(&mut self, progress: PlanProgress);

    /// A cell is being measured, or its reference computed.
    fn cell_progress(&mut self, lane: &str, request: &CellRequest, progress: &Progress, cell: &Cell);

    /// The last round of a cell has ended.
    fn cell_ended(&mut self, lane: &str, cell: &Cell);

    /// Something other than a cell is being measured.
    fn note(&mut self, lane: &str, text: &str);

    /// The inputs and outputs of a cell, or of its reference if the request is for a reference.
    fn tensors(&mut self, lane: &str, request: &CellRequest, inputs: &[NamedTensor], outputs: &[NamedTensor]);
}
