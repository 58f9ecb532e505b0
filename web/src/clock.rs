use std::pin::Pin;

use js_sys::{Function, Promise};
use tare_core::Clock;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;

    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, ms: f64);
}

/// The browser's monotonic clock, in pages and workers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PerformanceClock;

impl Clock for PerformanceClock {
    fn now_ns(&self) -> u64 {
        milliseconds(performance_now())
    }

    fn sleep<'a>(&'a self, duration_ns: u64) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        let timer = Promise::new(&mut |resolve, _| set_timeout(&resolve, duration_ns as f64 / 1e6));
        Box::pin(async move {
            // A timer is never rejected.
            let _ = JsFuture::from(timer).await;
        })
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
