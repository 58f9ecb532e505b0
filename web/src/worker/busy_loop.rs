use js_sys::{Function, Promise};
use tare_core::Clock;
use tare_record::{CellRequest, Failure};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::engine::{Setup, engine};
use super::workload::workload;
use crate::clock::{PerformanceClock, milliseconds};
use crate::message;

/// Runs the model of a request in a loop, for `ms` milliseconds and at least once. Calls `loaded`
/// when the model is ready to run, and awaits the promise of `pause` after every run. Returns the
/// number of runs.
///
/// # Errors
///
/// If the request cannot be read, or the engine fails.
#[wasm_bindgen]
pub async fn busy_loop(message: JsValue, ms: f64, loaded: Function, pause: Function) -> Result<u32, JsValue> {
    let js_error = |message: &str| JsValue::from(js_sys::Error::new(message));
    let failed = |failure: Failure| js_error(&failure.message);
    let request: CellRequest = message::field(&message, "request").map_err(|error| js_error(&error))?;
    let workload = workload(&request, &message).map_err(failed)?;
    let engine = engine(Setup::PLAIN).await.map_err(failed)?;
    let clock = PerformanceClock;
    let mut ready = workload.load(&*engine, &clock).await.map_err(failed)?;
    loaded.call0(&JsValue::NULL)?;
    let end_ns = clock.now_ns() + milliseconds(ms);
    let mut runs = 0;
    loop {
        ready.run(&clock).await.map_err(failed)?;
        runs += 1;
        let pause: Promise = pause.call0(&JsValue::NULL)?.dyn_into()?;
        JsFuture::from(pause).await?;
        if clock.now_ns() >= end_ns {
            return Ok(runs);
        }
    }
}
