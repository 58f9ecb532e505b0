//! onnxruntime-web: the yardstick of others in a browser, on the CPU or through WebGPU. Its own code is next to the worker's, in the
//! folder `onnxruntime`; `onnxruntime.js` calls it.

mod tensors;

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use js_sys::{Array, Uint8Array};
use tare_core::{Clock, Engine, Loaded, NamedTensor, Session, SessionInfo, Tensor};
use tare_record::{Adapter, EngineInfo, EngineName, Failure, FailureKind, PhaseName};
use wasm_bindgen::prelude::*;

use tensors::LibraryTensor;

#[wasm_bindgen(raw_module = "./onnxruntime.js")]
extern "C" {
    /// Loads the library, and returns its version.
    #[wasm_bindgen(catch)]
    async fn open(threads: u32, on_gpu: bool) -> Result<JsValue, JsValue>;

    /// Compiles and starts the library, with the bytes of a model that does next to nothing. Returns an [`Adapter`] on the GPU.
    #[wasm_bindgen(catch)]
    async fn start(model: Uint8Array) -> Result<JsValue, JsValue>;

    /// A session of the library.
    type OrtSession;

    #[wasm_bindgen(catch)]
    async fn load(model: Uint8Array) -> Result<OrtSession, JsValue>;

    /// Why nodes of the model run on the CPU although a GPU was asked for; empty if none does.
    #[wasm_bindgen(js_name = nodesOnCpu)]
    async fn nodes_on_cpu(model: Uint8Array) -> JsValue;

    /// The model's outputs in its order.
    #[wasm_bindgen(catch)]
    async fn run(session: &OrtSession, inputs: Array) -> Result<Array, JsValue>;
}

/// onnxruntime-web on a number of CPU threads, or on the GPU.
#[derive(Debug, Clone)]
pub struct OrtWeb {
    name: EngineName,
    threads: u32,
    version: String,
}

impl OrtWeb {
    /// Loads the library for `threads` CPU threads.
    ///
    /// # Errors
    ///
    /// If it is not there.
    pub async fn on_cpu(threads: usize) -> Result<Self, Failure> {
        Self::opened(EngineName::OrtWeb, u32::try_from(threads.max(1)).unwrap_or(1)).await
    }

    /// Loads the library for WebGPU.
    ///
    /// # Errors
    ///
    /// If it is not there.
    pub async fn on_gpu() -> Result<Self, Failure> {
        Self::opened(EngineName::OrtWebgpu, 1).await
    }

    async fn opened(name: EngineName, threads: u32) -> Result<Self, Failure> {
        let version = open(threads, name.is_on_gpu()).await.map_err(|error| {
            explain(&error, FailureKind::Device, "loading its code")
                .with_hint("build the page with `cargo xtask build`, which fetches onnxruntime-web")
        })?;
        Ok(Self {
            name,
            threads,
            version: version.as_string().unwrap_or_default(),
        })
    }
}

#[async_trait(?Send)]
impl Engine for OrtWeb {
    fn info(&self) -> EngineInfo {
        EngineInfo {
            name: self.name,
            version: self.version.clone(),
            settings: BTreeMap::new(),
        }
    }

    async fn load(&self, model: Bytes, _inputs: &[NamedTensor], clock: &dyn Clock) -> Result<Loaded, Failure> {
        let start_ns = clock.now_ns();
        let nothing = tare_models::find("null").map_or_else(Vec::new, |entry| entry.onnx(&BTreeMap::new()));
        let adapter = start(Uint8Array::from(&nothing[..]))
            .await
            .map_err(|error| explain(&error, FailureKind::Device, "starting"))?;
        let device = clock.phase_since(start_ns, PhaseName::Device);
        let start_ns = clock.now_ns();
        let bytes = Uint8Array::from(&model[..]);
        drop(model);
        let session = load(bytes.clone())
            .await
            .map_err(|error| explain(&error, FailureKind::Unsupported, "loading the model"))?;
        // The library reads and optimizes in one step.
        let optimize = clock.phase_since(start_ns, PhaseName::Optimize);
        let info = if self.name.is_on_gpu() {
            // Not timed: no user loads a model twice.
            let on_cpu = nodes_on_cpu(bytes).await.as_string().unwrap_or_default();
            on_gpu(adapter, &on_cpu)?
        } else {
            SessionInfo {
                threads: self.threads as usize,
                // Its only build for WebAssembly without a GPU.
                vector_level: "simd".into(),
                ..SessionInfo::default()
            }
        };
        Ok(Loaded {
            session: Box::new(RunningModel { session, info }),
            phases: vec![device, optimize],
        })
    }
}

/// What a session on the GPU records: the adapter, and whether the library left nodes to the CPU, as it does in silence.
fn on_gpu(adapter: JsValue, on_cpu: &str) -> Result<SessionInfo, Failure> {
    let adapter: Adapter = serde_wasm_bindgen::from_value(adapter).map_err(|error| {
        let message = format!("the graphics adapter of onnxruntime-web cannot be described: {error}");
        Failure::new(FailureKind::Device, message)
    })?;
    let on_cpu = if on_cpu.is_empty() { "none" } else { on_cpu };
    Ok(SessionInfo {
        threads: 1,
        vector_level: "gpu".into(),
        adapter: Some(adapter),
        shader_language: Some("wgsl".into()),
        settings: BTreeMap::from([("nodes_on_cpu".to_owned(), on_cpu.to_owned())]),
    })
}

struct RunningModel {
    session: OrtSession,
    info: SessionInfo,
}

#[async_trait(?Send)]
impl Session for RunningModel {
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        let inputs: Vec<LibraryTensor> = inputs.iter().map(tensors::to_library).collect::<Result<_, Failure>>()?;
        let inputs: Array = inputs.iter().collect();
        let outputs = run(&self.session, inputs)
            .await
            .map_err(|error| explain(&error, FailureKind::Run, "running the model"))?;
        outputs
            .iter()
            .map(|output| tensors::from_library(output.unchecked_ref()))
            .collect()
    }

    fn info(&self) -> SessionInfo {
        self.info.clone()
    }
}

fn explain(error: &JsValue, kind: FailureKind, doing: &str) -> Failure {
    let message = match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => error.as_string().unwrap_or_else(|| format!("{error:?}")),
    };
    Failure::new(kind, format!("onnxruntime-web failed while {doing}: {message}"))
}
