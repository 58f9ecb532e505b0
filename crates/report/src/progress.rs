//! How far a run is, for people who wait for it.

use tare_core::Turn;
use tare_record::{Cell, CellRequest, Progress};

use crate::text::rung;

/// What is being measured, in one line.
pub fn progress(turn: Option<Turn>, request: &CellRequest, progress: &Progress, cell: &Cell) -> String {
    let turn = turn.map_or_else(String::new, |turn| {
        format!(
            "Round {} of {}, cell {} of {}: ",
            turn.round, turn.rounds, turn.cell, turn.cells
        )
    });
    format!(
        "{turn}{} on {} ({}), {}, {} samples",
        request.model.display_name(),
        request.engine,
        rung(cell),
        progress.phase,
        progress.samples
    )
}
