//! A model that a server or other workers run.

use std::collections::BTreeMap;
use std::rc::Rc;

use async_trait::async_trait;
use bytes::Bytes;
use js_sys::Uint8Array;
use serde_json::json;
use tare_core::inference_protocol::{self, FACTS, HEADER_LENGTH};
use tare_core::{Clock, Engine, Loaded, NamedTensor, ServerTimes, Session, SessionInfo, Tensor};
use tare_record::{CellRequest, EngineInfo, Failure, FailureKind, ServerFacts, Transport};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, Request, RequestInit, Response};

use super::model_workers::ModelWorkers;
use super::scope::scope;
use crate::exception;

/// A model that runs elsewhere.
pub(super) struct RemoteEngine {
    way: Way,
    facts: Rc<ServerFacts>,
}

/// How to reach it. Clones share it, and send at the same time.
#[derive(Clone)]
enum Way {
    /// HTTP to the server at this URL.
    Http(Rc<str>),
    Workers(Rc<ModelWorkers>),
}

impl RemoteEngine {
    /// Asks a server what it runs, or starts workers. `data` is the message with the request.
    ///
    /// # Errors
    ///
    /// If the server does not answer, a worker cannot load the model, or a page cannot send requests in this way.
    pub(super) async fn connect(transport: Transport, request: &CellRequest, data: &JsValue) -> Result<Self, Failure> {
        let (way, facts) = match (transport, request.server.as_deref()) {
            (Transport::PostMessage, _) => {
                let (workers, facts) = ModelWorkers::start(request, data).await?;
                (Way::Workers(workers), facts)
            }
            (Transport::Http, Some(server)) => {
                let asked = Request::new_with_str(&format!("{server}{FACTS}")).map_err(|error| lost(&error))?;
                let (_, body) = send(&asked).await?;
                let facts = serde_json::from_slice(&body).map_err(|error| lost(&error.to_string().into()))?;
                (Way::Http(server.into()), facts)
            }
            (Transport::Http, None) => {
                let message = "this page has no server to send requests to";
                return Err(Failure::new(FailureKind::Unsupported, message)
                    .with_hint("measure with `tare bench` or `tare browser`, which start one"));
            }
            (Transport::Grpc, _) => {
                return Err(
                    Failure::new(FailureKind::Unsupported, "a page cannot send requests over grpc")
                        .with_hint("choose http or post-message"),
                );
            }
        };
        Ok(Self {
            way,
            facts: Rc::new(facts),
        })
    }
}

#[async_trait(?Send)]
impl Engine for RemoteEngine {
    fn info(&self) -> EngineInfo {
        self.facts.engine.clone()
    }

    async fn load(&self, model: Bytes, inputs: &[NamedTensor], _: &dyn Clock) -> Result<Loaded, Failure> {
        inference_protocol::check_facts(&self.facts, &model, inputs)?;
        let session = RemoteSession {
            way: self.way.clone(),
            facts: self.facts.clone(),
            times: ServerTimes::default(),
        };
        Ok(Loaded {
            session: Box::new(session),
            phases: self.facts.phases.clone(),
        })
    }
}

#[derive(Clone)]
struct RemoteSession {
    way: Way,
    facts: Rc<ServerFacts>,
    /// Of the last answer.
    times: ServerTimes,
}

#[async_trait(?Send)]
impl Session for RemoteSession {
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        let (outputs, times) = match &self.way {
            Way::Http(server) => ask(server, &self.facts.model.name, inputs).await?,
            Way::Workers(workers) => workers.answer(inputs).await?,
        };
        self.times = times;
        Ok(outputs)
    }

    fn info(&self) -> SessionInfo {
        (&*self.facts).into()
    }

    fn kernels(&self) -> BTreeMap<String, u64> {
        self.facts.kernels.clone()
    }

    fn another_client(&self) -> Option<Box<dyn Session>> {
        Some(Box::new(self.clone()))
    }

    fn server_times(&self) -> Option<ServerTimes> {
        Some(self.times)
    }
}

/// Sends a request to a server, and returns its answer.
async fn ask(server: &str, model: &str, inputs: &[NamedTensor]) -> Result<(Vec<Tensor>, ServerTimes), Failure> {
    let (length, body) = inference_protocol::encode(json!({}), "inputs", inputs);
    let url = format!("{server}/v2/models/{}/infer", js_sys::encode_uri_component(model));
    let request = request(&url, length, &body).map_err(|error| lost(&error))?;
    let (length, body) = send(&request).await?;
    let (outputs, times) = inference_protocol::answer(length, &body)?;
    Ok((outputs.into_iter().map(|output| output.tensor).collect(), times))
}

fn request(url: &str, length: usize, body: &[u8]) -> Result<Request, JsValue> {
    let headers = Headers::new()?;
    headers.set("content-type", "application/octet-stream")?;
    headers.set(HEADER_LENGTH, &length.to_string())?;
    let options = RequestInit::new();
    options.set_method("POST");
    options.set_headers(&headers);
    // A copy outside of the module's memory, which may be shared.
    options.set_body(&Uint8Array::from(body));
    Request::new_with_str_and_init(url, &options)
}

/// Sends a request. Returns the length of the JSON in the answer, and the answer.
async fn send(request: &Request) -> Result<(Option<usize>, Vec<u8>), Failure> {
    let read = async {
        let response: Response = JsFuture::from(scope().fetch_with_request(request)).await?.dyn_into()?;
        let body = JsFuture::from(response.array_buffer()?).await?;
        let length = response.headers().get(HEADER_LENGTH)?;
        let length = length.and_then(|length| length.parse().ok());
        Ok((response.ok(), length, Uint8Array::new(&body).to_vec()))
    };
    let (is_ok, length, body) = read.await.map_err(|error: JsValue| lost(&error))?;
    if !is_ok {
        let message = format!("the server refused a request: {}", String::from_utf8_lossy(&body));
        return Err(Failure::new(FailureKind::Run, message));
    }
    Ok((length, body))
}

fn lost(error: &JsValue) -> Failure {
    Failure::new(
        FailureKind::Run,
        format!("the server does not answer: {}", exception(error)),
    )
}
