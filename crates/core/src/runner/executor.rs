use async_trait::async_trait;
use bytes::Bytes;
use tare_record::{
    Cell, CellRequest, EngineName, EnvironmentKind, Event, Failure, FailureKind, InteropCost, ModelSource, PageWatch,
    Progress, Record, RequestKind, Status, Warning,
};

use super::machine_reading::MachineReading;
use crate::failed_cell;

/// Bytes attached to a [`CellRequest`].
#[derive(Debug, Clone, Default)]
pub struct Attachments {
    /// The ONNX file, for [`ModelSource::Attached`].
    pub model: Option<Bytes>,
    /// Encoded tensors: the inputs given by the user, or with [`RequestKind::Measure`] the inputs
    /// of the reference.
    pub inputs: Option<Bytes>,
    /// Encoded tensors: the outputs of the reference.
    pub reference: Option<Bytes>,
}

/// The final reply of a worker or child process.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Never [`Event::Ready`] or [`Event::Progress`].
    pub event: Event,
    /// Encoded tensors: inputs then outputs for [`Event::Reference`], outputs for [`Event::Done`].
    pub tensors: Vec<u8>,
}

impl Reply {
    /// The reply to a request that a worker did not finish. `partial` is the worker's last report,
    /// whose measurements are kept.
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

/// Called while a cell is measured, with its progress and what has been measured so far.
pub type OnProgress<'a> = dyn FnMut(&Progress, &Cell) + 'a;

/// Carries out requests, each in its own process or worker.
#[async_trait(?Send)]
pub trait Executor {
    /// Carries out one request. Never fails: if the worker dies or hangs, the result is a failed
    /// cell that keeps the worker's last report.
    async fn execute(
        &mut self,
        request: &CellRequest,
        attachments: &Attachments,
        on_progress: &mut OnProgress<'_>,
    ) -> Reply;

    /// Finds a model by its name in the plan.
    ///
    /// # Errors
    ///
    /// If there is no such model or file.
    async fn model(&mut self, name: &str) -> Result<(ModelSource, Option<Bytes>), Failure>;

    /// Why nothing more can be measured here, if so: the user stopped the run, or the environment is
    /// gone for good. The reason completes the phrase "because ...".
    fn stopped(&self) -> Option<String>;

    /// Where requests are carried out.
    fn environment(&self) -> EnvironmentKind;

    /// The engines that suit this environment, and a warning if an expected engine is not among
    /// them.
    fn default_engines(&mut self) -> (Vec<EngineName>, Option<Warning>);

    /// Why an engine that the plan names cannot be measured here, if it has to be installed and is not.
    fn absence_of(&mut self, _: EngineName) -> Option<Failure> {
        None
    }

    /// Reads the state of the machine that requests are carried out on, if this program runs on it.
    fn machine_reading(&mut self) -> Option<MachineReading> {
        None
    }

    /// Measures the cost of interop in a browser.
    ///
    /// # Errors
    ///
    /// If it cannot be measured, with the reason.
    async fn measure_interop(&mut self) -> Result<Vec<InteropCost>, String> {
        Err("only browsers have a page".into())
    }

    /// Called after everything is measured, with the record: adds what is known only then, and lets
    /// go of the environment.
    async fn finish(&mut self, _: &mut Record) {}

    /// Watches how fast the page in a browser responds while the model of a request runs.
    ///
    /// # Errors
    ///
    /// If it cannot be watched, with the reason.
    async fn watch_page(&mut self, _: &CellRequest, _: &Attachments) -> Result<Vec<PageWatch>, String> {
        Err("only browsers have a page".into())
    }
}

/// The failure for a reply that does not answer the request.
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
