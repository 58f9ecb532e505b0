//! Threads that run a model, and the requests that wait for them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tare_core::{Engine, NamedTensor, ServedModel, ServerTimes, Workload};
use tare_record::{Batching, Failure, FailureKind, ServerFacts, TensorInfo};
use tokio::sync::oneshot;

use crate::machine::SystemClock;

/// More waiting requests than this are refused: the load is beyond what the model can answer.
const MAX_WAITING: usize = 1_000;

/// Makes the model and its engine. Called once in each thread, because neither can move to another.
pub(super) type Prepare = dyn Fn() -> Result<(Workload, Box<dyn Engine>), Failure> + Send + Sync;

/// A request that waits for its answer.
struct Request {
    inputs: Vec<NamedTensor>,
    arrived: Instant,
    answer: oneshot::Sender<Result<Answer, Failure>>,
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) outputs: Vec<NamedTensor>,
    pub(super) times: ServerTimes,
}

/// The sessions of a server. Clones share them.
#[derive(Clone)]
pub(super) struct Sessions {
    waiting: SyncSender<Request>,
    expected: Arc<Vec<TensorInfo>>,
}

/// What the threads share.
struct Shared {
    /// Locked by the thread that collects the next run.
    waiting: Mutex<Receiver<Request>>,
    batching: Option<Batching>,
    runs: AtomicU64,
}

impl Sessions {
    /// Loads the model in `count` threads. Returns when all are ready.
    ///
    /// # Errors
    ///
    /// If the model cannot be loaded or run.
    pub(super) fn start(
        count: usize,
        batching: Option<Batching>,
        prepare: Arc<Prepare>,
    ) -> Result<(Self, ServerFacts), Failure> {
        let (sender, receiver) = sync_channel(MAX_WAITING);
        let shared = Arc::new(Shared {
            waiting: Mutex::new(receiver),
            batching,
            runs: AtomicU64::new(0),
        });
        let (ready, facts) = channel();
        for _ in 0..count.max(1) {
            let (shared, prepare, ready) = (shared.clone(), prepare.clone(), ready.clone());
            std::thread::spawn(move || {
                if let Err(failure) = pollster::block_on(session(&shared, &*prepare, &ready)) {
                    // Nobody waits for it if another thread has failed before.
                    let _ = ready.send(Err(failure));
                }
            });
        }
        drop(ready);
        let mut all = None;
        for facts in facts.iter().take(count.max(1)) {
            all.get_or_insert(facts?);
        }
        let facts = all.ok_or_else(gone)?;
        let sessions = Self {
            waiting: sender,
            expected: Arc::new(facts.inputs.clone()),
        };
        Ok((sessions, facts))
    }

    /// Runs the model for a request.
    ///
    /// # Errors
    ///
    /// If the inputs are not those of the model, too many requests wait, or the model fails.
    pub(super) async fn answer(&self, inputs: Vec<NamedTensor>) -> Result<Answer, Failure> {
        let inputs = self.checked(inputs)?;
        let (sender, answer) = oneshot::channel();
        let request = Request {
            inputs,
            arrived: Instant::now(),
            answer: sender,
        };
        self.waiting.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => Failure::new(FailureKind::Run, format!("{MAX_WAITING} requests wait already"))
                .with_hint("send fewer requests at once"),
            TrySendError::Disconnected(_) => gone(),
        })?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// The inputs in the order of the model.
    fn checked(&self, mut inputs: Vec<NamedTensor>) -> Result<Vec<NamedTensor>, Failure> {
        let bad = |message: String| Failure::new(FailureKind::Input, message);
        let mut ordered = Vec::with_capacity(inputs.len());
        for expected in self.expected.iter() {
            let names = || {
                inputs
                    .iter()
                    .map(|input| input.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            let position = inputs.iter().position(|input| input.name == expected.name);
            let position =
                position.ok_or_else(|| bad(format!("expected an input {:?}, found {}", expected.name, names())))?;
            let input = inputs.swap_remove(position);
            let (dtype, shape) = (input.tensor.dtype(), input.tensor.shape());
            if dtype != expected.dtype || shape != expected.shape {
                return Err(bad(format!(
                    "input {:?}: expected {} of shape {:?}, found {dtype} of shape {shape:?}",
                    expected.name, expected.dtype, expected.shape
                )));
            }
            ordered.push(input);
        }
        match inputs.first() {
            Some(input) => Err(bad(format!("the model has no input {:?}", input.name))),
            None => Ok(ordered),
        }
    }
}

fn gone() -> Failure {
    Failure::new(FailureKind::Died, "the thread that runs the model is gone")
}

/// Loads the model, and answers requests until the server ends.
async fn session(
    shared: &Shared,
    prepare: &Prepare,
    ready: &Sender<Result<ServerFacts, Failure>>,
) -> Result<(), Failure> {
    let (workload, engine) = prepare()?;
    let mut model = ServedModel::load(&workload, &*engine, &SystemClock).await?;
    if ready.send(Ok(model.facts())).is_err() {
        return Ok(());
    }
    let mut free = Instant::now();
    while let Some(requests) = shared.next_requests() {
        let started = Instant::now();
        let inputs: Vec<&[NamedTensor]> = requests.iter().map(|request| request.inputs.as_slice()).collect();
        let outcome = model.run(&inputs, &SystemClock).await;
        let ended = Instant::now();
        let run = shared.runs.fetch_add(1, Ordering::Relaxed);
        let count = requests.len();
        let mut outcome = outcome.map(Vec::into_iter);
        for request in requests {
            let could_start = free.max(request.arrived);
            let times = ServerTimes {
                queue_ns: nanoseconds(could_start - request.arrived),
                batching_ns: nanoseconds(started.saturating_duration_since(could_start)),
                compute_ns: nanoseconds(ended - started),
                run,
                requests: count,
            };
            let answer = match &mut outcome {
                Ok(outputs) => outputs.next().ok_or_else(gone).map(|outputs| Answer { outputs, times }),
                Err(failure) => Err(failure.clone()),
            };
            // A client that went away needs no answer.
            let _ = request.answer.send(answer);
        }
        free = ended;
    }
    Ok(())
}

impl Shared {
    /// The requests of the next run. `None` if the server has ended.
    fn next_requests(&self) -> Option<Vec<Request>> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut requests = vec![waiting.recv().ok()?];
            if let Some(batching) = self.batching {
                let deadline = requests[0].arrived + Duration::from_nanos(batching.max_wait_ns);
                while requests.len() < batching.max_requests {
                    let left = deadline.saturating_duration_since(Instant::now());
                    match waiting.recv_timeout(left) {
                        Ok(request) => requests.push(request),
                        Err(_) => break,
                    }
                }
            }
            requests.retain(|request| !request.answer.is_closed());
            if !requests.is_empty() {
                return Some(requests);
            }
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
