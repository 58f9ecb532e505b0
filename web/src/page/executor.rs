//! Carries out requests in workers, with a fresh worker for each request.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use tare_core::{Attachments, Executor, OnProgress, Reply, fallback_warning};
use tare_record::{
    Cell, CellRequest, DeviceKind, EngineName, EnvironmentKind, Event, Failure, FailureKind, InteropCost, ModelSource,
    PageWatch, SelfCheck, Variant, Warning,
};
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, Worker};

use super::view::workers;
use super::worker_message::to_worker;
use super::{browser_info, interop, responsiveness};
use crate::message;

/// A worker that has not finished its cell this long after the time limit hangs.
const GRACE_MS: u64 = 10_000;

/// The event of a document whose tab is shown or hidden.
const VISIBILITY_CHANGE: &str = "visibilitychange";

/// A message from a worker or from the user.
enum Incoming {
    Event(Box<Event>, Vec<u8>),
    Error(String),
    TimeLimit,
    Cancelled,
}

#[derive(Default)]
struct Inbox {
    messages: VecDeque<Incoming>,
    waker: Option<Waker>,
}

#[wasm_bindgen(module = "/scripts/trusted.js")]
extern "C" {
    #[wasm_bindgen(js_name = startWorker, catch)]
    fn start_worker(url: &str) -> Result<Worker, JsValue>;
}

/// Runs cells in workers. Clones share one state, so that a clone can cancel.
#[derive(Clone)]
pub(super) struct WorkerExecutor {
    models: Rc<BTreeMap<String, Bytes>>,
    fallback: Option<String>,
    inbox: Rc<RefCell<Inbox>>,
    cancelled: Rc<std::cell::Cell<bool>>,
    /// Whether a worker was stopped while the GPU computed. The browser's GPU process may still be
    /// busy with its work.
    device_left_busy: Rc<std::cell::Cell<bool>>,
    /// Whether the browser failed to report its memory use. It is then not asked again.
    memory_is_unknown: Rc<std::cell::Cell<bool>>,
}

impl WorkerExecutor {
    pub(super) fn new(models: BTreeMap<String, Bytes>, fallback: Option<String>) -> Self {
        Self {
            models: Rc::new(models),
            fallback,
            inbox: Rc::default(),
            cancelled: Rc::default(),
            device_left_busy: Rc::default(),
            memory_is_unknown: Rc::default(),
        }
    }

    /// Stops the running cell and skips the following ones. What was measured is kept.
    pub(super) fn cancel(&self) {
        self.cancelled.set(true);
        deliver(&self.inbox, Incoming::Cancelled);
    }

    async fn next(&self) -> Incoming {
        poll_fn(|context| {
            let mut inbox = self.inbox.borrow_mut();
            match inbox.messages.pop_front() {
                Some(message) => Poll::Ready(message),
                None => {
                    inbox.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

fn deliver(inbox: &Rc<RefCell<Inbox>>, message: Incoming) {
    let waker = {
        let mut inbox = inbox.borrow_mut();
        inbox.messages.push_back(message);
        inbox.waker.take()
    };
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// A worker with its handlers and its time limit. Dropping it stops all of them.
struct Running {
    worker: Worker,
    timeout: i32,
    // Dropped handlers are no longer called.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
    _on_timeout: Closure<dyn FnMut()>,
    on_visibility: Closure<dyn FnMut()>,
    was_hidden: Rc<std::cell::Cell<bool>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
        window().clear_timeout_with_handle(self.timeout);
        let handler = self.on_visibility.as_ref().unchecked_ref();
        // Fails only without a document.
        let _ = window().remove_event_listener_with_callback_and_bool(VISIBILITY_CHANGE, handler, true);
    }
}

impl Running {
    /// Starts a worker, with parameters in its URL, and its time limit.
    fn start(query: &str, limit_s: u64, inbox: &Rc<RefCell<Inbox>>) -> Result<Self, JsValue> {
        let worker = start_worker(&format!("./{}/worker.js?{query}", workers()))?;
        let to = inbox.clone();
        let on_message = Closure::new(move |message: MessageEvent| {
            let data = message.data();
            let tensors = message::bytes(&data, "tensors").unwrap_or_default();
            let incoming = match message::field(&data, "event") {
                Ok(event) => Incoming::Event(Box::new(event), tensors),
                Err(error) => Incoming::Error(format!("cannot read its message: {error}")),
            };
            deliver(&to, incoming);
        });
        let to = inbox.clone();
        let on_error = Closure::new(move |error: ErrorEvent| {
            // Chromium gives no message if a module cannot be fetched.
            let message = Some(error.message()).filter(|message| !message.is_empty() && message != "undefined");
            deliver(
                &to,
                Incoming::Error(message.unwrap_or_else(|| "its code could not be loaded".into())),
            );
        });
        let to = inbox.clone();
        let on_timeout = Closure::new(move || deliver(&to, Incoming::TimeLimit));
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let limit_ms = i32::try_from(limit_s.saturating_mul(1000).saturating_add(GRACE_MS)).unwrap_or(i32::MAX);
        let timeout = window()
            .set_timeout_with_callback_and_timeout_and_arguments_0(on_timeout.as_ref().unchecked_ref(), limit_ms)?;
        let was_hidden = Rc::new(std::cell::Cell::new(!browser_info::visible()));
        let hidden = was_hidden.clone();
        let on_visibility = Closure::<dyn FnMut()>::new(move || hidden.set(hidden.get() || !browser_info::visible()));
        // The event of the document passes through the window on its way down.
        let handler = on_visibility.as_ref().unchecked_ref();
        window().add_event_listener_with_callback_and_bool(VISIBILITY_CHANGE, handler, true)?;
        Ok(Self {
            worker,
            timeout,
            on_visibility,
            was_hidden,
            _on_message: on_message,
            _on_error: on_error,
            _on_timeout: on_timeout,
        })
    }

    fn send(&self, request: &CellRequest, attachments: &Attachments) -> Result<(), JsValue> {
        let message = to_worker(request, attachments)?;
        self.worker
            .post_message_with_transfer(&message.object, &message.buffers)
    }
}

#[async_trait(?Send)]
impl Executor for WorkerExecutor {
    async fn execute(
        &mut self,
        request: &CellRequest,
        attachments: &Attachments,
        on_progress: &mut OnProgress<'_>,
    ) -> Reply {
        self.inbox.borrow_mut().messages.clear();
        let mut partial: Option<Box<Cell>> = None;
        match self.carry_out(request, attachments, on_progress, &mut partial).await {
            Ok(reply) => reply,
            Err(failure) => Reply::unfinished(request, failure, self.cancelled.get(), partial),
        }
    }

    async fn model(&mut self, name: &str) -> Result<(ModelSource, Option<Bytes>), Failure> {
        if tare_models::is_built_in(name) {
            return Ok((ModelSource::BuiltIn { name: name.into() }, None));
        }
        // Records show file names without folders.
        let file = name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned();
        match self.models.get(name) {
            Some(bytes) => Ok((ModelSource::Attached { name: file }, Some(bytes.clone()))),
            None => Err(tare_models::not_found(name)),
        }
    }

    fn stopped(&self) -> Option<String> {
        self.cancelled.get().then(|| "the run was canceled".into())
    }

    fn environment(&self) -> EnvironmentKind {
        EnvironmentKind::Browser
    }

    fn default_engines(&mut self) -> (Vec<EngineName>, Option<Warning>) {
        let engine = default_engine(self.fallback.is_some());
        let reason = self.fallback.as_deref();
        (vec![engine], reason.map(|reason| fallback_warning(engine, reason)))
    }

    async fn measure_interop(&mut self) -> Result<Vec<InteropCost>, String> {
        interop::costs().await
    }

    async fn watch_page(&mut self, request: &CellRequest, attachments: &Attachments) -> Result<Vec<PageWatch>, String> {
        responsiveness::watch(request, attachments).await
    }
}

/// The engine that suits this browser: the first one on the GPU, or on the CPU if WebGPU is missing
/// or slow.
pub(super) fn default_engine(on_cpu: bool) -> EngineName {
    let device = if on_cpu { DeviceKind::Cpu } else { DeviceKind::Gpu };
    let mut engines = EngineName::all_in(EnvironmentKind::Browser);
    engines
        .find(|engine| engine.spec().device == device)
        .unwrap_or(EngineName::references()[0])
}

impl WorkerExecutor {
    /// Runs the self-test in a worker, with `pairs` pairs of a real cell.
    pub(super) async fn selftest(&self, pairs: u32) -> Result<Vec<SelfCheck>, String> {
        // A pair takes about a third of a second.
        let limit_s = 120 + u64::from(pairs) * 3;
        self.inbox.borrow_mut().messages.clear();
        let _running = Running::start(
            &format!("module={}&selftest={pairs}", EngineName::references()[0]),
            limit_s,
            &self.inbox,
        )
        .map_err(|error| crate::exception(&error))?;
        loop {
            match self.next().await {
                Incoming::Event(event, _) => match *event {
                    Event::SelfTested { checks } => return Ok(checks),
                    Event::Died { message } => return Err(format!("the worker died: {message}")),
                    _ => {}
                },
                Incoming::Error(message) => return Err(format!("the worker died: {message}")),
                Incoming::Cancelled => return Err("it was canceled".into()),
                Incoming::TimeLimit => return Err(format!("the worker did not finish within {limit_s} s")),
            }
        }
    }

    async fn carry_out(
        &self,
        request: &CellRequest,
        attachments: &Attachments,
        on_progress: &mut OnProgress<'_>,
        partial: &mut Option<Box<Cell>>,
    ) -> Result<Reply, Failure> {
        let died = |message: String| {
            Failure::new(
                FailureKind::Died,
                format!("the worker died before it finished its cell: {message}"),
            )
        };
        let query = query(request)?;
        let running = Running::start(&query, request.rules.cell_limit_s, &self.inbox)
            .map_err(|error| died(crate::exception(&error)))?;
        let mut doing = String::from("start");
        loop {
            match self.next().await {
                Incoming::Event(event, tensors) => match *event {
                    Event::Ready { .. } => {
                        running
                            .send(request, attachments)
                            .map_err(|error| died(crate::exception(&error)))?;
                    }
                    Event::Progress { progress, cell } => {
                        on_progress(&progress, &cell);
                        doing = progress.phase;
                        *partial = Some(cell);
                    }
                    Event::Died { message } => return Err(died(message)),
                    Event::Done { mut cell } => {
                        // Only in the first round, because some browsers are slow to count, and
                        // while the worker still exists. No browser counts while threads wait.
                        if request.round == 1 && request.threads == 1 && !self.memory_is_unknown.get() {
                            cell.memory.browser_bytes = browser_info::browser_bytes().await;
                            self.memory_is_unknown.set(cell.memory.browser_bytes.is_none());
                        }
                        cell.browser.get_or_insert_default().was_hidden = running.was_hidden.get();
                        let event = Event::Done { cell };
                        return Ok(Reply { event, tensors });
                    }
                    event => return Ok(Reply { event, tensors }),
                },
                Incoming::Error(message) => return Err(died(message)),
                Incoming::Cancelled => return Err(died("it was canceled".into())),
                Incoming::TimeLimit => {
                    let was_busy = self.device_left_busy.get();
                    if request.engine.is_on_gpu() {
                        self.device_left_busy.set(true);
                    }
                    return Err(Failure::new(FailureKind::TimeLimit, format!(
                            "the worker exceeded the limit of {} s and was stopped during {doing}",
                            request.rules.cell_limit_s
                        )).with_hint(if was_busy && doing == "start" {
                                "restart the browser and measure this model first: an earlier cell was stopped at its time limit, and the browser's GPU process may still be running it"
                            } else {
                                "raise the time limit, or choose a smaller model"
                            }
                            ));
                }
            }
        }
    }
}

/// The parameters of the worker's URL: which module to load, and on how many threads.
fn query(request: &CellRequest) -> Result<String, Failure> {
    let threads = request.threads.max(1);
    if threads > 1 && !browser_info::is_isolated() {
        return Err(Failure::new(
            FailureKind::Device,
            format!("{threads} threads need shared memory, but this page is not cross-origin isolated"),
        )
        .with_hint("serve the page with `tare serve`, or with the headers COOP same-origin and COEP require-corp"));
    }
    let relaxed_simd = request.variant == Variant::RelaxedSimd;
    let module = request.engine.spec().module(relaxed_simd, threads > 1).ok_or_else(|| {
        let what = if threads > 1 { "several threads" } else { "relaxed SIMD" };
        Failure::new(
            FailureKind::Unsupported,
            format!("{} has no module for {what}", request.engine),
        )
    })?;
    let needs = if module.relaxed_simd { "&relaxed-simd" } else { "" };
    Ok(format!("module={}&threads={threads}{needs}", module.name))
}

fn window() -> web_sys::Window {
    js_sys::global().unchecked_into()
}
