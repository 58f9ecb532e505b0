//! A worker: serves one request with the one engine that its module holds.

use js_sys::{Array, ArrayBuffer, Object, Reflect, Uint8Array};
use tare_core::{Control, Engine, NamedTensor, Observer, RealCell, Timed, Workload, answer, bundle, check_capacity};
use tare_record::{
    Cell, CellRequest, Event, Failure, FailureKind, Memory, ModelSource, ModuleFacts, ModuleSize, Phase, PhaseName,
    Progress,
};
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use crate::clock::{PerformanceClock, milliseconds};
use tare_core::Clock;

/// Starts the threads of a module whose memory workers share.
#[cfg(target_feature = "atomics")]
pub use wasm_bindgen_rayon::init_thread_pool;

/// What 32-bit addresses reach.
const ADDRESS_SPACE_BYTES: u64 = 1 << 32;

/// Says that the worker is ready, and serves the first request that comes.
///
/// The times are in milliseconds, that of starting threads if there are any; `module` is the JSON of a [`ModuleSize`], if there is
/// one.
#[wasm_bindgen]
pub fn serve(download_ms: f64, compile_ms: f64, instantiate_ms: f64, threads_ms: Option<f64>, module: Option<String>) {
    tell_panics();
    // A second logger in one module is an error that cannot happen here.
    let _ = log::set_logger(&ErrorLog);
    log::set_max_level(log::LevelFilter::Error);

    let steps = [
        (PhaseName::Download, Some(download_ms)),
        (PhaseName::Compile, Some(compile_ms)),
        (PhaseName::Instantiate, Some(instantiate_ms)),
        (PhaseName::Threads, threads_ms),
    ];
    let phases: Vec<Phase> = steps
        .into_iter()
        .filter_map(|(name, ms)| {
            Some(Phase {
                name,
                duration_ns: milliseconds(ms?),
            })
        })
        .collect();
    let earlier = phases.clone();
    let module = module.and_then(|json| serde_json::from_str(&json).ok());
    let handler = Closure::once_into_js(move |message: MessageEvent| {
        wasm_bindgen_futures::spawn_local(async move {
            let data = message.data();
            let Some(request) = text(&data, "json").and_then(|json| serde_json::from_str(&json).ok()) else {
                return post(
                    &Event::Died {
                        message: "the request cannot be read".into(),
                    },
                    &[],
                );
            };
            carry_out(&request, &data, earlier, module).await;
        });
    });
    scope().set_onmessage(Some(handler.unchecked_ref()));
    post(&Event::Ready { phases }, &[]);
}

/// How this module was built and the clock that it reads, as JSON of [`ModuleFacts`].
///
/// # Errors
///
/// If the clock cannot be used.
#[wasm_bindgen]
pub fn facts() -> Result<String, JsValue> {
    let clock = tare_core::calibrate(&PerformanceClock).map_err(|error| JsValue::from_str(&error.to_string()))?;
    let facts = ModuleFacts {
        // The page knows the revision: a module that held it would be another one with every commit.
        tool: tare_core::tool(""),
        clock,
    };
    Ok(serde_json::to_string(&facts).unwrap_or_default())
}

/// Checks known truths in this browser, and says how they came out. The engine's own cell is measured twice as often as
/// `pairs` says.
#[wasm_bindgen]
pub fn selftest(pairs: u32) {
    tell_panics();
    wasm_bindgen_futures::spawn_local(async move {
        let ready = match tare_models::selftest_workload() {
            Ok(workload) => engine(1).await.map(|engine| (workload, engine)),
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

/// Runs the model that a request asks for over and over, for `ms` milliseconds and at least once, and says how often. Calls `loaded` when
/// it is ready to run, and awaits what `pause` returns after every run.
///
/// # Errors
///
/// If the request cannot be read, or the engine fails.
#[wasm_bindgen]
pub async fn occupy(
    request: JsValue,
    ms: f64,
    loaded: js_sys::Function,
    pause: js_sys::Function,
) -> Result<u32, JsValue> {
    let refused = |message: &str| JsValue::from(js_sys::Error::new(message));
    let data = request;
    let request: CellRequest = text(&data, "json")
        .and_then(|json| serde_json::from_str(&json).ok())
        .ok_or_else(|| refused("the request cannot be read"))?;
    let workload = workload(&request, &data).map_err(|failure| refused(&failure.message))?;
    let engine = engine(1).await.map_err(|failure| refused(&failure.message))?;
    let clock = PerformanceClock;
    let failed = |error: tare_core::EngineError| refused(&error.message);
    let mut ready = workload.load(&*engine, &clock).await.map_err(failed)?;
    loaded.call0(&JsValue::NULL)?;
    let end_ns = clock.now_ns() + milliseconds(ms);
    let mut runs = 0;
    loop {
        ready.run(&clock).await.map_err(failed)?;
        runs += 1;
        let pause: js_sys::Promise = pause.call0(&JsValue::NULL)?.dyn_into()?;
        wasm_bindgen_futures::JsFuture::from(pause).await?;
        if clock.now_ns() >= end_ns {
            return Ok(runs);
        }
    }
}

fn tell_panics() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        post(
            &Event::Died {
                message: info.to_string(),
            },
            &[],
        );
    }));
}

async fn carry_out(request: &CellRequest, data: &JsValue, mut earlier: Vec<Phase>, module: Option<ModuleSize>) {
    let clock = PerformanceClock;
    let start_ns = clock.now_ns();
    let workload = workload(request, data);
    let model = Timed::since(start_ns, PhaseName::Model, &clock);
    earlier.push(Phase {
        name: model.name,
        duration_ns: model.duration_ns,
    });
    let engine = engine(request.threads).await;
    let reference = bytes(data, "reference").unwrap_or_default();
    let mut reply = answer(
        request,
        workload,
        engine.as_deref().map_err(Clone::clone),
        &reference,
        earlier,
        &clock,
        &mut Reporter,
    )
    .await;
    if let Event::Done { cell } = &mut reply.event {
        add_log(cell);
        cell.module = module;
    }
    post(&reply.event, &reply.tensors);
}

#[cfg(feature = "tract")]
async fn engine(threads: usize) -> Result<Box<dyn Engine>, Failure> {
    Ok(Box::new(tare_tract::Tract::new(threads)))
}

#[cfg(feature = "burn-flex")]
async fn engine(threads: usize) -> Result<Box<dyn Engine>, Failure> {
    Ok(Box::new(tare_burn::Burn::flex(threads)))
}

/// burn panics on adapters that lack what it needs, so they are refused before it sees them.
#[cfg(feature = "burn-wgpu")]
async fn engine(_: usize) -> Result<Box<dyn Engine>, Failure> {
    match crate::webgpu::prepare().await {
        None => Ok(Box::new(tare_burn::Burn::wgpu())),
        Some(reason) => Err(Failure {
            kind: FailureKind::Device,
            message: reason,
            hint: Some(
                "use a browser with WebGPU on a graphics adapter that has these features, or run on tract".into(),
            ),
        }),
    }
}

fn workload(request: &CellRequest, data: &JsValue) -> Result<Workload, Failure> {
    let broken = |message: String| Failure {
        kind: FailureKind::Model,
        message,
        hint: None,
    };
    let given: Vec<NamedTensor> = match bytes(data, "inputs") {
        Some(inputs) => {
            bundle::decode(&inputs).map_err(|error| broken(format!("the inputs did not arrive: {error}")))?
        }
        None => vec![],
    };
    let name = request.model.display_name();
    let built_in = match &request.model {
        ModelSource::BuiltIn { name } => tare_models::built_in_bytes(name),
        ModelSource::File { .. } | ModelSource::Attached { .. } => None,
    };
    let size = built_in.unwrap_or_else(|| byte_length(data, "model"));
    check_capacity(name, size, ADDRESS_SPACE_BYTES)?;
    tare_models::workload(request, &given, || {
        bytes(data, "model").ok_or_else(|| broken(format!("the bytes of model {name:?} did not arrive")))
    })
}

struct Reporter;

impl Observer for Reporter {
    fn progress(&mut self, progress: &Progress, cell: &Cell) -> Control {
        post(
            &Event::Progress {
                progress: progress.clone(),
                cell: Box::new(cell.clone()),
            },
            &[],
        );
        // The page cancels by ending the worker.
        Control::Continue
    }

    fn memory(&self) -> Memory {
        #[cfg(target_arch = "wasm32")]
        let wasm_linear_bytes = Some(core::arch::wasm32::memory_size(0) as u64 * 65_536);
        #[cfg(not(target_arch = "wasm32"))]
        let wasm_linear_bytes = None;
        Memory {
            wasm_linear_bytes,
            ..Memory::default()
        }
    }
}

/// Keeps the first error that a library logs: in browsers burn reports shader errors in no other way.
struct ErrorLog;

thread_local! {
    static LOGGED: std::cell::RefCell<Option<String>> = const { std::cell::RefCell::new(None) };
}

impl log::Log for ErrorLog {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Error
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{}: {}", record.target(), record.args());
        web_sys::console::error_1(&JsValue::from_str(&line));
        LOGGED.with(|logged| {
            logged.borrow_mut().get_or_insert(line);
        });
    }

    fn flush(&self) {}
}

fn add_log(cell: &mut Cell) {
    use tare_record::Status;
    if let (Status::Failed(failure) | Status::TimedOut(failure), Some(logged)) =
        (&mut cell.status, LOGGED.with(|logged| logged.borrow_mut().take()))
    {
        failure.message += &format!("; the engine logged: {logged}");
    }
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Sends an event with tensors beside it, whose memory goes over without a copy.
fn post(event: &Event, tensors: &[u8]) {
    let message = Object::new();
    let json = serde_json::to_string(event).unwrap_or_default();
    let buffer = Uint8Array::from(tensors).buffer();
    // Setting a property of a fresh object and posting to one's own page do not fail.
    let _ = Reflect::set(&message, &"json".into(), &json.into());
    let _ = Reflect::set(&message, &"tensors".into(), &buffer);
    let _ = scope().post_message_with_transfer(&message, &Array::of1(&buffer));
}

fn text(data: &JsValue, key: &str) -> Option<String> {
    Reflect::get(data, &key.into()).ok()?.as_string()
}

fn buffer(data: &JsValue, key: &str) -> Option<ArrayBuffer> {
    Reflect::get(data, &key.into()).ok()?.dyn_into().ok()
}

fn bytes(data: &JsValue, key: &str) -> Option<Vec<u8>> {
    Some(Uint8Array::new(buffer(data, key)?.as_ref()).to_vec())
}

/// Length of what [`bytes`] would copy; 0 if there is nothing.
fn byte_length(data: &JsValue, key: &str) -> u64 {
    buffer(data, key).map_or(0, |buffer| u64::from(buffer.byte_length()))
}
