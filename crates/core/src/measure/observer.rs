use tare_record::{Cell, Memory, Progress};

/// What whoever watches a measurement wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// Stop and keep what was measured.
    Cancel,
}

/// Watches a measurement from outside its timed regions.
pub trait Observer {
    /// Called now and then between runs; `cell` holds what was measured and verified until now.
    fn progress(&mut self, progress: &Progress, cell: &Cell) -> Control;

    /// Memory of the process or worker, as the environment tells.
    fn memory(&self) -> Memory;
}
