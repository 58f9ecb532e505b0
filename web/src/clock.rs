use tare_core::Clock;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// The browser's monotonic clock, in pages and workers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PerformanceClock;

impl Clock for PerformanceClock {
    fn now_ns(&self) -> u64 {
        milliseconds(performance_now())
    }

    fn source(&self) -> &'static str {
        "performance.now"
    }
}

/// Converts milliseconds to whole nanoseconds.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times since the start of the page fit; negative ones become 0"
)]
pub(crate) fn milliseconds(ms: f64) -> u64 {
    (ms * 1e6).round() as u64
}
