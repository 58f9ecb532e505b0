//! A cell to measure, and what became of it so far.

use tare_record::{
    Cell, CellPlan, CellRequest, EngineName, EnvironmentKind, Failure, FailureKind, RELAXED_SIMD, Rules, Status,
    Variant, Warning, WarningKind,
};

use super::executor::Executor;
use super::lane::Lane;
use super::requests::requests;
use super::rounds::{self, RoundStart};
use crate::stats::paired_ratio;
use crate::{failed_cell, numbered_run_durations_ns};

/// A cell that lost this many rounds gets no more.
const MAX_LOST: usize = 2;

/// Rounds before the interval of a ratio can end a cell. After three, too many intervals that are
/// narrow by chance would miss the true ratio.
const MIN_ROUNDS: usize = 4;

pub(super) struct Task {
    /// Index of the environment.
    pub(super) lane: usize,
    /// Index of its `[[cell]]` in the plan. All tasks of this entry share a reference.
    pub(super) entry: usize,
    pub(super) request: CellRequest,
    pub(super) fallback: Option<Warning>,
    /// Name of the browser that it is measured in.
    browser: Option<String>,
    /// What was measured so far.
    pub(super) cell: Option<Cell>,
    /// The last round that was lost with its browser, while no other was measured.
    lost_cell: Option<Cell>,
    lost: usize,
    /// Total duration and number of the rounds of this run.
    pub(super) took: (u64, u64),
    /// Whether the last round has ended.
    pub(super) is_over: bool,
}

/// All cells of all lanes, in the plan's order. Engines that are not installed are left out, with a warning in the record.
pub(super) fn tasks(lanes: &mut [Lane<'_>]) -> Vec<Task> {
    let mut tasks = Vec::new();
    let has_others = lanes.len() > 1;
    for (number, lane) in lanes.iter_mut().enumerate() {
        let environment = lane.executor.environment();
        let mut known = lane.record.cells.clone();
        for cell in &mut known {
            // The rounds that an interrupted run missed are measured now.
            cell.warnings.retain(|warning| warning.kind != WarningKind::FewRounds);
        }
        for (entry, cell_plan) in lane.record.plan.cells.iter().enumerate() {
            let (mut engines, fallback) = if cell_plan.engines.is_empty() {
                lane.executor.default_engines()
            } else {
                (cell_plan.engines.clone(), None)
            };
            // Another environment may run them.
            engines.retain(|engine| !has_others || engine.spec().runs_in(environment));
            while let Some((absent, warning)) = absent(lane.executor.as_mut(), &engines) {
                engines.retain(|engine| *engine != absent);
                if !lane.record.warnings.contains(&warning) {
                    lane.record.warnings.push(warning);
                }
            }
            if has_others && !is_possible(cell_plan, environment) {
                continue;
            }
            let plan = &lane.record.plan;
            for request in requests(plan, &lane.record.clock, cell_plan, &engines, environment) {
                let file_name = cell_plan.model.rsplit(['/', '\\']).next().unwrap_or_default();
                let place = known.iter().position(|cell| is_same(cell, file_name, &request));
                tasks.push(Task {
                    lane: number,
                    entry,
                    fallback: fallback.clone(),
                    browser: lane
                        .record
                        .machine
                        .browser
                        .as_ref()
                        .and_then(|browser| browser.name.clone()),
                    cell: place.map(|place| known.remove(place)),
                    request,
                    lost_cell: None,
                    lost: 0,
                    took: (0, 0),
                    is_over: false,
                });
            }
        }
    }
    tasks
}

/// An engine that is not installed, and a warning that says so. `None` if it is the only one: then its cells fail.
fn absent(executor: &mut (dyn Executor + '_), engines: &[EngineName]) -> Option<(EngineName, Warning)> {
    let [_, _, ..] = engines else { return None };
    let absences = engines
        .iter()
        .map(|&engine| Some((engine, executor.absence_of(engine)?)));
    let (engine, failure) = absences.flatten().next()?;
    let hint = failure.hint.map_or_else(String::new, |hint| format!(": {hint}"));
    let warning = Warning {
        kind: WarningKind::Fallback,
        message: format!("{engine} was left out, because {}{hint}", failure.message),
    };
    Some((engine, warning))
}

/// Whether the requests of a cell can be sent from an environment.
fn is_possible(cell_plan: &CellPlan, environment: EnvironmentKind) -> bool {
    cell_plan
        .transport
        .is_none_or(|transport| transport.is_possible_in(environment))
}

/// Whether a cell that an interrupted run measured is that of a request.
fn is_same(cell: &Cell, model: &str, request: &CellRequest) -> bool {
    let configuration = &cell.configuration;
    let is_relaxed = request.variant == Variant::RelaxedSimd;
    cell.status == Status::Measured
        && cell.model.name == model
        && cell.engine.name == request.engine
        && cell.options == request.options
        && cell.load.requests == request.load
        && cell.load.transport == request.transport
        && configuration.environment == request.environment
        && configuration.threads == request.threads
        && configuration.vector_limit.as_deref() == request.vector_limit()
        && configuration.wgsl_asked == (request.variant == Variant::Wgsl)
        && (request.threads > 1
            || request.environment != EnvironmentKind::Browser
            || is_relaxed == (configuration.vector_level == RELAXED_SIMD))
}

impl Task {
    /// Whether this round was measured before the run was resumed.
    pub(super) fn has_round(&self, number: usize) -> bool {
        let cell = self.cell.as_ref();
        cell.is_some_and(|cell| cell.rounds.iter().any(|round| round.number == number))
    }

    /// The cell for the record.
    pub(super) fn recorded(&self) -> Option<&Cell> {
        self.cell.as_ref().or(self.lost_cell.as_ref())
    }

    /// Adds a round. `first_warnings` are added to a cell with its first round.
    pub(super) fn add(&mut self, mut measured: Cell, start: RoundStart, first_warnings: &[Warning]) {
        measured.configuration.browser.clone_from(&self.browser);
        if let Status::Failed(failure) = &measured.status
            && failure.kind == FailureKind::Lost
        {
            let failure = failure.clone();
            return self.lose(measured, start.number, &failure);
        }
        match &mut self.cell {
            // A round that was interrupted has too few samples to count as much as the others.
            Some(_) if measured.status == Status::Cancelled => {}
            Some(cell) => rounds::join(cell, measured, start),
            absent => {
                let cell = absent.insert(rounds::first(measured, start));
                cell.warnings.extend(first_warnings.iter().cloned());
                if let Some(lost) = self.lost_cell.take() {
                    let lost = lost.warnings.into_iter();
                    cell.warnings
                        .extend(lost.filter(|warning| warning.kind == WarningKind::LostRound));
                }
            }
        }
    }

    fn lose(&mut self, measured: Cell, number: usize, failure: &Failure) {
        self.lost += 1;
        let kept = match (&mut self.cell, self.lost_cell.take()) {
            (Some(cell), _) => cell,
            (None, earlier) => {
                let mut lost = measured;
                lost.warnings.extend(earlier.into_iter().flat_map(|cell| cell.warnings));
                self.lost_cell.insert(lost)
            }
        };
        rounds::note_lost(kept, number, failure);
    }

    /// Ends the cell if no other round can follow round `number`. Returns whether it ended.
    pub(super) fn end_after(&mut self, number: usize, rules: &Rules) -> bool {
        let has_time = self
            .cell
            .as_ref()
            .is_none_or(|cell| rounds::has_time_for_another(cell, rules));
        if !self.is_over && (number >= rules.rounds || !has_time || self.lost >= MAX_LOST) {
            self.end(rules, None);
        }
        self.is_over
    }

    /// Ends the cell, with a warning if rounds are missing. `stopped` is why the run ended early, if
    /// it did.
    pub(super) fn end(&mut self, rules: &Rules, stopped: Option<&str>) {
        self.is_over = true;
        if self.cell.is_none() {
            self.cell = self.lost_cell.take();
        }
        if let Some(cell) = &mut self.cell {
            rounds::note_missing(cell, rules, stopped);
        }
    }

    /// Ends a cell that will not be measured.
    pub(super) fn end_unmeasured(&mut self, status: Status) {
        self.is_over = true;
        let mut cell = not_measured(&self.request, status);
        cell.configuration.browser.clone_from(&self.browser);
        self.cell = self.lost_cell.take().or(Some(cell));
    }
}

/// The cell of a request that is not carried out.
pub(super) fn not_measured(request: &CellRequest, status: Status) -> Cell {
    Cell {
        status,
        ..failed_cell(request, Failure::new(FailureKind::Died, ""))
    }
}

/// Ends all cells whose ratios to each other are known precisely enough. Returns their indices.
///
/// Cells of one workload on one engine are compared with each other if they ran in more than one
/// environment.
pub(super) fn end_precise(tasks: &mut [Task], rules: &Rules) -> Vec<usize> {
    let mut ended = Vec::new();
    let mut groups: Vec<_> = tasks.iter().map(|task| (task.entry, task.request.engine)).collect();
    groups.sort_unstable();
    groups.dedup();
    for group in groups {
        let of_group = |task: &Task| (task.entry, task.request.engine) == group;
        let members: Vec<usize> = (0..tasks.len()).filter(|&index| of_group(&tasks[index])).collect();
        let measured: Vec<&Task> = members
            .iter()
            .map(|&index| &tasks[index])
            .filter(|task| !task.is_over)
            .collect();
        let lanes = |tasks: &[&Task]| tasks.iter().any(|task| task.lane != tasks[0].lane);
        if measured.len() < 2 || !lanes(&measured) || !are_precise(&measured, rules.ratio_precision_percent) {
            continue;
        }
        for index in members {
            if !tasks[index].is_over {
                tasks[index].is_over = true;
                ended.push(index);
            }
        }
    }
    ended
}

fn are_precise(tasks: &[&Task], percent: u32) -> bool {
    let rounds: Option<Vec<_>> = tasks
        .iter()
        .map(|task| task.cell.as_ref().map(numbered_run_durations_ns))
        .collect();
    let Some(rounds) = rounds else { return false };
    let mut pairs = rounds
        .iter()
        .enumerate()
        .flat_map(|(index, a)| rounds[index + 1..].iter().map(move |b| (a, b)));
    pairs.all(|(above, below)| {
        above.len().min(below.len()) >= MIN_ROUNDS
            && paired_ratio(above, below).is_some_and(|ratio| ratio.relative_half_width() * 100.0 <= f64::from(percent))
    })
}
