/// Which cell of a plan is being measured. All numbers start at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanProgress {
    /// Number of the current round.
    pub round: usize,
    /// Number of rounds in the plan.
    pub rounds: usize,
    /// Number of the current cell, in the order of this round.
    pub cell: usize,
    /// Number of cells in each round, over all environments.
    pub cells: usize,
    /// How long the rest of the run takes, judging by what was measured so far.
    pub remaining_ns: Option<u64>,
}

impl PlanProgress {
    /// How much of the whole plan is done, in percent, when `percent` of the current cell's round
    /// is.
    pub fn percent_of_plan(&self, percent: u8) -> u8 {
        let before = self.round.saturating_sub(1) * self.cells + self.cell.saturating_sub(1);
        let done = before * 100 + usize::from(percent);
        let percent = done / (self.rounds * self.cells).max(1);
        u8::try_from(percent.min(100)).unwrap_or(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_rounds_are_parts_of_the_whole() {
        for (round, cell, percent, expected) in [
            (1, 1, 0, 0),
            (1, 1, 100, 12),
            (1, 4, 50, 43),
            (2, 1, 0, 50),
            (2, 4, 100, 100),
        ] {
            let progress = PlanProgress {
                round,
                rounds: 2,
                cell,
                cells: 4,
                remaining_ns: None,
            };
            assert_eq!(progress.percent_of_plan(percent), expected, "{progress:?} {percent}");
        }
    }
}
