//! What all engines are compared with.

use std::rc::Rc;

use tare_record::{
    Cell, CellPlan, CellRequest, EngineName, Event, Failure, FailureKind, ModelSource, Progress, Stage, Status,
    Warning, WarningKind,
};

use crate::campaign::unexpected;
use crate::{Attachments, Host, NamedTensor, Sink, bundle};

/// A model with inputs and the outputs to compare with.
pub(crate) struct Reference {
    pub(crate) model: ModelSource,
    pub(crate) attachments: Attachments,
    pub(crate) inputs: Vec<NamedTensor>,
    /// Which engine computed it.
    pub(crate) engine: EngineName,
    /// What to say beside every figure, if that is not tract.
    pub(crate) warning: Option<Warning>,
}

/// Has tract compute the reference, and burn-flex what tract cannot.
pub(crate) async fn reference(
    request: &CellRequest,
    cell_plan: &CellPlan,
    inputs: Option<Rc<Vec<u8>>>,
    host: &mut dyn Host,
    sink: &mut dyn Sink,
) -> Result<Reference, Status> {
    let (model, bytes) = host.model(&cell_plan.model).await.map_err(Status::Failed)?;
    let attachments = Attachments {
        model: bytes,
        inputs,
        reference: None,
    };
    let of_tract = match computed(request, &model, &attachments, EngineName::Tract, host, sink).await {
        Err(Status::Failed(failure) | Status::TimedOut(failure)) if !host.cancelled() => failure,
        other => return other,
    };
    // The model or the inputs are wrong for every engine.
    if matches!(of_tract.kind, FailureKind::Model | FailureKind::Input) {
        return Err(Status::Failed(of_tract));
    }
    match computed(request, &model, &attachments, EngineName::BurnFlex, host, sink).await {
        Ok(reference) => {
            let message = format!(
                "tract cannot compute the reference ({}), so that burn-flex did: what it gave was compared with itself, and what burn-wgpu gave with nothing independent",
                of_tract.message
            );
            let kind = WarningKind::Fallback;
            Ok(Reference {
                warning: Some(Warning { kind, message }),
                ..reference
            })
        }
        Err(Status::Failed(failure) | Status::TimedOut(failure)) => Err(Status::Failed(Failure {
            kind: FailureKind::Reference,
            message: format!(
                "neither engine of the CPU could compute the reference; tract: {}; burn-flex: {}",
                of_tract.message, failure.message
            ),
            hint: of_tract.hint.or(failure.hint),
        })),
        Err(other) => Err(other),
    }
}

async fn computed(
    request: &CellRequest,
    model: &ModelSource,
    attachments: &Attachments,
    engine: EngineName,
    host: &mut dyn Host,
    sink: &mut dyn Sink,
) -> Result<Reference, Status> {
    let request = CellRequest {
        engine,
        model: model.clone(),
        threads: 1,
        vector_limit: None,
        relaxed_simd: false,
        wgsl: false,
        stage: Stage::Reference,
        ..request.clone()
    };
    let mut watch = |progress: &Progress, cell: &Cell| sink.progress(&request, progress, cell);
    let reply = host.execute(&request, attachments, &mut watch).await;
    let failed = |failure: Failure| Err(Status::Failed(failure));
    let broken = |message: String| Failure {
        kind: FailureKind::Reference,
        message,
        hint: None,
    };
    match reply.event {
        Event::Reference { inputs, .. } => {
            let mut tensors = match bundle::decode(&reply.tensors) {
                Ok(tensors) if tensors.len() >= inputs.len() => tensors,
                Ok(_) => return failed(broken("it sent fewer tensors than it named".into())),
                Err(error) => return failed(broken(error.to_string())),
            };
            let outputs = tensors.split_off(inputs.len());
            sink.tensors(&request, &tensors, &outputs);
            Ok(Reference {
                model: model.clone(),
                attachments: Attachments {
                    model: attachments.model.clone(),
                    inputs: Some(Rc::new(bundle::encode(&tensors))),
                    reference: Some(Rc::new(bundle::encode(&outputs))),
                },
                inputs: tensors,
                engine,
                warning: None,
            })
        }
        Event::NoReference { failure } => failed(failure),
        Event::Done { cell } => Err(cell.status),
        other => failed(unexpected(&other)),
    }
}
