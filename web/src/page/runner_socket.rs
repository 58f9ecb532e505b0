//! The WebSocket to a runner.

use std::cell::RefCell;
use std::rc::Rc;

use tare_record::{PageMessage, RunnerMessage};
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, Event, MessageEvent, WebSocket};

use super::browser_info::window;

/// What happened to the connection.
pub(super) enum Incoming {
    Opened,
    Message(Box<RunnerMessage>),
    Closed,
}

/// A connection to the runner that served this page. Dropping it closes it.
pub(super) struct Socket {
    socket: WebSocket,
    // Dropped handlers are no longer called.
    _handlers: [Closure<dyn FnMut(Event)>; 3],
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onclose(None);
        self.socket.set_onerror(None);
        self.socket.set_onmessage(None);
        // A socket that is closed already stays closed.
        let _ = self.socket.close();
    }
}

impl Socket {
    /// Connects, with `key=value` as the parameter that says who this page is.
    pub(super) fn open(key: &str, value: &str, incoming: impl Fn(Incoming) + 'static) -> Result<Self, JsValue> {
        let location = window().location();
        let scheme = if location.protocol()? == "https:" { "wss" } else { "ws" };
        let value = String::from(js_sys::encode_uri_component(value));
        let socket = WebSocket::new(&format!("{scheme}://{}/runner?{key}={value}", location.host()?))?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let incoming = Rc::new(RefCell::new(incoming));
        let tell = |what: fn() -> Incoming| {
            let incoming = incoming.clone();
            Closure::<dyn FnMut(Event)>::new(move |_| incoming.borrow()(what()))
        };
        let handlers = [
            tell(|| Incoming::Opened),
            tell(|| Incoming::Closed),
            // A close event follows.
            Closure::new(|_| {}),
        ];
        socket.set_onopen(Some(handlers[0].as_ref().unchecked_ref()));
        socket.set_onclose(Some(handlers[1].as_ref().unchecked_ref()));
        socket.set_onerror(Some(handlers[2].as_ref().unchecked_ref()));
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            let text = message.data().as_string().unwrap_or_default();
            match serde_json::from_str(&text) {
                Ok(message) => incoming.borrow()(Incoming::Message(Box::new(message))),
                Err(error) => web_sys::console::error_1(&format!("cannot read the runner's message: {error}").into()),
            }
        });
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Ok(Self {
            socket,
            _handlers: handlers,
            _on_message: on_message,
        })
    }

    /// Sends a message, and the tensors that follow it. Returns whether the socket took both.
    pub(super) fn send(&self, message: &PageMessage, tensors: &[u8]) -> bool {
        // As records are written: another way to write a cell would add 5 kB to the page.
        let Ok(text) = serde_json::to_string_pretty(message) else {
            return false;
        };
        self.socket.ready_state() == WebSocket::OPEN
            && self.socket.send_with_str(&text).is_ok()
            && (tensors.is_empty() || self.socket.send_with_u8_array(tensors).is_ok())
    }
}
