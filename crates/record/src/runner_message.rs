use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BuildInfo, CellRequest, ClockInfo, EngineName, Event, Failure, InteropCost, Machine, PageWatch, Warning};

/// Version of the messages between a runner and a page. A page of another version is refused.
pub const PROTOCOL: u32 = 1;

/// A message from a runner to a page, as JSON in a text frame of a WebSocket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunnerMessage {
    /// The page is an executor of the run now.
    Welcome {
        /// What the page connects with again if the connection is lost.
        session: String,
    },
    /// The page cannot take part.
    Refused {
        /// Why.
        failure: Failure,
    },
    /// Carry out a request in a fresh worker. The page fetches the attachments from these URLs.
    Execute {
        /// Number of the request, which all messages about it repeat.
        id: u64,
        /// The request.
        request: Box<CellRequest>,
        /// The ONNX file, unless the model is built in.
        model: Option<String>,
        /// Encoded inputs.
        inputs: Option<String>,
        /// Encoded outputs of the reference.
        reference: Option<String>,
        /// Whether to send the outputs of the last run.
        wants_outputs: bool,
    },
    /// Measure the cost of interop.
    MeasureInterop {
        /// Number of the request.
        id: u64,
    },
    /// Watch how fast the page responds while a model runs.
    WatchPage {
        /// Number of the request.
        id: u64,
        /// What runs.
        request: Box<CellRequest>,
        /// The ONNX file, unless the model is built in.
        model: Option<String>,
    },
    /// Stop what is being measured.
    Cancel,
    /// Asks for [`PageMessage::Alive`].
    AreYouAlive,
    /// The run is over.
    Finished {
        /// What came of it, for the person in front of the page.
        text: String,
    },
}

/// A message from a page to its runner, as JSON in a text frame of a WebSocket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PageMessage {
    /// The first message of a page.
    Hello(Box<PageHello>),
    /// What a worker reports. A final event with tensors is followed by a binary frame with the
    /// encoded tensors.
    Event {
        /// Number of the request.
        id: u64,
        /// The event.
        event: Event,
        /// Whether a binary frame with tensors follows.
        tensors: bool,
    },
    /// The cost of interop, or why it was not measured.
    Interop {
        /// Number of the request.
        id: u64,
        /// The costs.
        costs: Result<Vec<InteropCost>, String>,
    },
    /// How fast the page responded, or why it was not measured.
    Watched {
        /// Number of the request.
        id: u64,
        /// What was observed.
        watches: Result<Vec<PageWatch>, String>,
    },
    /// The tab was hidden.
    Hidden,
    /// The answer to [`RunnerMessage::AreYouAlive`].
    Alive,
    /// The person in front of the page ended its part, or closed the page.
    Left,
}

/// What a page says about itself and its browser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageHello {
    /// [`PROTOCOL`] of the page.
    pub protocol: u32,
    /// How the page was built.
    pub build: BuildInfo,
    /// The browser.
    pub machine: Machine,
    /// Its clock.
    pub clock: ClockInfo,
    /// What a reader must know about all measurements there.
    pub warnings: Vec<Warning>,
    /// The engine that suits the browser.
    pub default_engine: EngineName,
    /// Why that engine does not use WebGPU.
    pub fallback: Option<String>,
}
