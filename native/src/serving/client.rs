//! The engine that asks a server.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use tare_core::inference_protocol::{self, FACTS, HEADER_LENGTH};
use tare_core::{Clock, Engine, Loaded, NamedTensor, ServerTimes, Session, SessionInfo, Tensor};
use tare_record::{EngineInfo, Failure, FailureKind, ServerFacts, Transport};
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint};

use super::grpc::{self, GrpcInferenceServiceClient, MAX_MESSAGE_BYTES};
use super::http::header_length;

/// Bytes of answers that may be under way over gRPC. With the default of 64 KiB, an answer of 200 kB waits twice until the
/// client has asked for more.
const WINDOW_BYTES: u32 = 64 << 20;

/// A model that a server runs.
pub(crate) struct RemoteEngine {
    connection: Connection,
    facts: Arc<ServerFacts>,
}

/// How to reach the server. Clones share it, and send at the same time.
#[derive(Clone)]
struct Connection {
    runtime: Arc<Runtime>,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Grpc(GrpcInferenceServiceClient<Channel>),
    Http(HttpClient),
}

#[derive(Clone)]
struct HttpClient {
    client: Client<HttpConnector, Full<Bytes>>,
    server: String,
}

impl RemoteEngine {
    /// Connects to a server.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub(crate) fn connect(transport: Transport, server: &str) -> Result<Self, Failure> {
        let runtime = Runtime::new().map_err(|error| lost(&error))?;
        let mut connector = HttpConnector::new();
        // A request is sent at once, and not when more of it has been gathered.
        connector.set_nodelay(true);
        let http = HttpClient {
            client: Client::builder(TokioExecutor::new()).build(connector),
            server: server.to_owned(),
        };
        let facts = runtime.block_on(http.facts())?;
        let way = match transport {
            Transport::Http => Way::Http(http),
            Transport::PostMessage => {
                let message = "only a page sends requests by postMessage";
                return Err(Failure::new(FailureKind::Unsupported, message));
            }
            Transport::Grpc => {
                let endpoint = Endpoint::from_shared(server.to_owned()).map_err(|error| lost(&error))?;
                let endpoint = endpoint
                    .tcp_nodelay(true)
                    .initial_stream_window_size(WINDOW_BYTES)
                    .initial_connection_window_size(WINDOW_BYTES);
                let channel = runtime.block_on(endpoint.connect());
                let client = GrpcInferenceServiceClient::new(channel.map_err(|error| lost(&error))?);
                Way::Grpc(
                    client
                        .max_decoding_message_size(MAX_MESSAGE_BYTES)
                        .max_encoding_message_size(MAX_MESSAGE_BYTES),
                )
            }
        };
        Ok(Self {
            connection: Connection {
                runtime: Arc::new(runtime),
                way,
            },
            facts: Arc::new(facts),
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
            connection: self.connection.clone(),
            facts: self.facts.clone(),
            times: ServerTimes::default(),
        };
        Ok(Loaded {
            session: Box::new(session),
            phases: self.facts.phases.clone(),
        })
    }
}

struct RemoteSession {
    connection: Connection,
    facts: Arc<ServerFacts>,
    /// Of the last answer.
    times: ServerTimes,
}

#[async_trait(?Send)]
impl Session for RemoteSession {
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        let model = &self.facts.model.name;
        let (outputs, times) = match &self.connection.way {
            Way::Grpc(client) => {
                let (mut client, request) = (client.clone(), grpc::request(model, inputs));
                let call = async move { client.model_infer(request).await };
                let response = self
                    .connection
                    .runtime
                    .spawn(call)
                    .await
                    .map_err(|error| lost(&error))?;
                grpc::answer(response.map_err(|status| refused(status.message()))?.into_inner())?
            }
            Way::Http(client) => {
                let (client, model) = (client.clone(), model.clone());
                let (length, body) = inference_protocol::encode(json!({}), "inputs", inputs);
                let call = async move { client.infer(&model, length, body.into()).await };
                self.connection
                    .runtime
                    .spawn(call)
                    .await
                    .map_err(|error| lost(&error))??
            }
        };
        self.times = times;
        Ok(outputs.into_iter().map(|output| output.tensor).collect())
    }

    fn info(&self) -> SessionInfo {
        (&*self.facts).into()
    }

    fn kernels(&self) -> std::collections::BTreeMap<String, u64> {
        self.facts.kernels.clone()
    }

    fn another_client(&self) -> Option<Box<dyn Session>> {
        Some(Box::new(RemoteSession {
            connection: self.connection.clone(),
            facts: self.facts.clone(),
            times: ServerTimes::default(),
        }))
    }

    fn server_times(&self) -> Option<ServerTimes> {
        Some(self.times)
    }
}

impl HttpClient {
    async fn facts(&self) -> Result<ServerFacts, Failure> {
        let request = http::Request::get(format!("{}{FACTS}", self.server)).body(Full::default());
        let (_, body) = self.send(request.map_err(|error| lost(&error))?).await?;
        serde_json::from_slice(&body).map_err(|error| lost(&error))
    }

    async fn infer(&self, model: &str, length: usize, body: Bytes) -> Result<(Vec<NamedTensor>, ServerTimes), Failure> {
        let model = utf8_percent_encode(model, NON_ALPHANUMERIC);
        let request = http::Request::post(format!("{}/v2/models/{model}/infer", self.server))
            .header(HEADER_LENGTH, length)
            .body(Full::new(body));
        let (length, body) = self.send(request.map_err(|error| lost(&error))?).await?;
        inference_protocol::answer(length, &body)
    }

    /// Sends a request. Returns the length of the JSON in the answer, and the answer.
    async fn send(&self, request: http::Request<Full<Bytes>>) -> Result<(Option<usize>, Bytes), Failure> {
        let response = self.client.request(request).await.map_err(|error| lost(&error))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| lost(&error))?.to_bytes();
        if !parts.status.is_success() {
            return Err(refused(&String::from_utf8_lossy(&body)));
        }
        Ok((header_length(&parts.headers), body))
    }
}

fn refused(message: &str) -> Failure {
    Failure::new(FailureKind::Run, format!("the server refused a request: {message}"))
}

fn lost(error: &dyn std::error::Error) -> Failure {
    // The outermost error only says that sending failed.
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text += &format!(": {inner}");
        source = inner.source();
    }
    Failure::new(FailureKind::Run, format!("the server does not answer: {text}"))
}
