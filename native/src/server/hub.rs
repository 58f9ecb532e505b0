//! The pages that take part in a run: who may connect, and what they fetch.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket};
use futures_util::{SinkExt, StreamExt};
use tare_record::{Failure, FailureKind, PROTOCOL, PageHello, PageMessage, RunnerMessage};
use tare_report::printable;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::token::token;

/// Time limit for a page to say hello.
const HELLO: Duration = Duration::from_secs(10);

/// A page that is connected.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) hello: Box<PageHello>,
    /// The same for all connections of one page.
    pub(crate) session: String,
    pub(crate) outgoing: UnboundedSender<RunnerMessage>,
    /// Messages with the bytes that followed them. Ends when the connection is lost.
    pub(crate) incoming: UnboundedReceiver<(PageMessage, Vec<u8>)>,
}

/// Who a page says that it is.
#[derive(Debug, Clone)]
pub(super) enum Who {
    Token(String),
    Session(String),
    Nobody,
}

/// What the server and the executors share.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Tokens that were not used yet.
    tokens: HashMap<String, UnboundedSender<Connection>>,
    /// Tokens that were used.
    used: Vec<String>,
    sessions: HashMap<String, UnboundedSender<Connection>>,
    /// What pages fetch, by the last part of its URL.
    attachments: HashMap<String, Bytes>,
    /// Pages that were refused.
    refused: usize,
}

/// Text from a page, for a terminal.
fn short(text: &str) -> String {
    const MOST_CHARACTERS: usize = 200;
    printable(&text.replace('\n', " "))
        .chars()
        .take(MOST_CHARACTERS)
        .collect()
}

impl Hub {
    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked leaves the maps whole.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A token with which one page can connect, and where its connections arrive: the first one,
    /// and those after a loss.
    pub(crate) fn expect(&self) -> (String, UnboundedReceiver<Connection>) {
        let (sender, receiver) = unbounded_channel();
        let token = token();
        self.state().tokens.insert(token.clone(), sender);
        (token, receiver)
    }

    /// Serves bytes to pages. Returns their URL, which is the same for the same bytes.
    pub(crate) fn attach(&self, bytes: &Bytes) -> String {
        let mut state = self.state();
        // The address identifies them, because they stay in memory.
        let known = state
            .attachments
            .iter()
            .find(|(_, known)| (known.as_ptr(), known.len()) == (bytes.as_ptr(), bytes.len()));
        let name = match known {
            Some((name, _)) => name.clone(),
            None => {
                let name = token();
                state.attachments.insert(name.clone(), bytes.clone());
                name
            }
        };
        format!("attachment/{name}")
    }

    pub(super) fn attachment(&self, name: &str) -> Option<Bytes> {
        self.state().attachments.get(name).cloned()
    }

    /// Where the connections of a page arrive, and its session.
    fn admit(&self, who: Who) -> Result<(String, UnboundedSender<Connection>), Failure> {
        let refused = |message: &str, hint: &str| Failure::new(FailureKind::Device, message).with_hint(hint);
        let mut state = self.state();
        match who {
            Who::Token(token) => match state.tokens.remove(&token) {
                Some(sender) => {
                    let session = super::token::token();
                    state.sessions.insert(session.clone(), sender.clone());
                    state.used.push(token);
                    Ok((session, sender))
                }
                None if state.used.contains(&token) => Err(refused(
                    "this link was used already: each link takes one page",
                    "close this page, or start another run and use its link",
                )),
                None => Err(refused(
                    "this link is not one of the run's",
                    "copy the link again, or use the QR code",
                )),
            },
            Who::Session(session) => match state.sessions.get(&session) {
                Some(sender) if !sender.is_closed() => Ok((session, sender.clone())),
                _ => Err(refused("the run is over", "start another run and use its link")),
            },
            Who::Nobody => Err(refused(
                "the link has no token",
                "copy the whole link that tare printed, or use the QR code",
            )),
        }
    }

    /// Whether a page that identifies itself like this is expected.
    pub(super) fn expects(&self, who: &Who) -> bool {
        let state = self.state();
        match who {
            Who::Token(token) => state.tokens.contains_key(token),
            Who::Session(session) => state.sessions.contains_key(session),
            Who::Nobody => false,
        }
    }

    /// Says that a page was refused: anybody who reaches this server may try, as often as they like.
    fn say_refused(&self, failure: &Failure) {
        const MOST_SAID: usize = 10;
        let mut state = self.state();
        state.refused += 1;
        match state.refused {
            0..=MOST_SAID => eprintln!("refused a page: {}", short(&failure.message)),
            count if count == MOST_SAID + 1 => eprintln!("refused more than {MOST_SAID} pages; others are not told"),
            _ => {}
        }
    }

    /// Talks to a page until one side ends the connection.
    pub(super) async fn serve(&self, mut socket: WebSocket, who: Who) {
        let hello = match timeout(HELLO, socket.recv()).await {
            Ok(Some(Ok(Message::Text(text)))) => hello(&text),
            Ok(Some(Ok(_))) => Err(Failure::new(
                FailureKind::Device,
                "expected a page's hello, found other bytes",
            )),
            Ok(_) => return,
            Err(_) => Err(Failure::new(
                FailureKind::Device,
                format!("the page connected and said nothing for {} s", HELLO.as_secs()),
            )),
        };
        let admitted = hello.and_then(|hello| Ok((hello, self.admit(who)?)));
        let (hello, (session, arrivals)) = match admitted {
            Ok(admitted) => admitted,
            Err(failure) => {
                self.say_refused(&failure);
                // The page may be gone already.
                let _ = send(&mut socket, &RunnerMessage::Refused { failure }).await;
                return;
            }
        };
        let (outgoing, mut to_send) = unbounded_channel();
        let (received, incoming) = unbounded_channel();
        let welcome = RunnerMessage::Welcome {
            session: session.clone(),
        };
        if send(&mut socket, &welcome).await.is_err() {
            return;
        }
        let connection = Connection {
            hello,
            session,
            outgoing,
            incoming,
        };
        if arrivals.send(connection).is_err() {
            return;
        }
        let (mut sink, mut stream) = socket.split();
        // A message that waits for the bytes that belong to it.
        let mut waiting: Option<PageMessage> = None;
        loop {
            tokio::select! {
                message = to_send.recv() => {
                    let Some(message) = message else { break };
                    let Ok(text) = serde_json::to_string(&message) else { continue };
                    if sink.send(Message::Text(text.into())).await.is_err() {
                        break;
                    }
                }
                frame = stream.next() => match frame {
                    Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                        Ok(message @ PageMessage::Event { tensors: true, .. }) => waiting = Some(message),
                        Ok(message) => {
                            if received.send((message, vec![])).is_err() {
                                break;
                            }
                        }
                        Err(error) => eprintln!("a page sent an unknown message: {}", short(&error.to_string())),
                    },
                    Some(Ok(Message::Binary(bytes))) => {
                        if let Some(message) = waiting.take()
                            && received.send((message, bytes.to_vec())).is_err()
                        {
                            break;
                        }
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                },
            }
        }
        // The other side may have closed it.
        let _ = sink.close().await;
    }
}

async fn send(socket: &mut WebSocket, message: &RunnerMessage) -> Result<(), axum::Error> {
    let text = serde_json::to_string(message).unwrap_or_default();
    socket.send(Message::Text(text.into())).await
}

/// The first message of a page.
fn hello(text: &str) -> Result<Box<PageHello>, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let other = |found: String| {
        Failure::new(
            FailureKind::Device,
            format!("the page is of another version of tare: expected {version}, found {found}"),
        )
        .with_hint("reload the page, or clear the browser's cache for it")
    };
    match serde_json::from_str(text) {
        Ok(PageMessage::Hello(hello)) if hello.protocol != PROTOCOL || hello.build.version != version => Err(other(
            format!("{} with messages of version {}", hello.build.version, hello.protocol),
        )),
        Ok(PageMessage::Hello(hello)) => Ok(hello),
        Ok(_) => Err(Failure::new(
            FailureKind::Device,
            "expected a page's hello, found another message",
        )),
        Err(error) => Err(other(format!("a hello that cannot be read ({error})"))),
    }
}
