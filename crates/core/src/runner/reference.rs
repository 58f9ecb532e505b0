//! Computes the outputs that all engines are compared with.

use std::rc::Rc;

use tare_record::{
    Cell, CellPlan, CellRequest, EngineName, Event, Failure, FailureKind, ModelSource, Progress, RequestKind, Status,
    Variant, Warning, WarningKind,
};

use super::executor::unexpected_reply;
use crate::{Attachments, Executor, NamedTensor, PlanObserver, tensor_codec};

/// A model with inputs and the outputs to compare with.
pub(super) struct Reference {
    pub(super) model: ModelSource,
    pub(super) attachments: Attachments,
    pub(super) inputs: Vec<NamedTensor>,
    /// The engine that computed it.
    pub(super) engine: EngineName,
    /// A warning for every cell if this is not the preferred engine.
    pub(super) warning: Option<Warning>,
}

/// Computes the reference on the first engine, by rank, that can run the model.
pub(super) async fn reference(
    request: &CellRequest,
    cell_plan: &CellPlan,
    inputs: Option<Rc<Vec<u8>>>,
    executor: &mut dyn Executor,
    observer: &mut dyn PlanObserver,
) -> Result<Reference, Status> {
    let (model, bytes) = executor.model(&cell_plan.model).await.map_err(Status::Failed)?;
    let attachments = Attachments {
        model: bytes,
        inputs,
        reference: None,
    };
    let mut failures: Vec<(EngineName, Failure)> = Vec::new();
    for engine in EngineName::references() {
        let failure = match compute(request, &model, &attachments, engine, executor, observer).await {
            Err(Status::Failed(failure) | Status::TimedOut(failure)) if !executor.cancelled() => failure,
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
    let mut on_progress = |progress: &Progress, cell: &Cell| observer.cell_progress(&request, progress, cell);
    let reply = executor.execute(&request, attachments, &mut on_progress).await;
    let failed = |message: String| Err(Status::Failed(Failure::new(FailureKind::Reference, message)));
    match reply.event {
        Event::Reference { inputs, .. } => {
            let mut tensors = match tensor_codec::decode(&reply.tensors) {
                Ok(tensors) if tensors.len() >= inputs.len() => tensors,
                Ok(_) => return failed("the worker sent fewer tensors than it announced".into()),
                Err(error) => return failed(error.to_string()),
            };
            let outputs = tensors.split_off(inputs.len());
            observer.tensors(&request, &tensors, &outputs);
            Ok(Reference {
                model: model.clone(),
                attachments: Attachments {
                    model: attachments.model.clone(),
                    inputs: Some(Rc::new(tensor_codec::encode(&tensors))),
                    reference: Some(Rc::new(tensor_codec::encode(&outputs))),
                },
                inputs: tensors,
                engine,
                warning: None,
            })
        }
        Event::NoReference { failure } => Err(Status::Failed(failure)),
        Event::Done { cell } => Err(cell.status),
        other => Err(Status::Failed(unexpected_reply(&other))),
    }
}
