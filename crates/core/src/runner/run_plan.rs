use std::collections::BTreeMap;
use std::rc::Rc;

use tare_record::{Cell, CellRequest, Event, Failure, FailureKind, Progress, Record, Status, Warning};

use super::executor::unexpected_reply;
use super::reference::{Reference, reference};
use super::requests::requests;
use super::rounds;
use crate::measure::cpu_calibration;
use crate::{Executor, PlanObserver, PlanProgress, Random, failed_cell, tensor_codec};

/// A cell to measure.
struct Task {
    /// Index of its `[[cell]]` in the plan. All tasks of this entry share a reference.
    entry: usize,
    request: CellRequest,
    fallback: Option<Warning>,
}

/// Measures all cells of the record's plan and adds them to the record, in the plan's order.
///
/// The reference of a workload is computed first, in its own process or worker. Then every engine
/// is measured and verified against it. Each round measures all cells in an order drawn from the
/// plan's seed, so that a machine that slows down gradually does not favor the first cells. A round
/// of a cell is repeated if the speed of the processor changed during it. `inputs` holds encoded
/// tensors given by the user.
pub async fn run_plan(
    record: &mut Record,
    inputs: Option<Rc<Vec<u8>>>,
    executor: &mut dyn Executor,
    observer: &mut dyn PlanObserver,
) {
    let plan = record.plan.clone();
    let tasks = tasks(record, executor);
    let mut references: BTreeMap<usize, Result<Reference, Status>> = BTreeMap::new();
    let mut cells: Vec<Option<Cell>> = vec![None; tasks.len()];
    for round in 1..=plan.rules.rounds {
        for (before, place) in shuffled(tasks.len(), plan.seed, round).into_iter().enumerate() {
            let Task {
                entry,
                request,
                fallback,
            } = &tasks[place];
            if let Some(cell) = &mut cells[place] {
                if !rounds::has_time_for_another(cell, &plan.rules) {
                    continue;
                }
                if executor.cancelled() {
                    if cell.rounds.len() + 1 == round {
                        rounds::note_missing(cell, &plan.rules, true);
                        observer.cell_ended(cell);
                    }
                    continue;
                }
            }
            observer.round_started(PlanProgress {
                round,
                rounds: plan.rules.rounds,
                cell: before + 1,
                cells: tasks.len(),
            });
            if !executor.cancelled() && !references.contains_key(entry) {
                let reference = reference(request, &plan.cells[*entry], inputs.clone(), executor, observer).await;
                references.insert(*entry, reference);
            }
            let measured = match references.get(entry) {
                Some(Err(status)) if !executor.cancelled() => not_measured(request, status.clone()),
                Some(Ok(ready)) if !executor.cancelled() => {
                    let request = CellRequest {
                        reference: ready.engine,
                        round,
                        runs_per_sample: cells[place].as_ref().map(|cell| cell.runs_per_sample),
                        ..request.clone()
                    };
                    measure_at_steady_speed(&request, ready, executor, observer).await
                }
                _ => not_measured(request, Status::Cancelled),
            };
            let cell = match &mut cells[place] {
                Some(cell) => {
                    rounds::join(cell, measured);
                    cell
                }
                absent => {
                    let cell = absent.insert(rounds::first(measured));
                    cell.warnings.extend(fallback.clone());
                    if let Some(Ok(ready)) = references.get(entry) {
                        cell.warnings.extend(ready.warning.clone());
                    }
                    cell
                }
            };
            if round == plan.rules.rounds || !rounds::has_time_for_another(cell, &plan.rules) {
                rounds::note_missing(cell, &plan.rules, false);
                observer.cell_ended(cell);
            }
            record.cells = cells.iter().flatten().cloned().collect();
            observer.record_updated(record);
        }
    }
    record.cells = cells.into_iter().flatten().collect();
    record.complete = !executor.cancelled();
    observer.record_updated(record);
}

/// All cells of a plan, in the plan's order.
fn tasks(record: &Record, executor: &mut dyn Executor) -> Vec<Task> {
    let mut tasks = Vec::new();
    for (entry, cell_plan) in record.plan.cells.iter().enumerate() {
        let (engines, fallback) = if cell_plan.engines.is_empty() {
            executor.default_engines()
        } else {
            (cell_plan.engines.clone(), None)
        };
        for request in requests(record, cell_plan, &engines, executor.environment()) {
            tasks.push(Task {
                entry,
                request,
                fallback: fallback.clone(),
            });
        }
    }
    tasks
}

/// The indices below `count` in an order drawn from `seed`, different in each round (Fisher-Yates
/// shuffle, Durstenfeld 1964).
fn shuffled(count: usize, seed: u64, round: usize) -> Vec<usize> {
    let mut random = Random::new(seed, &format!("order {round}"));
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        // Cannot fail: the number is at most `last`.
        let other = usize::try_from(random.below(last as u64 + 1)).unwrap_or(last);
        order.swap(last, other);
    }
    order
}

/// Measures one round of a cell, and once more if the speed of the processor changed during it.
async fn measure_at_steady_speed(
    request: &CellRequest,
    ready: &Reference,
    executor: &mut dyn Executor,
    observer: &mut dyn PlanObserver,
) -> Cell {
    let first = execute(request, ready, executor, observer).await;
    if first.status != Status::Measured || cpu_calibration::change(&first).is_none() || executor.cancelled() {
        return first;
    }
    let second = execute(request, ready, executor, observer).await;
    if second.status == Status::Measured {
        cpu_calibration::steadier(first, second)
    } else {
        first
    }
}

/// Measures one round of a cell.
async fn execute(
    request: &CellRequest,
    ready: &Reference,
    executor: &mut dyn Executor,
    observer: &mut dyn PlanObserver,
) -> Cell {
    let request = CellRequest {
        model: ready.model.clone(),
        ..request.clone()
    };
    let mut on_progress = |progress: &Progress, cell: &Cell| observer.cell_progress(&request, progress, cell);
    let reply = executor.execute(&request, &ready.attachments, &mut on_progress).await;
    if let Ok(outputs) = tensor_codec::decode(&reply.tensors) {
        observer.tensors(&request, &ready.inputs, &outputs);
    }
    match reply.event {
        Event::Done { cell } => *cell,
        Event::NoReference { failure } => failed_cell(&request, failure),
        other => failed_cell(&request, unexpected_reply(&other)),
    }
}

fn not_measured(request: &CellRequest, status: Status) -> Cell {
    Cell {
        status,
        ..failed_cell(request, Failure::new(FailureKind::Died, ""))
    }
}

#[cfg(test)]
mod tests;
