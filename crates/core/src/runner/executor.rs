use std::rc::Rc;

use async_trait::async_trait;
use tare_record::{
    Cell, CellRequest, EngineName, EnvironmentKind, Event, Failure, FailureKind, ModelSource, Progress, RequestKind,
    Status, Warning,
};

use crate::failed_cell;

/// Bytes attached to a [`CellRequest`].
#[derive(Debug, Clone, Default)]
pub struct Attachments {
    /// The ONNX file, for [`ModelSource::Attached`].
    pub model: Option<Rc<Vec<u8>>>,
    /// Encoded tensors: the inputs given by the user, or with [`RequestKind::Measure`] those that the reference was computed from.
    pub inputs: Option<Rc<Vec<u8>>>,
    /// Encoded tensors: the outputs of the reference.
    pub reference: Option<Rc<Vec<u8>>>,
}

/// The last answer of a worker or child process.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Never [`Event::Ready`] or [`Event::Progress`].
    pub event: Event,
    /// Encoded tensors: inputs then outputs for [`Event::Reference`], outputs for [`Event::Done`].
    pub tensors: Vec<u8>,
}

impl Reply {
    /// The reply to a request that a worker did not finish. Keeps what `partial`, its last report, holds.
    pub fn unfinished(request: &CellRequest, failure: Failure, cancelled: bool, partial: Option<Box<Cell>>) -> Self {
        let event = match request.kind {
            RequestKind::Reference if !cancelled => Event::NoReference { failure },
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

/// Called while a cell is measured, with how far it is and what was measured so far.
pub type OnProgress<'a> = dyn FnMut(&Progress, &Cell) + 'a;

/// Carries out requests, each in a process or worker of its own.
#[async_trait(?Send)]
pub trait Executor {
    /// Carries out one request. Never fails: a worker that dies or hangs becomes a failed cell that keeps what it last reported.
    async fn execute(
        &mut self,
        request: &CellRequest,
        attachments: &Attachments,
        on_progress: &mut OnProgress<'_>,
    ) -> Reply;

    /// Finds a model by the name that the plan gives it.
    ///
    /// # Errors
    ///
    /// If there is no such model or file.
    async fn model(&mut self, name: &str) -> Result<(ModelSource, Option<Rc<Vec<u8>>>), Failure>;

    /// Whether the user asked to stop.
    fn cancelled(&self) -> bool;

    /// Where requests are carried out.
    fn environment(&self) -> EnvironmentKind;

    /// The engines that suit this environment, and why an engine that users would expect is not among them.
    fn default_engines(&mut self) -> (Vec<EngineName>, Option<Warning>);
}

/// What to say of a reply that no request asks for.
pub(super) fn unexpected_reply(event: &Event) -> Failure {
    let name = match event {
        Event::Ready { .. } => "ready",
        Event::Progress { .. } => "progress",
        Event::Reference { .. } => "reference",
        Event::NoReference { .. } => "no-reference",
        Event::Died { .. } => "died",
        Event::SelfTested { .. } => "self-tested",
        Event::Done { .. } => "done",
    };
    Failure::new(
        FailureKind::Died,
        format!("the worker sent an unexpected reply: {name:?}"),
    )
}
