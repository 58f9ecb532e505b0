//! Shows how a run gets on, and keeps every round.

use tare_core::{Clock, NamedTensor, PlanObserver, PlanProgress};
use tare_record::{Cell, CellRequest, Progress, Record};

use super::results::update;
use super::{kept, view};
use crate::clock::PerformanceClock;

/// Time between two pictures of what was measured so far, in nanoseconds: drawing must not disturb what is measured.
const LIVE_NS: u64 = 500_000_000;

#[derive(Default)]
pub(super) struct PageObserver {
    plan: Option<PlanProgress>,
    /// The newest state of every cell that was measured.
    cells: Vec<Cell>,
    /// When they were drawn last.
    drawn_ns: u64,
}

impl PageObserver {
    fn draw(&mut self, cell: &Cell) {
        let key = |cell: &Cell| (cell.model.name.clone(), cell.engine.name, cell.configuration.threads);
        match self.cells.iter_mut().find(|known| key(known) == key(cell)) {
            Some(known) => known.clone_from(cell),
            None => self.cells.push(cell.clone()),
        }
        self.drawn_ns = PerformanceClock.now_ns();
        view::live(&tare_report::live(&self.cells));
    }
}

impl PlanObserver for PageObserver {
    fn record_updated(&mut self, _: &str, record: &Record) {
        // The complete record is shown at the end of the run.
        if !record.complete {
            kept::keep(record);
            update(record);
        }
    }

    fn round_started(&mut self, progress: PlanProgress) {
        self.plan = Some(progress);
    }

    fn cell_progress(&mut self, _: &str, request: &CellRequest, progress: &Progress, cell: &Cell) {
        let text = tare_report::progress_line(self.plan, request, progress, cell);
        let percent = self.plan.map_or(0, |plan| plan.percent_of_plan(progress.percent));
        view::progress(percent, &text);
        if PerformanceClock.now_ns() > self.drawn_ns + LIVE_NS {
            self.draw(cell);
        }
    }

    fn cell_ended(&mut self, _: &str, cell: &Cell) {
        self.draw(cell);
    }

    fn note(&mut self, _: &str, text: &str) {
        view::progress(100, &format!("All cells are measured. Now {text}."));
    }

    fn tensors(&mut self, _: &str, _: &CellRequest, _: &[NamedTensor], _: &[NamedTensor]) {}
}
