use std::collections::BTreeMap;

use bytes::Bytes;
use tare_record::{Cell, CellRequest, EnvironmentKind, Event, Failure, ModelSource, Progress, Status, Warning};

use super::executor::unexpected_reply;
use super::lane::Lane;
use super::order::order;
use super::page_watch;
use super::reference::{Reference, References};
use super::rounds::RoundStart;
use super::task::{Task, end_precise, tasks};
use crate::measure::cpu_calibration;
use crate::{Attachments, Clock, PlanObserver, PlanProgress, failed_cell, tensor_codec};

/// Measures all cells of a plan in all environments, and adds them to the records of the lanes, in
/// the plan's order.
///
/// Each round measures all cells of all environments in an order drawn from the plan's seed, in
/// which cells that are compared follow each other. A machine that changes thus affects both sides
/// of a ratio alike. A round of a cell is repeated if the speed of the processor changed during it.
/// Every cell is verified against the reference of its workload, the same one everywhere.
///
/// A lane whose record already holds rounds is continued after them. `clock` times the whole run.
pub async fn run_plan(
    lanes: &mut [Lane<'_>],
    references: &References,
    clock: &dyn Clock,
    observer: &mut dyn PlanObserver,
) {
    let earlier_ns = lanes
        .iter()
        .flat_map(|lane| &lane.record.cells)
        .flat_map(|cell| &cell.rounds);
    let earlier_ns = earlier_ns.filter_map(|round| round.start_ns).max().unwrap_or(0);
    let known: Vec<usize> = lanes.iter().map(|lane| lane.record.warnings.len()).collect();
    let tasks = tasks(lanes);
    for (lane, known) in lanes.iter().zip(known) {
        for warning in &lane.record.warnings[known..] {
            observer.note(&lane.name, &warning.message);
        }
    }
    let mut runner = Runner {
        tasks,
        lanes,
        references,
        clock,
        observer,
        models: BTreeMap::new(),
        // Rounds of a resumed run start after those before.
        start_ns: clock.now_ns().saturating_sub(earlier_ns),
    };
    runner.run().await;
    runner.finish().await;
}

type FoundModel = Result<(ModelSource, Option<Bytes>), Failure>;

struct Runner<'a, 'e> {
    lanes: &'a mut [Lane<'e>],
    tasks: Vec<Task>,
    references: &'a References,
    /// Models by the indices of environment and workload.
    models: BTreeMap<(usize, usize), FoundModel>,
    clock: &'a dyn Clock,
    observer: &'a mut dyn PlanObserver,
    start_ns: u64,
}

impl Runner<'_, '_> {
    async fn run(&mut self) {
        let Some(plan) = self.lanes.first().map(|lane| lane.record.plan.clone()) else {
            return;
        };
        for round in 1..=plan.rules.rounds {
            let cells: Vec<(usize, &CellRequest)> = self.tasks.iter().map(|task| (task.entry, &task.request)).collect();
            let order = order(&cells, plan.seed, round);
            for (before, &place) in order.iter().enumerate() {
                let task = &mut self.tasks[place];
                if task.is_over {
                    continue;
                }
                let lane = &self.lanes[task.lane];
                if let Some(reason) = lane.executor.stopped() {
                    if task.cell.is_some() {
                        task.end(&plan.rules, Some(&reason));
                    } else {
                        task.end_unmeasured(Status::Cancelled);
                    }
                    self.ended(place);
                    continue;
                }
                let is_measured = task.has_round(round);
                if !is_measured {
                    let remaining_ns = remaining_ns(&self.tasks, &order[before..], plan.rules.rounds - round);
                    self.observer.round_started(PlanProgress {
                        round,
                        rounds: plan.rules.rounds,
                        cell: before + 1,
                        cells: order.len(),
                        remaining_ns,
                    });
                    self.measure(place, round).await;
                }
                let task = &mut self.tasks[place];
                let stopped = self.lanes[task.lane].executor.stopped();
                if let (Some(reason), Some(_), false) = (&stopped, &task.cell, task.is_over) {
                    task.end(&plan.rules, Some(reason));
                }
                if self.tasks[place].end_after(round, &plan.rules) {
                    self.ended(place);
                }
                if !is_measured {
                    self.update(self.tasks[place].lane);
                }
            }
            if plan.rules.ratio_precision_percent > 0 {
                for place in end_precise(&mut self.tasks, &plan.rules) {
                    self.ended(place);
                }
            }
        }
    }

    /// Measures one round of a cell.
    async fn measure(&mut self, place: usize, round: usize) {
        let (number, entry) = (self.tasks[place].lane, self.tasks[place].entry);
        let mut start = RoundStart {
            machine: None,
            number: round,
            start_ns: self.clock.now_ns().saturating_sub(self.start_ns),
        };
        let reference = match self.references.of(entry) {
            Ok(reference) => reference,
            Err(status) => return self.tasks[place].end_unmeasured(status.clone()),
        };
        if !self.models.contains_key(&(number, entry)) {
            let name = self.lanes[number].record.plan.cells[entry].model.clone();
            let found = self.lanes[number].executor.model(&name).await;
            self.models.insert((number, entry), found);
        }
        let (source, bytes) = match &self.models[&(number, entry)] {
            Ok(found) => found.clone(),
            Err(failure) => return self.tasks[place].end_unmeasured(Status::Failed(failure.clone())),
        };
        let task = &self.tasks[place];
        let request = CellRequest {
            model: source,
            reference: reference.engine,
            reference_environment: reference.environment,
            round,
            runs_per_sample: task.cell.as_ref().map(|cell| cell.runs_per_sample),
            ..task.request.clone()
        };
        let attachments = Attachments {
            model: bytes,
            ..reference.attachments()
        };
        let lane = &mut self.lanes[number];
        let before = lane.executor.machine_reading();
        let mut measured = measure_at_steady_speed(&request, &attachments, reference, lane, self.observer).await;
        if reference.accuracy.is_some() {
            measured.accuracy.clone_from(&reference.accuracy);
        }
        let after = lane.executor.machine_reading();
        start.machine = before.zip(after).map(|(before, after)| before.until(&after));
        let task = &mut self.tasks[place];
        let took_ns = self.clock.now_ns().saturating_sub(self.start_ns + start.start_ns);
        task.took = (task.took.0 + took_ns, task.took.1 + 1);
        let warnings: Vec<Warning> = task.fallback.iter().chain(&reference.warning).cloned().collect();
        task.add(measured, start, &warnings);
    }

    fn ended(&mut self, place: usize) {
        let task = &self.tasks[place];
        if let Some(cell) = &task.cell {
            self.observer.cell_ended(&self.lanes[task.lane].name, cell);
        }
    }

    /// Brings the record of a lane up to date.
    fn update(&mut self, number: usize) {
        let of_lane = self.tasks.iter().filter(|task| task.lane == number);
        let lane = &mut self.lanes[number];
        lane.record.cells = of_lane.filter_map(Task::recorded).cloned().collect();
        self.observer.record_updated(&lane.name, &lane.record);
    }

    async fn finish(&mut self) {
        for number in 0..self.lanes.len() {
            self.update(number);
            let lane = &mut self.lanes[number];
            let wants_page = lane.record.plan.interop && lane.executor.environment() == EnvironmentKind::Browser;
            if wants_page && lane.executor.stopped().is_none() {
                page_watch::measure(lane, self.observer).await;
            }
            lane.record.complete = lane.executor.stopped().is_none();
            lane.executor.finish(&mut lane.record).await;
            self.observer.record_updated(&lane.name, &lane.record);
        }
    }
}

/// How long the rest of a run takes, if each round of a cell takes as long as those before. Cells
/// that were not measured yet count as the mean of the others.
fn remaining_ns(tasks: &[Task], left_in_round: &[usize], rounds_after: usize) -> Option<u64> {
    let (total_ns, count) = tasks
        .iter()
        .fold((0, 0), |sum, task| (sum.0 + task.took.0, sum.1 + task.took.1));
    let mean_ns = total_ns.checked_div(count)?;
    let of = |task: &Task| task.took.0.checked_div(task.took.1).unwrap_or(mean_ns);
    let is_open = |task: &&Task| !task.is_over;
    let this_round: u64 = left_in_round
        .iter()
        .map(|&place| &tasks[place])
        .filter(is_open)
        .map(of)
        .sum();
    let each_round: u64 = tasks.iter().filter(is_open).map(of).sum();
    Some(this_round + each_round * rounds_after as u64)
}

/// Measures one round of a cell, and once more if the speed of the processor changed during it.
async fn measure_at_steady_speed(
    request: &CellRequest,
    attachments: &Attachments,
    reference: &Reference,
    lane: &mut Lane<'_>,
    observer: &mut dyn PlanObserver,
) -> Cell {
    let first = execute(request, attachments, reference, lane, observer).await;
    let is_settled = first.status != Status::Measured || cpu_calibration::change(&first).is_none();
    if is_settled || lane.executor.stopped().is_some() {
        return first;
    }
    let second = execute(request, attachments, reference, lane, observer).await;
    if second.status == Status::Measured {
        cpu_calibration::steadier(first, second)
    } else {
        first
    }
}

async fn execute(
    request: &CellRequest,
    attachments: &Attachments,
    reference: &Reference,
    lane: &mut Lane<'_>,
    observer: &mut dyn PlanObserver,
) -> Cell {
    let name = &lane.name;
    let mut on_progress = |progress: &Progress, cell: &Cell| observer.cell_progress(name, request, progress, cell);
    let reply = lane.executor.execute(request, attachments, &mut on_progress).await;
    if let Ok(outputs) = tensor_codec::decode(&reply.tensors) {
        observer.tensors(name, request, &reference.inputs, &outputs);
    }
    match reply.event {
        Event::Done { cell } => *cell,
        Event::NoReference { failure } => failed_cell(request, failure),
        other => failed_cell(request, unexpected_reply(&other)),
    }
}

#[cfg(test)]
mod tests;
