//! What the page shows while it carries out requests of a runner.

use wasm_bindgen::prelude::*;
use web_sys::{Element, EventTarget, HtmlButtonElement, HtmlElement};

use super::view::{self, create, document, element};

/// Shows what this page is doing instead of the form. `leave` is called to end its part.
pub(super) fn show(leave: fn()) {
    // What these say is about the page alone.
    for part in ["intro", "first", "choose"] {
        element::<HtmlElement>(part).set_hidden(true);
    }
    view::note("");
    for part in ["runner", "rounds"] {
        element::<HtmlElement>(part).set_hidden(false);
    }
    listen(&element::<HtmlElement>("leave"), "click", Closure::new(leave));
}

/// The run is over: there is nothing to stop.
pub(super) fn ended() {
    element::<HtmlButtonElement>("leave").set_disabled(true);
}

/// Shows what came of a round, the newest first.
pub(super) fn add_line(text: &str) {
    let line = create("li");
    line.set_text_content(Some(text));
    element::<Element>("rounds").prepend_with_node_1(&line).unwrap_throw();
}

/// Calls `hidden` whenever the tab becomes hidden, and `closed` when the page is closed or left.
pub(super) fn on_hidden(hidden: fn(), closed: fn()) {
    let changed = move || {
        if !super::browser_info::visible() {
            hidden();
        }
    };
    changed();
    listen(&document(), "visibilitychange", Closure::new(changed));
    listen(&super::browser_info::window(), "pagehide", Closure::new(closed));
}

/// Calls `handler` for every event with this name, as long as the page exists.
fn listen(target: &EventTarget, name: &str, handler: Closure<dyn FnMut()>) {
    target
        .add_event_listener_with_callback(name, handler.into_js_value().unchecked_ref())
        .unwrap_throw();
}
