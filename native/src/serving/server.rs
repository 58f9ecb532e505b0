//! The server of a model.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use axum::serve::ListenerExt;
use tare_core::inference_protocol::HEADER_LENGTH;
use tare_core::{Engine, Workload};
use tare_record::{Batching, Failure, ServerFacts};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::grpc::{GrpcInferenceServiceServer, MAX_MESSAGE_BYTES, Service};
use super::http;
use super::sessions::Sessions;
use crate::server::{HTTP_PORT, check_host, hosts};

/// How a server answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answering {
    /// Port on loopback, or 0 for any free one.
    pub(crate) port: u16,
    /// Sessions that run at the same time, each with the model in memory.
    pub(crate) sessions: usize,
    /// How waiting requests are merged into one run.
    pub(crate) batching: Option<Batching>,
    /// The origin whose pages may ask.
    pub(crate) allowed_origin: Option<String>,
}

/// Loads the model and starts to answer on loopback. Returns the URL and the facts about the model.
///
/// # Errors
///
/// If the model cannot be loaded, or the port is in use.
pub(crate) async fn start(
    answering: &Answering,
    prepare: impl Fn() -> Result<(Workload, Box<dyn Engine>), Failure> + Send + Sync + 'static,
) -> Result<(String, ServerFacts)> {
    let (count, batching) = (answering.sessions, answering.batching);
    let loading = tokio::task::spawn_blocking(move || Sessions::start(count, batching, Arc::new(prepare)));
    let (sessions, facts) = loading.await.context("cannot load the model")??;
    let port = answering.port;
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let listener = listener.with_context(|| {
        format!("cannot listen on port {port} of this machine\nhint: choose another port, or omit --port to use any free one")
    })?;
    let address = listener.local_addr().context("cannot read the address of the server")?;
    let service = Service {
        sessions: sessions.clone(),
        model: facts.model.name.clone(),
    };
    let service = GrpcInferenceServiceServer::new(service)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let grpc = tonic::service::Routes::new(service).into_axum_router();
    let hosts = hosts(address, HTTP_PORT);
    let allowed = answering.allowed_origin.clone();
    let router: Router = http::router(sessions, facts.clone())
        .merge(grpc)
        .layer(cors(answering.allowed_origin.as_deref())?)
        .layer(from_fn(move |request, next: Next| {
            let hosts = hosts.clone();
            async move { check_host(&hosts, request, next).await }
        }))
        .layer(from_fn(move |request: Request, next: Next| {
            let is_stranger = is_of_stranger(&request, allowed.as_deref());
            async move {
                // Before its body is read, which may be large.
                if is_stranger {
                    return (StatusCode::FORBIDDEN, "pages of this site may not ask\n").into_response();
                }
                next.run(request).await
            }
        }));
    // Otherwise a part of an answer waits 40 ms until the client has confirmed the one before.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            log::warn!("answers may be late: {error}");
        }
    });
    tokio::spawn(async move {
        // Runs until the program ends. An error of one connection does not stop it.
        let _ = axum::serve(listener, router).await;
    });
    Ok((format!("http://{address}"), facts))
}

/// Whether a page of another site sent a request. Programs name no origin.
fn is_of_stranger(request: &Request, allowed: Option<&str>) -> bool {
    let origin = request.headers().get(header::ORIGIN);
    origin.is_some_and(|origin| allowed.is_none_or(|allowed| origin.as_bytes() != allowed.as_bytes()))
}

/// Lets pages of one origin ask, and no others.
fn cors(origin: Option<&str>) -> Result<CorsLayer> {
    let layer = CorsLayer::new();
    let Some(origin) = origin else { return Ok(layer) };
    let origin = HeaderValue::from_str(origin).context("the allowed origin is not one")?;
    let length = HeaderName::from_static(HEADER_LENGTH);
    Ok(layer
        .allow_origin(AllowOrigin::exact(origin))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE, length.clone()])
        .expose_headers([length])
        // Browsers ask once, and not before every request.
        .max_age(std::time::Duration::from_secs(3600)))
}
