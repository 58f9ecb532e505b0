use tare_record::{Cell, ClockInfo, EnvironmentKind, RELAXED_SIMD};

/// A measured cell as a step of a ladder.
#[derive(Clone, Copy)]
pub(super) struct Rung<'a> {
    pub(super) cell: &'a Cell,
    /// The clock that timed it.
    pub(super) clock: &'a ClockInfo,
    /// The run that it belongs to.
    pub(super) run: Option<&'a str>,
    /// Version of Node's V8, of rungs in Node.
    pub(super) v8: Option<&'a str>,
}

impl Rung<'_> {
    pub(super) fn is_in_browser(&self) -> bool {
        self.cell.configuration.environment == EnvironmentKind::Browser
    }

    pub(super) fn is_relaxed(&self) -> bool {
        self.cell.configuration.vector_level == RELAXED_SIMD
    }
}
