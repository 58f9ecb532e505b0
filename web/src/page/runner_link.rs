//! Carries out requests of a runner, one after the other.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bytes::Bytes;
use tare_core::{Attachments, Clock, Executor, Reply, calibrate};
use tare_record::{
    Cell, CellRequest, Event, Failure, FailureKind, PROTOCOL, PageHello, PageMessage, Progress, RunnerMessage,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::executor::{WorkerExecutor, default_engine};
use super::foreground::Foreground;
use super::runner_socket::{Incoming, Socket};
use super::state::page;
use super::{browser_info, runner_view, view};
use crate::clock::PerformanceClock;

/// Time between two attempts to connect again.
const RETRY_MS: i32 = 1_000;

/// Time after which a lost runner is not looked for any more.
const GIVE_UP_NS: u64 = 120_000_000_000;

/// Attachments that are kept for later requests, so that they are fetched once.
const KEPT_BYTES: usize = 1 << 30;

/// What this page is to its runner.
struct Link {
    token: String,
    /// What the page connects with again.
    session: Option<String>,
    hello: Box<PageHello>,
    socket: Option<Socket>,
    executor: WorkerExecutor,
    /// The newest request. The runner sends it again after a loss.
    request: u64,
    /// Final replies that the runner has not received.
    unsent: Vec<(PageMessage, Vec<u8>)>,
    /// Attachments by URL.
    fetched: BTreeMap<String, Bytes>,
    /// When the connection was lost.
    lost_ns: Option<u64>,
    over: bool,
    /// Keeps the screen on until the run is over.
    foreground: Option<Foreground>,
}

impl Link {
    fn end(&mut self) {
        self.over = true;
        self.foreground = None;
    }
}

thread_local! {
    static LINK: RefCell<Option<Link>> = const { RefCell::new(None) };
}

/// Calls `with` with the link, if there is one.
fn link<T>(with: impl FnOnce(&mut Link) -> T) -> Option<T> {
    LINK.with_borrow_mut(|link| link.as_mut().map(with))
}

/// Connects to the runner that served this page.
pub(super) async fn join(token: String) {
    runner_view::show(leave);
    let clock = match calibrate(&PerformanceClock) {
        Ok(clock) => clock,
        Err(error) => return view::fail(&error.to_string()),
    };
    let machine = super::machine().await;
    let fallback = page(|page| page.fallback.clone());
    let hello = PageHello {
        protocol: PROTOCOL,
        build: browser_info::build_info(),
        warnings: browser_info::warnings(&machine),
        machine,
        clock,
        default_engine: default_engine(fallback.is_some()),
        fallback: fallback.clone(),
    };
    let executor = WorkerExecutor::new(BTreeMap::new(), fallback);
    LINK.set(Some(Link {
        token,
        session: None,
        hello: Box::new(hello),
        socket: None,
        executor,
        request: 0,
        unsent: vec![],
        fetched: BTreeMap::new(),
        lost_ns: None,
        over: false,
        foreground: Some(Foreground::new()),
    }));
    runner_view::on_hidden(|| send(PageMessage::Hidden, vec![]), || send(PageMessage::Left, vec![]));
    connect();
}

/// The user ended this page's part.
pub(super) fn leave() {
    let left = link(|link| {
        if link.over {
            return false;
        }
        link.executor.cancel();
        if let Some(socket) = &link.socket {
            socket.send(&PageMessage::Left, &[]);
        }
        link.end();
        true
    });
    if left == Some(true) {
        end("You ended this browser's part of the run. What it measured is kept.");
    }
}

fn connect() {
    let opened = link(|link| {
        let (key, value) = match &link.session {
            Some(session) => ("session", session),
            None => ("token", &link.token),
        };
        Socket::open(key, value, |incoming| spawn_local(async move { take(incoming) })).map(|socket| {
            link.socket = Some(socket);
        })
    });
    if let Some(Err(error)) = opened {
        view::fail(&format!("Cannot connect to tare: {}", crate::exception(&error)));
    }
}

fn take(incoming: Incoming) {
    match incoming {
        Incoming::Opened => {
            link(|link| {
                if let Some(socket) = &link.socket {
                    socket.send(&PageMessage::Hello(link.hello.clone()), &[]);
                }
            });
        }
        Incoming::Message(message) => obey(*message),
        Incoming::Closed => lost(),
    }
}

/// Connects again after a while, or gives up.
fn lost() {
    let now_ns = PerformanceClock.now_ns();
    let state = link(|link| {
        link.socket = None;
        let since_ns = *link.lost_ns.get_or_insert(now_ns);
        (
            link.over,
            link.session.is_some(),
            now_ns.saturating_sub(since_ns) > GIVE_UP_NS,
        )
    });
    match state {
        Some((false, true, false)) => {
            view::progress(0, "The connection to tare was lost. Connecting again.");
            let again = Closure::once_into_js(connect);
            // A window always has timers.
            let _ = browser_info::window()
                .set_timeout_with_callback_and_timeout_and_arguments_0(again.unchecked_ref(), RETRY_MS);
        }
        Some((false, joined, _)) => {
            link(|link| {
                link.end();
                link.executor.cancel();
            });
            runner_view::ended();
            view::fail(if joined {
                "The connection to tare was lost. What this browser measured is in the folder of the run."
            } else {
                "Cannot connect to tare. The run may be over, or its link may have been used already."
            });
        }
        _ => {}
    }
}

fn obey(message: RunnerMessage) {
    match message {
        RunnerMessage::Welcome { session } => {
            let unsent = link(|link| {
                link.session = Some(session);
                link.lost_ns = None;
                std::mem::take(&mut link.unsent)
            });
            view::set_state("running");
            view::progress(0, "Connected. Waiting for the first cell.");
            for (message, tensors) in unsent.unwrap_or_default() {
                send(message, tensors);
            }
        }
        RunnerMessage::Refused { failure } => {
            link(Link::end);
            runner_view::ended();
            view::fail(&failure.to_string());
        }
        RunnerMessage::Execute { id, .. }
        | RunnerMessage::MeasureInterop { id }
        | RunnerMessage::WatchPage { id, .. }
            if !is_new(id) => {}
        RunnerMessage::Execute {
            id,
            request,
            model,
            inputs,
            reference,
            wants_outputs,
        } => spawn_local(async move {
            let urls = [model, inputs, reference];
            execute(id, &request, urls, wants_outputs).await;
        }),
        RunnerMessage::MeasureInterop { id } => spawn_local(async move {
            let costs = super::interop::costs().await;
            send(PageMessage::Interop { id, costs }, vec![]);
        }),
        RunnerMessage::WatchPage { id, request, model } => spawn_local(async move {
            let watches = match attachments([model, None, None]).await {
                Ok(attachments) => super::responsiveness::watch(&request, &attachments).await,
                Err(error) => Err(error),
            };
            send(PageMessage::Watched { id, watches }, vec![]);
        }),
        RunnerMessage::Cancel => {
            link(|link| link.executor.cancel());
        }
        RunnerMessage::AreYouAlive => send(PageMessage::Alive, vec![]),
        RunnerMessage::Finished { text } => {
            link(Link::end);
            end(&text);
        }
    }
}

/// Whether a request did not arrive before.
fn is_new(id: u64) -> bool {
    let is_new = link(|link| {
        let is_new = id > link.request;
        link.request = link.request.max(id);
        is_new
    });
    is_new == Some(true)
}

fn end(text: &str) {
    runner_view::ended();
    view::set_state("done");
    view::progress(100, "Done.");
    view::note(text);
    link(|link| link.socket = None);
}

/// Sends a message. A final reply waits for the next connection if there is none.
fn send(message: PageMessage, tensors: Vec<u8>) {
    let is_final = match &message {
        PageMessage::Event { event, .. } => !matches!(event, Event::Progress { .. }),
        PageMessage::Interop { .. } | PageMessage::Watched { .. } => true,
        _ => false,
    };
    link(|link| {
        let sent = link
            .socket
            .as_ref()
            .is_some_and(|socket| socket.send(&message, &tensors));
        if !sent && is_final {
            link.unsent.push((message, tensors));
        }
    });
}

async fn execute(id: u64, request: &CellRequest, urls: [Option<String>; 3], wants_outputs: bool) {
    let Some(mut executor) = link(|link| link.executor.clone()) else {
        return;
    };
    let mut on_progress = |progress: &Progress, cell: &Cell| {
        view::progress(
            progress.percent,
            &tare_report::progress_line(None, request, progress, cell),
        );
        let event = Event::Progress {
            progress: progress.clone(),
            cell: Box::new(cell.clone()),
        };
        send(
            PageMessage::Event {
                id,
                event,
                tensors: false,
            },
            vec![],
        );
    };
    let reply = match attachments(urls).await {
        Ok(attachments) => executor.execute(request, &attachments, &mut on_progress).await,
        Err(error) => {
            let failure = Failure::new(FailureKind::Lost, error);
            Reply::unfinished(request, failure, false, None)
        }
    };
    if let Event::Done { cell } = &reply.event {
        runner_view::add_line(&tare_report::ended_line(cell));
        view::progress(0, "Waiting for the next cell, while other environments measure.");
    }
    let tensors = if wants_outputs { reply.tensors } else { vec![] };
    send(
        PageMessage::Event {
            id,
            event: reply.event,
            tensors: !tensors.is_empty(),
        },
        tensors,
    );
}

/// Fetches what was not fetched before.
async fn attachments(urls: [Option<String>; 3]) -> Result<Attachments, String> {
    let mut found = Vec::new();
    for url in urls {
        let Some(url) = url else {
            found.push(None);
            continue;
        };
        let known = link(|link| link.fetched.get(&url).cloned()).flatten();
        let bytes = match known {
            Some(bytes) => bytes,
            None => {
                let bytes = Bytes::from(browser_info::fetch(&url).await?);
                link(|link| {
                    let kept: usize = link.fetched.values().map(Bytes::len).sum();
                    if kept + bytes.len() > KEPT_BYTES {
                        link.fetched.clear();
                    }
                    link.fetched.insert(url, bytes.clone());
                });
                bytes
            }
        };
        found.push(Some(bytes));
    }
    let mut found = found.into_iter();
    let mut next = || found.next().flatten();
    Ok(Attachments {
        model: next(),
        inputs: next(),
        reference: next(),
    })
}
