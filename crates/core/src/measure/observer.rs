use tare_record::{Cell, Memory, Progress};

/// Whether a measurement continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Continue.
    Continue,
    /// Stop and keep what was measured.
    Cancel,
}

/// Watches a measurement from outside its timed regions.
pub trait Observer {
    /// Called from time to time between runs. `cell` holds what has been measured and verified so
    /// far.
    fn progress(&mut self, progress: &Progress, cell: &Cell) -> Control;

    /// Memory of the process or worker, as far as the environment reports it.
    fn memory(&self) -> Memory;
}
