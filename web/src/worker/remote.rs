//! A model that a server runs: requests are sent over HTTP.

use std::collections::BTreeMap;
use std::rc::Rc;

use async_trait::async_trait;
use bytes::Bytes;
use js_sys::Uint8Array;
use serde_json::json;
use tare_core::inference_protocol::{self, FACTS, HEADER_LENGTH};
use tare_core::{Clock, Engine, Loaded, NamedTensor, ServerTimes, Session, SessionInfo, Tensor};
use tare_record::{EngineInfo, Failure, FailureKind, ServerFacts};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, Request, RequestInit, Response};

use super::scope::scope;
use crate::exception;

/// A server of a model.
pub(super) struct RemoteEngine {
    server: Rc<str>,
    facts: Rc<ServerFacts>,
}

impl RemoteEngine {
    /// Asks a server what it runs.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub(super) async fn connect(server: &str) -> Result<Self, Failure> {
        let request = Request::new_with_str(&format!("{server}{FACTS}")).map_err(|error| lost(&error))?;
        let (_, body) = send(&request).await?;
        let facts = serde_json::from_slice(&body).map_err(|error| lost(&error.to_string().into()))?;
        Ok(Self {
            server: server.into(),
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
            server: self.server.clone(),
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
    server: Rc<str>,
    facts: Rc<ServerFacts>,
    /// Of the last answer.
    times: ServerTimes,
}

#[async_trait(?Send)]
impl Session for RemoteSession {
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        let (length, body) = inference_protocol::encode(json!({}), "inputs", inputs);
        let model = js_sys::encode_uri_component(&self.facts.model.name);
        let url = format!("{}/v2/models/{model}/infer", self.server);
        let request = request(&url, length, &body).map_err(|error| lost(&error))?;
        let (length, body) = send(&request).await?;
        let (outputs, times) = inference_protocol::answer(length, &body)?;
        self.times = times;
        Ok(outputs.into_iter().map(|output| output.tensor).collect())
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
