//! Workers that run the model of this one: requests reach them by `postMessage`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use futures_channel::oneshot;
use futures_util::StreamExt as _;
use js_sys::{Object, Reflect};
use serde_json::json;
use tare_core::{Clock, NamedTensor, ServerTimes, Tensor, inference_protocol};
use tare_record::{Batching, CellRequest, Failure, FailureKind, ServerFacts};
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

use super::scope::scope;
use super::serve_model::{Asked, Said};
use crate::clock::PerformanceClock;
use crate::exception;
use crate::message::{self, Message};

type Answer = Result<(Vec<Tensor>, ServerTimes), Failure>;

/// A request that waits for its answer.
struct Waiting {
    inputs: Vec<NamedTensor>,
    arrived_ns: u64,
    answer: oneshot::Sender<Answer>,
}

/// A worker that is not running the model, since `free_ns`.
struct Free {
    worker: ModelWorker,
    free_ns: u64,
}

struct State {
    waiting: VecDeque<Waiting>,
    free: Vec<Free>,
    runs: u64,
    /// Why nothing is answered any more.
    failure: Option<Failure>,
    /// Whether the requests that wait for others will be looked at again.
    is_timed: bool,
}

/// All workers with the model, and the requests that wait for them.
pub(super) struct ModelWorkers {
    batching: Option<Batching>,
    state: RefCell<State>,
}

impl ModelWorkers {
    /// Starts as many workers as the load of a request has sessions, each with the module of this one. `data` is the
    /// message with the request. Returns when all have loaded the model.
    ///
    /// # Errors
    ///
    /// If a worker cannot be started, or cannot load or run the model.
    pub(super) async fn start(request: &CellRequest, data: &JsValue) -> Result<(Rc<Self>, ServerFacts), Failure> {
        let load = request.load;
        let count = load.and_then(|load| load.sessions).unwrap_or(1);
        let started: Result<Vec<_>, JsValue> = (0..count).map(|_| ModelWorker::start()).collect();
        let mut workers = started.map_err(|error| lost(&exception(&error)))?;
        for worker in &mut workers {
            match worker.next().await?.0 {
                Said::Ready => worker.load(data).map_err(|error| lost(&exception(&error)))?,
                said => return Err(unexpected(&said)),
            }
        }
        let mut facts = None;
        for worker in &mut workers {
            match worker.next().await? {
                (Said::Loaded, json) => facts = Some(json),
                (said, _) => return Err(unexpected(&said)),
            }
        }
        let facts = facts.ok_or_else(|| lost("there is none"))?;
        let facts = serde_json::from_slice(&facts).map_err(|error| lost(&error.to_string()))?;
        let free_ns = PerformanceClock.now_ns();
        let free = workers.into_iter().map(|worker| Free { worker, free_ns }).collect();
        let state = State {
            waiting: VecDeque::new(),
            free,
            runs: 0,
            failure: None,
            is_timed: false,
        };
        let workers = Self {
            batching: load.and_then(|load| load.batching),
            state: RefCell::new(state),
        };
        Ok((Rc::new(workers), facts))
    }

    /// Runs the model for a request, alone or with others that wait.
    ///
    /// # Errors
    ///
    /// If the worker or the model fails.
    pub(super) async fn answer(self: &Rc<Self>, inputs: &[NamedTensor]) -> Answer {
        let (sender, answer) = oneshot::channel();
        {
            let mut state = self.state.borrow_mut();
            if let Some(failure) = &state.failure {
                return Err(failure.clone());
            }
            state.waiting.push_back(Waiting {
                inputs: inputs.to_vec(),
                arrived_ns: PerformanceClock.now_ns(),
                answer: sender,
            });
        }
        self.start_runs();
        answer.await.unwrap_or_else(|_| Err(lost("it is gone")))
    }

    /// Hands requests to workers that are free, until others have to join them.
    fn start_runs(self: &Rc<Self>) {
        while let Some((free, requests)) = self.next_run() {
            let workers = self.clone();
            wasm_bindgen_futures::spawn_local(async move {
                workers.run(free, requests).await;
                workers.start_runs();
            });
        }
    }

    fn next_run(self: &Rc<Self>) -> Option<(Free, Vec<Waiting>)> {
        let mut state = self.state.borrow_mut();
        state.waiting.retain(|waiting| !waiting.answer.is_canceled());
        let oldest_ns = state.waiting.front()?.arrived_ns;
        if state.free.is_empty() {
            return None;
        }
        let most = self.batching.map_or(1, |batching| batching.max_requests);
        let wait_ns = self.batching.map_or(0, |batching| {
            let deadline_ns = oldest_ns.saturating_add(batching.max_wait_ns);
            deadline_ns.saturating_sub(PerformanceClock.now_ns())
        });
        if state.waiting.len() < most && wait_ns > 0 {
            if !std::mem::replace(&mut state.is_timed, true) {
                let workers = self.clone();
                wasm_bindgen_futures::spawn_local(async move {
                    PerformanceClock.sleep(wait_ns).await;
                    workers.state.borrow_mut().is_timed = false;
                    workers.start_runs();
                });
            }
            return None;
        }
        let count = most.min(state.waiting.len());
        let requests = state.waiting.drain(..count).collect();
        Some((state.free.remove(0), requests))
    }

    /// Lets a worker run the model for all requests, and answers them. After a failure nothing more is answered.
    async fn run(&self, mut free: Free, mut requests: Vec<Waiting>) {
        let clock = PerformanceClock;
        let start_ns = clock.now_ns();
        let outcome = free.worker.run(&mut requests).await;
        let mut state = self.state.borrow_mut();
        state.runs += 1;
        let (mut outputs, compute_ns) = match outcome {
            Ok((outputs, compute_ns)) => (outputs.into_iter(), compute_ns),
            Err(failure) => {
                for request in requests.into_iter().chain(state.waiting.drain(..)) {
                    let _ = request.answer.send(Err(failure.clone()));
                }
                state.failure = Some(failure);
                return;
            }
        };
        let count = requests.len();
        for request in requests {
            let could_start_ns = free.free_ns.max(request.arrived_ns);
            let times = ServerTimes {
                queue_ns: could_start_ns - request.arrived_ns,
                batching_ns: start_ns.saturating_sub(could_start_ns),
                compute_ns,
                run: state.runs,
                requests: count,
            };
            let outputs = outputs.next().ok_or_else(|| lost("it left a request unanswered"));
            // Nobody waits for the answer after the end of a load.
            let _ = request.answer.send(outputs.map(|outputs| (outputs, times)));
        }
        free.free_ns = clock.now_ns();
        state.free.push(free);
    }
}

/// A worker with what it said. It ends when it is dropped.
struct ModelWorker {
    worker: Worker,
    said: UnboundedReceiver<Result<(Said, Vec<u8>), String>>,
    // Dropped handlers are no longer called.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl Drop for ModelWorker {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

impl ModelWorker {
    fn start() -> Result<Self, JsValue> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let url = format!("{}&serve-model", scope().location().href());
        let worker = Worker::new_with_options(&url, &options)?;
        let (sender, said) = unbounded();
        let errors = sender.clone();
        let on_message = Closure::new(move |message: MessageEvent| {
            let data = message.data();
            let tensors = message::bytes(&data, "tensors").unwrap_or_default();
            // The receiver is gone only with the worker.
            let _ = sender.unbounded_send(message::field(&data, "said").map(|said| (said, tensors)));
        });
        let on_error = Closure::new(move |error: ErrorEvent| {
            // Chromium gives no message if a module cannot be fetched.
            let message = Some(error.message()).filter(|message| !message.is_empty() && message != "undefined");
            let _ = errors.unbounded_send(Err(message.unwrap_or_else(|| "its code could not be loaded".into())));
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self {
            worker,
            said,
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    async fn next(&mut self) -> Result<(Said, Vec<u8>), Failure> {
        match self.said.next().await {
            Some(Ok((Said::Failed(failure), _))) => Err(failure),
            Some(Ok(said)) => Ok(said),
            Some(Err(message)) => Err(lost(&message)),
            None => Err(lost("it is gone")),
        }
    }

    /// Sends the request, model and inputs of `data`.
    fn load(&self, data: &JsValue) -> Result<(), JsValue> {
        let request: Object = Reflect::get(data, &"request".into())?.dyn_into()?;
        // The worker itself sends nothing.
        let request = Object::assign(&Object::new(), &request);
        Reflect::set(&request, &"transport".into(), &JsValue::NULL)?;
        let mut message = Message::of(&request, "request")?;
        for key in ["model", "inputs"] {
            if let Some(bytes) = message::bytes(data, key) {
                message.attach(key, &bytes)?;
            }
        }
        self.worker
            .post_message_with_transfer(&message.object, &message.buffers)
    }

    /// Runs the model once. Returns the outputs of each request, and how long the run took.
    async fn run(&mut self, requests: &mut [Waiting]) -> Result<(Vec<Vec<Tensor>>, u64), Failure> {
        let taken = requests
            .iter_mut()
            .flat_map(|request| std::mem::take(&mut request.inputs));
        let inputs: Vec<NamedTensor> = taken.collect();
        let (header_length, body) = inference_protocol::encode(json!({}), "inputs", &inputs);
        let asked = Asked {
            requests: requests.len(),
            header_length,
        };
        let sent = Message::new("asked", &asked).and_then(|mut message| {
            message.attach("tensors", &body)?;
            self.worker
                .post_message_with_transfer(&message.object, &message.buffers)
        });
        sent.map_err(|error| lost(&exception(&error)))?;
        let (said, body) = self.next().await?;
        let Said::Answered {
            compute_ns,
            header_length,
        } = said
        else {
            return Err(unexpected(&said));
        };
        let (outputs, _) = inference_protocol::decode(Some(header_length), &body, "outputs")?;
        let each = (outputs.len() / requests.len()).max(1);
        let mut tensors = outputs.into_iter().map(|output| output.tensor);
        let answers = requests.iter().map(|_| tensors.by_ref().take(each).collect());
        Ok((answers.collect(), compute_ns))
    }
}

fn lost(message: &str) -> Failure {
    Failure::new(
        FailureKind::Died,
        format!("a worker that runs the model died: {message}"),
    )
}

fn unexpected(said: &Said) -> Failure {
    let name = match said {
        Said::Ready => "ready",
        Said::Loaded => "loaded",
        Said::Answered { .. } => "answered",
        Said::Failed(failure) => return failure.clone(),
    };
    lost(&format!("it said {name:?} out of turn"))
}
