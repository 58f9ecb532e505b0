use tare_core::{Clock, Control, Engine, Observer, RealCell, serve_request};
use tare_record::{
    BrowserWatch, Cell, CellRequest, Event, Failure, LoadMs, Memory, ModuleInfo, ModuleSize, Phase, PhaseName,
    Progress, Transport,
};
use wasm_bindgen::prelude::*;
use web_sys::MessageEvent;

use super::engine::Setup;
use super::remote::RemoteEngine;
use super::scope::scope;
use super::workload::workload;
use super::{engine, error_log};
use crate::clock::{PerformanceClock, milliseconds};
use crate::message::{self, Message};

/// Reports that the worker is ready, and serves the first request.
///
/// `load_ms` is a [`LoadMs`], and `size` a [`ModuleSize`] if it is known.
///
/// # Errors
///
/// If the durations cannot be read.
#[wasm_bindgen]
pub fn serve(load_ms: JsValue, size: JsValue) -> Result<(), JsValue> {
    report_panics();
    error_log::install();
    let phases = phases(load_ms)?;
    let earlier = phases.clone();
    let size: Option<ModuleSize> = message::from_js(size)?;
    let handler = Closure::once_into_js(move |message: MessageEvent| {
        wasm_bindgen_futures::spawn_local(async move {
            let data = message.data();
            match message::field(&data, "request") {
                Ok(request) => carry_out(&request, &data, earlier, size).await,
                Err(error) => post(
                    &Event::Died {
                        message: format!("cannot read the request: {error}"),
                    },
                    &[],
                ),
            }
        });
    });
    scope().set_onmessage(Some(handler.unchecked_ref()));
    post(&Event::Ready { phases }, &[]);
    Ok(())
}

fn phases(load_ms: JsValue) -> Result<Vec<Phase>, JsValue> {
    let load_ms: LoadMs = message::from_js(load_ms)?;
    let steps = [
        (PhaseName::Download, Some(load_ms.download)),
        (PhaseName::Compile, Some(load_ms.compile)),
        (PhaseName::Instantiate, Some(load_ms.instantiate)),
        (PhaseName::Threads, load_ms.threads),
    ];
    let phases = steps.into_iter().filter_map(|(name, ms)| {
        Some(Phase {
            name,
            duration_ns: milliseconds(ms?),
        })
    });
    Ok(phases.collect())
}

/// Returns a [`ModuleInfo`]: how this module was built, and the calibration of its clock.
///
/// # Errors
///
/// If the clock cannot be used.
#[wasm_bindgen]
pub fn module_info() -> Result<JsValue, JsValue> {
    let clock = tare_core::calibrate(&PerformanceClock).map_err(|error| JsValue::from_str(&error.to_string()))?;
    let info = ModuleInfo {
        // Without the revision, which the page knows: otherwise every commit would change the
        // module.
        build: tare_core::build_info(""),
        clock,
    };
    Ok(message::to_js(&info)?)
}

/// Runs the self-test and posts its results. A cell on this engine is measured against itself in
/// `pairs` pairs.
#[wasm_bindgen]
pub fn selftest(pairs: u32) {
    report_panics();
    wasm_bindgen_futures::spawn_local(async move {
        let ready = match tare_models::selftest_workload() {
            Ok(workload) => engine::engine(Setup::PLAIN).await.map(|engine| (workload, engine)),
            Err(failure) => Err(failure),
        };
        let event = match ready {
            Ok((workload, engine)) => {
                let real = RealCell {
                    engine: &*engine,
                    workload,
                    pairs: u64::from(pairs),
                };
                Event::SelfTested {
                    checks: tare_core::selftest(std::rc::Rc::new(PerformanceClock), &real).await,
                }
            }
            Err(failure) => Event::Died {
                message: failure.message,
            },
        };
        post(&event, &[]);
    });
}

async fn carry_out(request: &CellRequest, data: &JsValue, mut earlier: Vec<Phase>, size: Option<ModuleSize>) {
    let clock = PerformanceClock;
    let collections_before = collections();
    let start_ns = clock.now_ns();
    let workload = workload(request, data);
    earlier.push(clock.phase_since(start_ns, PhaseName::Model));
    let engine = match request.sent_over() {
        Some(transport) => remote(transport, request, data).await,
        None => engine::engine(Setup::of(request)).await,
    };
    let reference = message::bytes(data, "reference").unwrap_or_default();
    let mut reply = serve_request(
        request,
        workload,
        engine.as_deref().map_err(Clone::clone),
        &reference,
        earlier,
        &clock,
        &mut Reporter {
            has_model: request.sent_over().is_none() && !request.engine.spec().is_yardstick,
        },
    )
    .await;
    if let Event::Done { cell } = &mut reply.event {
        error_log::add_to(cell);
        // The browser tells of a collection in a task of its own.
        clock.sleep(0).await;
        cell.browser = collections().map(|after| BrowserWatch {
            collections: Some(after - collections_before.unwrap_or(0)),
            was_hidden: false,
        });
        cell.module = size;
    }
    post(&reply.event, &reply.tensors);
}

/// Garbage collections that `worker.js` has counted so far. `None` in Node.
fn collections() -> Option<u64> {
    let count = js_sys::Reflect::get(&scope(), &"garbageCollections".into())
        .ok()?
        .as_f64()?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    Some(count as u64)
}

/// The engine that sends requests elsewhere.
async fn remote(transport: Transport, request: &CellRequest, data: &JsValue) -> Result<Box<dyn Engine>, Failure> {
    Ok(Box::new(RemoteEngine::connect(transport, request, data).await?))
}

struct Reporter {
    /// Whether the model is in the memory of this worker.
    has_model: bool,
}

impl Observer for Reporter {
    fn progress(&mut self, progress: &Progress, cell: &Cell) -> Control {
        let event = Event::Progress {
            progress: progress.clone(),
            cell: Box::new(cell.clone()),
        };
        post(&event, &[]);
        // The page cancels by terminating the worker.
        Control::Continue
    }

    fn memory(&self) -> Memory {
        #[cfg(target_arch = "wasm32")]
        let wasm_linear_bytes = Some(core::arch::wasm32::memory_size(0) as u64 * 65_536);
        #[cfg(not(target_arch = "wasm32"))]
        let wasm_linear_bytes = None;
        Memory {
            wasm_linear_bytes: wasm_linear_bytes.filter(|_| self.has_model),
            ..Memory::default()
        }
    }
}

fn report_panics() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        let message = info.to_string();
        post(&Event::Died { message }, &[]);
    }));
}

/// Posts an event with encoded tensors attached.
fn post(event: &Event, tensors: &[u8]) {
    let sent = Message::new("event", event).and_then(|mut message| {
        message.attach("tensors", tensors)?;
        scope().post_message_with_transfer(&message.object, &message.buffers)
    });
    // If the event cannot be sent, the page stops the worker at its time limit.
    if let Err(error) = sent {
        web_sys::console::error_1(&error);
    }
}
