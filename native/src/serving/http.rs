//! The protocol over HTTP.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tare_core::inference_protocol::{FACTS, HEADER_LENGTH, datatype, decode, encode, times_to_parameters};
use tare_record::{Failure, FailureKind, ServerFacts};

use super::grpc::MAX_MESSAGE_BYTES;
use super::sessions::{Answer, Sessions};

#[derive(Clone)]
struct Served {
    sessions: Sessions,
    facts: std::sync::Arc<ServerFacts>,
}

/// The routes of a server.
pub(super) fn router(sessions: Sessions, facts: ServerFacts) -> Router {
    let served = Served {
        sessions,
        facts: std::sync::Arc::new(facts),
    };
    Router::new()
        .route("/v2/health/live", get(|| async {}))
        .route("/v2/health/ready", get(|| async {}))
        .route("/v2/models/{model}/ready", get(ready))
        .route("/v2/models/{model}", get(metadata))
        .route("/v2/models/{model}/infer", post(infer))
        .route(
            FACTS,
            get(|State(served): State<Served>| async move { Json(&*served.facts).into_response() }),
        )
        .layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES))
        .with_state(served)
}

async fn ready(State(served): State<Served>, Path(model): Path<String>) -> Response {
    match served.check(&model) {
        Ok(()) => StatusCode::OK.into_response(),
        Err(response) => response,
    }
}

async fn metadata(State(served): State<Served>, Path(model): Path<String>) -> Response {
    if let Err(response) = served.check(&model) {
        return response;
    }
    let facts = &served.facts;
    let inputs: Vec<Value> = facts
        .inputs
        .iter()
        .map(|input| json!({ "name": input.name, "datatype": datatype(input.dtype), "shape": input.shape }))
        .collect();
    let outputs: Vec<Value> = facts.outputs.iter().map(|name| json!({ "name": name })).collect();
    Json(json!({
        "name": model,
        "versions": [],
        "platform": format!("tare_{}", facts.engine.name),
        "inputs": inputs,
        "outputs": outputs,
    }))
    .into_response()
}

async fn infer(State(served): State<Served>, Path(model): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(response) = served.check(&model) {
        return response;
    }
    let inputs = match decode(header_length(&headers), &body, "inputs") {
        Ok((inputs, _)) => inputs,
        Err(failure) => return refuse(&failure),
    };
    match served.sessions.answer(inputs).await {
        Err(failure) => refuse(&failure),
        Ok(Answer { outputs, times }) => {
            let parameters: serde_json::Map<String, Value> = times_to_parameters(&times)
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect();
            let header = json!({ "model_name": model, "parameters": parameters });
            let (length, body) = encode(header, "outputs", &outputs);
            let fields = [
                (HeaderName::from_static(HEADER_LENGTH), length.to_string()),
                (header::CONTENT_TYPE, "application/octet-stream".into()),
            ];
            (fields, body).into_response()
        }
    }
}

impl Served {
    #[allow(clippy::result_large_err, reason = "the error is the answer")]
    fn check(&self, model: &str) -> Result<(), Response> {
        if self.facts.model.name == model {
            return Ok(());
        }
        let message = format!("this server runs {:?}, not {model:?}", self.facts.model.name);
        Err((StatusCode::NOT_FOUND, Json(json!({ "error": message }))).into_response())
    }
}

fn refuse(failure: &Failure) -> Response {
    let status = match failure.kind {
        FailureKind::Input => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, Json(json!({ "error": failure.to_string() }))).into_response()
}

/// Length of the JSON, if a field says it.
pub(super) fn header_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(HEADER_LENGTH)?.to_str().ok()?.parse().ok()
}
