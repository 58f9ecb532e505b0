//! The protocol over gRPC.

use std::collections::HashMap;

use bytes::Bytes;
use tare_core::inference_protocol::{Outline, raw, times_from_parameters, times_to_parameters};
use tare_core::{NamedTensor, ServerTimes};
use tare_record::{Failure, FailureKind};
use tonic::{Code, Request, Response, Status};

use super::sessions::{Answer, Sessions};
pub(super) use generated::grpc_inference_service_client::GrpcInferenceServiceClient;
use generated::grpc_inference_service_server::GrpcInferenceService;
pub(super) use generated::grpc_inference_service_server::GrpcInferenceServiceServer;
use generated::infer_parameter::ParameterChoice;
use generated::{
    InferParameter, InferTensor, ModelInferRequest, ModelInferResponse, ModelReadyRequest, ModelReadyResponse,
    ServerLiveRequest, ServerLiveResponse, ServerReadyRequest, ServerReadyResponse,
};

/// Largest message in both directions.
pub(super) const MAX_MESSAGE_BYTES: usize = 1 << 30;

#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated from proto/inference.proto"
)]
mod generated {
    tonic::include_proto!("inference");
}

/// Answers requests for one model.
pub(super) struct Service {
    pub(super) sessions: Sessions,
    pub(super) model: String,
}

#[tonic::async_trait]
impl GrpcInferenceService for Service {
    async fn server_live(&self, _: Request<ServerLiveRequest>) -> Result<Response<ServerLiveResponse>, Status> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<ServerReadyRequest>) -> Result<Response<ServerReadyResponse>, Status> {
        Ok(Response::new(ServerReadyResponse { ready: true }))
    }

    async fn model_ready(&self, request: Request<ModelReadyRequest>) -> Result<Response<ModelReadyResponse>, Status> {
        let ready = request.into_inner().name == self.model;
        Ok(Response::new(ModelReadyResponse { ready }))
    }

    async fn model_infer(&self, request: Request<ModelInferRequest>) -> Result<Response<ModelInferResponse>, Status> {
        let request = request.into_inner();
        if request.model_name != self.model {
            let message = format!("this server runs {:?}, not {:?}", self.model, request.model_name);
            return Err(Status::not_found(message));
        }
        let inputs = named(request.inputs, &request.raw_input_contents).map_err(|failure| status(&failure))?;
        let Answer { outputs, times } = self.sessions.answer(inputs).await.map_err(|failure| status(&failure))?;
        let (outlines, contents) = parts(&outputs);
        Ok(Response::new(ModelInferResponse {
            model_name: request.model_name,
            model_version: String::new(),
            id: request.id,
            parameters: parameters(&times),
            outputs: outlines,
            raw_output_contents: contents,
        }))
    }
}

/// The request for a run with these inputs.
pub(super) fn request(model: &str, inputs: &[NamedTensor]) -> ModelInferRequest {
    let (outlines, contents) = parts(inputs);
    ModelInferRequest {
        model_name: model.to_owned(),
        inputs: outlines,
        raw_input_contents: contents,
        ..ModelInferRequest::default()
    }
}

/// Outputs and times of an answer.
pub(super) fn answer(response: ModelInferResponse) -> Result<(Vec<NamedTensor>, ServerTimes), Failure> {
    let times = times_from_parameters(|name| match response.parameters.get(name)?.parameter_choice {
        Some(ParameterChoice::Int64Param(number)) => u64::try_from(number).ok(),
        _ => None,
    });
    Ok((named(response.outputs, &response.raw_output_contents)?, times))
}

fn parts(tensors: &[NamedTensor]) -> (Vec<InferTensor>, Vec<Bytes>) {
    let outline = |named: &NamedTensor| {
        let Outline { name, datatype, shape } = Outline::of(named);
        InferTensor {
            name,
            datatype,
            shape,
            parameters: HashMap::new(),
        }
    };
    let outlines = tensors.iter().map(outline).collect();
    (
        outlines,
        tensors.iter().map(|named| raw(&named.tensor).into()).collect(),
    )
}

fn named(tensors: Vec<InferTensor>, contents: &[Bytes]) -> Result<Vec<NamedTensor>, Failure> {
    if tensors.len() != contents.len() {
        return Err(Failure::new(
            FailureKind::Input,
            format!(
                "expected raw contents for each of {} tensors, found {}",
                tensors.len(),
                contents.len()
            ),
        )
        .with_hint("send tensors as raw bytes"));
    }
    let pairs = tensors.into_iter().zip(contents);
    pairs
        .map(|(tensor, bytes)| {
            let outline = Outline {
                name: tensor.name,
                datatype: tensor.datatype,
                shape: tensor.shape,
            };
            outline.fill(bytes)
        })
        .collect()
}

fn parameters(times: &ServerTimes) -> HashMap<String, InferParameter> {
    let all = times_to_parameters(times).into_iter();
    all.map(|(name, value)| {
        let choice = ParameterChoice::Int64Param(i64::try_from(value).unwrap_or(i64::MAX));
        let parameter = InferParameter {
            parameter_choice: Some(choice),
        };
        (name.to_owned(), parameter)
    })
    .collect()
}

fn status(failure: &Failure) -> Status {
    let code = match failure.kind {
        FailureKind::Input => Code::InvalidArgument,
        _ => Code::Internal,
    };
    Status::new(code, failure.to_string())
}
