//! A worker that runs a model for another worker, as a server does for its clients.

use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tare_core::{Clock, NamedTensor, ServedModel, inference_protocol};
use tare_record::{CellRequest, Failure, FailureKind};
use wasm_bindgen::prelude::*;
use web_sys::MessageEvent;

use super::engine::{Setup, engine};
use super::error_log;
use super::scope::scope;
use super::workload::workload;
use crate::clock::PerformanceClock;
use crate::message::{self, Message};

/// What this worker says to the one that started it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Said {
    /// Its code is loaded.
    Ready,
    /// The model is loaded. What the worker says about itself is attached as `tensors`, in JSON as servers send it.
    Loaded,
    /// The answers of a run, encoded and attached as `tensors`.
    Answered {
        /// How long the run took.
        compute_ns: u64,
        /// Length of the JSON in the attached bytes.
        header_length: usize,
    },
    /// The model cannot be loaded or run.
    Failed(Failure),
}

/// The requests of a run. Their inputs are encoded and attached as `tensors`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    /// How many requests there are.
    pub(super) requests: usize,
    /// Length of the JSON in the attached bytes.
    pub(super) header_length: usize,
}

/// Waits for a [`CellRequest`], loads its model, and answers the requests that follow.
#[wasm_bindgen]
pub fn serve_model() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        say(&Said::Failed(failed(&info.to_string())), &[]);
    }));
    error_log::install();
    let (sender, messages) = unbounded();
    let handler = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
        // The receiver is gone only after a failure, which has been reported.
        let _ = sender.unbounded_send(message.data());
    });
    scope().set_onmessage(Some(handler.into_js_value().unchecked_ref()));
    say(&Said::Ready, &[]);
    wasm_bindgen_futures::spawn_local(async move {
        if let Err(mut failure) = answer_all(messages).await {
            error_log::add_to_failure(&mut failure);
            say(&Said::Failed(failure), &[]);
        }
    });
}

async fn answer_all(mut messages: UnboundedReceiver<JsValue>) -> Result<(), Failure> {
    let Some(data) = messages.next().await else {
        return Ok(());
    };
    let request: CellRequest = message::field(&data, "request").map_err(|error| failed(&error))?;
    let workload = workload(&request, &data)?;
    let engine = engine(Setup::of(&request)).await?;
    drop(data);
    let clock = PerformanceClock;
    let mut model = ServedModel::load(&workload, &*engine, &clock).await?;
    let facts = serde_json::to_vec(&model.facts()).map_err(|error| failed(&error.to_string()))?;
    say(&Said::Loaded, &facts);
    while let Some(data) = messages.next().await {
        let asked: Asked = message::field(&data, "asked").map_err(|error| failed(&error))?;
        let body = message::bytes(&data, "tensors").unwrap_or_default();
        let (inputs, _) = inference_protocol::decode(Some(asked.header_length), &body, "inputs")?;
        let each = inputs.len() / asked.requests.max(1);
        let requests: Vec<&[NamedTensor]> = inputs.chunks(each.max(1)).collect();
        let start_ns = clock.now_ns();
        let outputs = model.run(&requests, &clock).await?;
        let compute_ns = clock.now_ns() - start_ns;
        let (header_length, body) = inference_protocol::encode(json!({}), "outputs", &outputs.concat());
        let answered = Said::Answered {
            compute_ns,
            header_length,
        };
        say(&answered, &body);
    }
    Ok(())
}

fn say(said: &Said, tensors: &[u8]) {
    let sent = Message::new("said", said).and_then(|mut message| {
        message.attach("tensors", tensors)?;
        scope().post_message_with_transfer(&message.object, &message.buffers)
    });
    // If this cannot be sent either, the page stops the worker at its time limit.
    if let Err(error) = sent {
        web_sys::console::error_1(&error);
    }
}

fn failed(message: &str) -> Failure {
    Failure::new(FailureKind::Died, format!("a worker that runs the model: {message}"))
}
