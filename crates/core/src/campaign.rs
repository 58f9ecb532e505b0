use std::collections::BTreeMap;
use std::rc::Rc;

use async_trait::async_trait;
use tare_record::{
    Cell, CellPlan, CellRequest, EngineName, EnvironmentKind, Event, Failure, FailureKind, ModelSource, Progress,
    Record, Stage, Status, Warning,
};

use crate::reference::{Reference, reference};
use crate::tolerance::tolerance_of;
use crate::{NamedTensor, Random, Turn, bundle, failed_cell, rounds, speed};

/// Bytes that travel beside a [`CellRequest`].
#[derive(Debug, Clone, Default)]
pub struct Attachments {
    /// The ONNX file, for [`ModelSource::Attached`].
    pub model: Option<Rc<Vec<u8>>>,
    /// Bundle of inputs given by the user; with [`Stage::Measure`] the inputs that the reference was fed.
    pub inputs: Option<Rc<Vec<u8>>>,
    /// Bundle of the reference's outputs.
    pub reference: Option<Rc<Vec<u8>>>,
}

/// What a worker or child process answered at the end.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Never [`Event::Ready`] or [`Event::Progress`].
    pub event: Event,
    /// Bundle: inputs then outputs for [`Event::Reference`], outputs for [`Event::Done`].
    pub tensors: Vec<u8>,
}

impl Reply {
    /// The reply of a request that a worker did not carry out to its end. Keeps what `partial`, the last that the worker
    /// said, holds.
    pub fn unfinished(request: &CellRequest, failure: Failure, cancelled: bool, partial: Option<Box<Cell>>) -> Self {
        let event = match request.stage {
            Stage::Reference if !cancelled => Event::NoReference { failure },
            _ => {
                let mut cell = partial.unwrap_or_else(|| Box::new(failed_cell(request, failure.clone())));
                cell.status = match failure.kind {
                    _ if cancelled => Status::Cancelled,
                    FailureKind::TimeLimit => Status::TimedOut(failure),
                    _ => Status::Failed(failure),
                };
                Event::Done { cell }
            }
        };
        Reply { event, tensors: vec![] }
    }
}

/// Told how far a cell is, and what was measured until now.
pub type Watch<'a> = dyn FnMut(&Progress, &Cell) + 'a;

/// Carries out requests, each in a process or worker of its own.
#[async_trait(?Send)]
pub trait Host {
    /// Carries out one request. A worker that dies or hangs is a reply with a failed cell, which keeps what the last
    /// progress said; so this never fails.
    async fn execute(&mut self, request: &CellRequest, attachments: &Attachments, watch: &mut Watch<'_>) -> Reply;

    /// Finds a model by the name that the plan gives it.
    ///
    /// # Errors
    ///
    /// If there is no such model or file.
    async fn model(&mut self, name: &str) -> Result<(ModelSource, Option<Rc<Vec<u8>>>), Failure>;

    /// Whether the user asked to stop.
    fn cancelled(&self) -> bool;

    /// Native process or browser.
    fn environment(&self) -> EnvironmentKind;

    /// The engines that suit this environment, and why if one that users would expect is not among them.
    fn default_engines(&mut self) -> (Vec<EngineName>, Option<Warning>);
}

/// Told about everything that is worth keeping or showing.
pub trait Sink {
    /// The record has one more round of a cell, or is complete.
    fn save(&mut self, record: &Record);

    /// A cell has no further round.
    fn ended(&mut self, cell: &Cell);

    /// The turn of a cell has come.
    fn turn(&mut self, turn: Turn);

    /// A cell goes on.
    fn progress(&mut self, request: &CellRequest, progress: &Progress, cell: &Cell);

    /// Inputs and outputs of a cell; the reference's have no request of stage [`Stage::Measure`].
    fn tensors(&mut self, request: &CellRequest, inputs: &[NamedTensor], outputs: &[NamedTensor]);
}

/// A cell to measure.
struct Task {
    /// Position of its entry in the plan; all tasks of an entry share a reference.
    entry: usize,
    request: CellRequest,
    fallback: Option<Warning>,
}

/// Measures all cells of the record's plan and adds them to the record, in the plan's order.
///
/// For each workload tract computes the reference first, or burn-flex if tract cannot, in a process or worker of its own; then every
/// engine is measured and verified against it. All cells are measured in a first round, then all in a second one, and so on, each
/// round in an order drawn from the plan's seed: a machine that changes speed little by little does not favour those that
/// come first. A round during which it changed is measured once more. `inputs` is a bundle of inputs given by the user.
pub async fn run_plan(record: &mut Record, inputs: Option<Rc<Vec<u8>>>, host: &mut dyn Host, sink: &mut dyn Sink) {
    let plan = record.plan.clone();
    let tasks = tasks(record, host);
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
                if host.cancelled() {
                    if cell.rounds.len() + 1 == round {
                        rounds::note_missing(cell, &plan.rules, true);
                        sink.ended(cell);
                    }
                    continue;
                }
            }
            sink.turn(Turn {
                round,
                rounds: plan.rules.rounds,
                cell: before + 1,
                cells: tasks.len(),
            });
            if !host.cancelled() && !references.contains_key(entry) {
                let reference = reference(request, &plan.cells[*entry], inputs.clone(), host, sink).await;
                references.insert(*entry, reference);
            }
            let measured = match references.get(entry) {
                Some(Err(status)) if !host.cancelled() => not_measured(request, status.clone()),
                Some(Ok(ready)) if !host.cancelled() => {
                    let request = CellRequest {
                        reference: ready.engine,
                        round,
                        runs_per_sample: cells[place].as_ref().map(|cell| cell.runs_per_sample),
                        ..request.clone()
                    };
                    steady(&request, ready, host, sink).await
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
                sink.ended(cell);
            }
            record.cells = cells.iter().flatten().cloned().collect();
            sink.save(record);
        }
    }
    record.cells = cells.into_iter().flatten().collect();
    record.complete = !host.cancelled();
    sink.save(record);
}

/// All cells of a plan, in its order.
fn tasks(record: &Record, host: &mut dyn Host) -> Vec<Task> {
    let mut tasks = Vec::new();
    for (entry, cell_plan) in record.plan.cells.iter().enumerate() {
        let (engines, fallback) = if cell_plan.engines.is_empty() {
            host.default_engines()
        } else {
            (cell_plan.engines.clone(), None)
        };
        for request in requests(record, cell_plan, &engines, host.environment()) {
            tasks.push(Task {
                entry,
                request,
                fallback: fallback.clone(),
            });
        }
    }
    tasks
}

/// Positions below `count` in an order drawn from `seed`, another one in each round (Fisher and Yates, as Durstenfeld gave
/// it in 1964).
fn shuffled(count: usize, seed: u64, round: usize) -> Vec<usize> {
    let mut random = Random::new(seed, &format!("order {round}"));
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        // Below `last + 1`, which is a usize.
        let other = usize::try_from(random.below(last as u64 + 1)).unwrap_or(last);
        order.swap(last, other);
    }
    order
}

/// Measures one round of a cell, and once more if the machine changed its speed meanwhile.
async fn steady(request: &CellRequest, ready: &Reference, host: &mut dyn Host, sink: &mut dyn Sink) -> Cell {
    let first = execute(request, ready, host, sink).await;
    if first.status != Status::Measured || speed::change(&first).is_none() || host.cancelled() {
        return first;
    }
    let second = execute(request, ready, host, sink).await;
    if second.status == Status::Measured {
        speed::steadier(first, second)
    } else {
        first
    }
}

/// Measures one round of a cell.
async fn execute(request: &CellRequest, ready: &Reference, host: &mut dyn Host, sink: &mut dyn Sink) -> Cell {
    let request = CellRequest {
        model: ready.model.clone(),
        ..request.clone()
    };
    let mut watch = |progress: &Progress, cell: &Cell| sink.progress(&request, progress, cell);
    let reply = host.execute(&request, &ready.attachments, &mut watch).await;
    if let Ok(outputs) = bundle::decode(&reply.tensors) {
        sink.tensors(&request, &ready.inputs, &outputs);
    }
    match reply.event {
        Event::Done { cell } => *cell,
        Event::NoReference { failure } => failed_cell(&request, failure),
        other => failed_cell(&request, unexpected(&other)),
    }
}

/// The request of a cell on one thread, with all that the plan says and nothing added.
pub fn cell_request(
    record: &Record,
    cell_plan: &CellPlan,
    engine: EngineName,
    environment: EnvironmentKind,
) -> CellRequest {
    let plan = &record.plan;
    CellRequest {
        engine,
        environment,
        model: ModelSource::BuiltIn {
            name: cell_plan.model.clone(),
        },
        shapes: cell_plan.shapes.clone(),
        seed: plan.seed,
        threads: 1,
        vector_limit: None,
        relaxed_simd: false,
        wgsl: false,
        round: 1,
        runs_per_sample: None,
        rules: rounds::rules_of_one(&plan.rules),
        tolerance: tolerance_of(&cell_plan.model, &cell_plan.tolerance),
        stage: Stage::Measure,
        reference: EngineName::Tract,
        clock: record.clock.clone(),
    }
}

/// All requests of one entry of a plan.
fn requests(
    record: &Record,
    cell_plan: &CellPlan,
    engines: &[EngineName],
    environment: EnvironmentKind,
) -> Vec<CellRequest> {
    let mut requests = Vec::new();
    for &engine in engines {
        let plain = cell_request(record, cell_plan, engine, environment);
        // A GPU engine does not compute on CPU threads, and modules in Node have one: measured once.
        let counts = match (engine, environment) {
            (EngineName::BurnWgpu, _) | (_, EnvironmentKind::Node) => &[1],
            _ => cell_plan.threads.as_slice(),
        };
        requests.extend(counts.iter().map(|&threads| CellRequest {
            threads,
            ..plain.clone()
        }));
        match (engine, environment) {
            (EngineName::BurnWgpu, EnvironmentKind::Native) if cell_plan.wgsl => {
                requests.push(CellRequest { wgsl: true, ..plain })
            }
            (EngineName::Tract, EnvironmentKind::Native) => {
                let fewest = cell_plan.threads.iter().copied().min().unwrap_or(1);
                requests.extend(cell_plan.vector_limits.iter().map(|limit| CellRequest {
                    threads: fewest,
                    vector_limit: Some(limit.clone()),
                    ..plain.clone()
                }));
            }
            (EngineName::Tract, EnvironmentKind::Browser) if cell_plan.relaxed_simd => requests.push(CellRequest {
                relaxed_simd: true,
                ..plain
            }),
            _ => {}
        }
    }
    requests
}

fn not_measured(request: &CellRequest, status: Status) -> Cell {
    let nothing = Failure {
        kind: FailureKind::Died,
        message: String::new(),
        hint: None,
    };
    Cell {
        status,
        ..failed_cell(request, nothing)
    }
}

/// What to say of an answer that was not asked for.
pub(crate) fn unexpected(event: &Event) -> Failure {
    let name = match event {
        Event::Ready { .. } => "ready",
        Event::Progress { .. } => "progress",
        Event::Reference { .. } => "reference",
        Event::NoReference { .. } => "no-reference",
        Event::Died { .. } => "died",
        Event::SelfTested { .. } => "self-tested",
        Event::Done { .. } => "done",
    };
    Failure {
        kind: FailureKind::Died,
        message: format!("the worker answered with {name:?}, which was not asked for"),
        hint: None,
    }
}

#[cfg(test)]
#[path = "campaign_tests.rs"]
mod tests;
