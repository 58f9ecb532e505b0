//! Computes the outputs that all engines are compared with.

use bytes::Bytes;
use tare_record::{
    Accuracy, Cell, CellPlan, CellRequest, ClockInfo, EngineName, EnvironmentKind, Event, Failure, FailureKind,
    ModelSource, Plan, Progress, RequestKind, Status, Variant, Warning, WarningKind,
};

use super::executor::unexpected_reply;
use super::requests::cell_request;
use crate::{Attachments, Executor, NamedTensor, PlanObserver, tensor_codec};

/// The references of all workloads of a plan.
#[derive(Debug)]
pub struct References {
    computed: Vec<Result<Reference, Status>>,
    /// For each entry of the plan, the index of its reference.
    of_entries: Vec<usize>,
}

impl References {
    /// Computes the reference of every workload on `executor`, whose clock is `clock`. `inputs` holds
    /// encoded tensors given by the user. A failure becomes the status of the workload's cells.
    pub async fn compute(
        plan: &Plan,
        clock: &ClockInfo,
        inputs: Option<Bytes>,
        executor: &mut dyn Executor,
        observer: &mut dyn PlanObserver,
    ) -> Self {
        let mut references = Self {
            computed: Vec::new(),
            of_entries: Vec::new(),
        };
        for (entry, cell_plan) in plan.cells.iter().enumerate() {
            // Loads and rungs of a workload share its reference.
            let is_same = |cell: &CellPlan| {
                (&cell.model, &cell.shapes, &cell.options) == (&cell_plan.model, &cell_plan.shapes, &cell_plan.options)
            };
            let earlier = plan.cells[..entry].iter().position(is_same);
            if let Some(earlier) = earlier {
                references.of_entries.push(references.of_entries[earlier]);
                continue;
            }
            let computed = if executor.stopped().is_some() {
                Err(Status::Cancelled)
            } else {
                let engine = EngineName::references()[0];
                let request = cell_request(plan, clock, cell_plan, engine, executor.environment());
                reference(&request, &cell_plan.model, inputs.clone(), executor, observer).await
            };
            references.of_entries.push(references.computed.len());
            references.computed.push(computed);
        }
        references
    }

    /// The reference of the workload with this index in the plan.
    pub(super) fn of(&self, entry: usize) -> Result<&Reference, &Status> {
        self.computed[self.of_entries[entry]].as_ref()
    }
}

/// Inputs and the outputs to compare with.
#[derive(Debug)]
pub(super) struct Reference {
    encoded_inputs: Bytes,
    encoded_outputs: Bytes,
    pub(super) inputs: Vec<NamedTensor>,
    /// The engine that computed it.
    pub(super) engine: EngineName,
    /// Where it was computed.
    pub(super) environment: EnvironmentKind,
    /// What converted weights change.
    pub(super) accuracy: Option<Accuracy>,
    /// A warning for every cell if this is not the preferred engine.
    pub(super) warning: Option<Warning>,
}

impl Reference {
    /// Inputs and outputs, to be sent with a request.
    pub(super) fn attachments(&self) -> Attachments {
        Attachments {
            model: None,
            inputs: Some(self.encoded_inputs.clone()),
            reference: Some(self.encoded_outputs.clone()),
        }
    }
}

/// Computes the reference on the first engine, by rank, that can run the model.
async fn reference(
    request: &CellRequest,
    model: &str,
    inputs: Option<Bytes>,
    executor: &mut dyn Executor,
    observer: &mut dyn PlanObserver,
) -> Result<Reference, Status> {
    let (model, bytes) = executor.model(model).await.map_err(Status::Failed)?;
    let attachments = Attachments {
        model: bytes,
        inputs,
        reference: None,
    };
    let mut failures: Vec<(EngineName, Failure)> = Vec::new();
    for engine in EngineName::references() {
        let failure = match compute(request, &model, &attachments, engine, executor, observer).await {
            Err(_) if executor.stopped().is_some() => return Err(Status::Cancelled),
            Err(Status::Failed(failure) | Status::TimedOut(failure)) => failure,
            Err(other) => return Err(other),
            Ok(reference) => {
                return Ok(Reference {
                    warning: warning(&failures, engine),
                    ..reference
                });
            }
        };
        // A wrong model or input is wrong for every engine.
        if failures.is_empty() && matches!(failure.kind, FailureKind::Model | FailureKind::Input) {
            return Err(Status::Failed(failure));
        }
        failures.push((engine, failure));
    }
    let reasons: Vec<String> = failures
        .iter()
        .map(|(engine, failure)| format!("{engine}: {}", failure.message))
        .collect();
    Err(Status::Failed(Failure {
        hint: failures.into_iter().find_map(|(_, failure)| failure.hint),
        ..Failure::new(
            FailureKind::Reference,
            format!("no engine could compute the reference; {}", reasons.join("; ")),
        )
    }))
}

/// The warning if the preferred engine could not compute the reference.
fn warning(failures: &[(EngineName, Failure)], engine: EngineName) -> Option<Warning> {
    let (preferred, failure) = failures.first()?;
    Some(Warning {
        kind: WarningKind::Fallback,
        message: format!(
            "{engine} computed the reference because {preferred} could not ({}): {engine} and engines that share its code \
             were not checked independently",
            failure.message
        ),
    })
}

async fn compute(
    request: &CellRequest,
    model: &ModelSource,
    attachments: &Attachments,
    engine: EngineName,
    executor: &mut dyn Executor,
    observer: &mut dyn PlanObserver,
) -> Result<Reference, Status> {
    let request = CellRequest {
        engine,
        variant: Variant::Default,
        model: model.clone(),
        threads: 1,
        kind: RequestKind::Reference,
        ..request.clone()
    };
    let mut on_progress =
        |progress: &Progress, cell: &Cell| observer.cell_progress("reference", &request, progress, cell);
    let reply = executor.execute(&request, attachments, &mut on_progress).await;
    let failed = |message: String| Err(Status::Failed(Failure::new(FailureKind::Reference, message)));
    match reply.event {
        Event::Reference { inputs, accuracy, .. } => {
            let mut tensors = match tensor_codec::decode(&reply.tensors) {
                Ok(tensors) if tensors.len() >= inputs.len() => tensors,
                Ok(_) => return failed("the worker sent fewer tensors than it announced".into()),
                Err(error) => return failed(error.to_string()),
            };
            let outputs = tensors.split_off(inputs.len());
            observer.tensors("reference", &request, &tensors, &outputs);
            Ok(Reference {
                encoded_inputs: tensor_codec::encode(&tensors).into(),
                encoded_outputs: tensor_codec::encode(&outputs).into(),
                inputs: tensors,
                engine,
                environment: request.environment,
                accuracy,
                warning: None,
            })
        }
        Event::NoReference { failure } => Err(Status::Failed(failure)),
        Event::Done { cell } => Err(cell.status),
        other => Err(Status::Failed(unexpected_reply(&other))),
    }
}
