//! What a run does to the page, and the page to the run: whether it could draw, and whether the user saw it.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/scripts/foreground.js")]
extern "C" {
    type FrontWatch;

    #[wasm_bindgen(constructor)]
    fn new() -> FrontWatch;

    #[wasm_bindgen(method, js_name = longestGap)]
    fn longest_gap(this: &FrontWatch) -> Option<f64>;

    #[wasm_bindgen(method, js_name = wasHidden)]
    fn was_hidden(this: &FrontWatch) -> bool;

    #[wasm_bindgen(method)]
    fn end(this: &FrontWatch);

    /// Keeps the screen on while the page is visible, where the browser allows it.
    type ScreenLock;

    #[wasm_bindgen(constructor)]
    fn new() -> ScreenLock;

    #[wasm_bindgen(method)]
    fn end(this: &ScreenLock);
}

/// Watches the page, and keeps the screen on, until it is dropped.
pub(super) struct Foreground {
    watch: FrontWatch,
    screen: ScreenLock,
}

impl Foreground {
    pub(super) fn new() -> Self {
        Self {
            watch: FrontWatch::new(),
            screen: ScreenLock::new(),
        }
    }

    /// The longest time between two frames in nanoseconds. `None` if the page drew none.
    pub(super) fn longest_gap_ns(&self) -> Option<f64> {
        self.watch.longest_gap().map(|ms| ms * 1e6)
    }

    /// Whether the tab was hidden at any moment.
    pub(super) fn was_hidden(&self) -> bool {
        self.watch.was_hidden()
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        self.watch.end();
        self.screen.end();
    }
}
