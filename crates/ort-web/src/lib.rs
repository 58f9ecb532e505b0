//! onnxruntime-web on the CPU: the yardstick of others in a browser. Its own code is next to the worker's, in the folder
//! `onnxruntime`; `onnxruntime.js` calls it.

mod tensors;

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use js_sys::{Array, Uint8Array};
use tare_core::{Clock, Engine, Loaded, NamedTensor, Session, SessionInfo, Tensor};
use tare_record::{EngineInfo, EngineName, Failure, FailureKind, PhaseName};
use wasm_bindgen::prelude::*;

use tensors::LibraryTensor;

#[wasm_bindgen(raw_module = "./onnxruntime.js")]
extern "C" {
    /// Loads the library for a number of threads, and returns its version.
    #[wasm_bindgen(catch)]
    async fn open(threads: u32) -> Result<JsValue, JsValue>;

    /// Compiles and starts the library, with the bytes of a model that does next to nothing.
    #[wasm_bindgen(catch)]
    async fn start(model: Uint8Array, threads: u32) -> Result<(), JsValue>;

    /// A session of the library.
    type OrtSession;

    #[wasm_bindgen(catch)]
    async fn load(model: Uint8Array) -> Result<OrtSession, JsValue>;

    /// The model's outputs in its order.
    #[wasm_bindgen(catch)]
    async fn run(session: &OrtSession, inputs: Array) -> Result<Array, JsValue>;
}

/// onnxruntime-web on a number of CPU threads.
#[derive(Debug, Clone)]
pub struct OrtWeb {
    threads: u32,
    version: String,
}

impl OrtWeb {
    /// Loads the library for `threads` CPU threads.
    ///
    /// # Errors
    ///
    /// If it is not there, or cannot have several threads here.
    pub async fn new(threads: usize) -> Result<Self, Failure> {
        let threads = u32::try_from(threads.max(1)).unwrap_or(1);
        let version = open(threads).await.map_err(|error| {
            explain(&error, FailureKind::Device, "loading its code")
                .with_hint("build the page with `cargo xtask build`, which fetches onnxruntime-web")
        })?;
        Ok(Self {
            threads,
            version: version.as_string().unwrap_or_default(),
        })
    }
}

#[async_trait(?Send)]
impl Engine for OrtWeb {
    fn info(&self) -> EngineInfo {
        EngineInfo {
            name: EngineName::OrtWeb,
            version: self.version.clone(),
            settings: BTreeMap::new(),
        }
    }

    async fn load(&self, model: Bytes, _inputs: &[NamedTensor], clock: &dyn Clock) -> Result<Loaded, Failure> {
        let start_ns = clock.now_ns();
        let nothing = tare_models::find("null").map_or_else(Vec::new, |entry| entry.onnx(&BTreeMap::new()));
        start(Uint8Array::from(&nothing[..]), self.threads)
            .await
            .map_err(|error| explain(&error, FailureKind::Device, "starting"))?;
        let device = clock.phase_since(start_ns, PhaseName::Device);
        let start_ns = clock.now_ns();
        let bytes = Uint8Array::from(&model[..]);
        drop(model);
        let session = load(bytes)
            .await
            .map_err(|error| explain(&error, FailureKind::Unsupported, "loading the model"))?;
        // The library reads and optimizes in one step.
        let optimize = clock.phase_since(start_ns, PhaseName::Optimize);
        Ok(Loaded {
            session: Box::new(RunningModel {
                session,
                threads: self.threads as usize,
            }),
            phases: vec![device, optimize],
        })
    }
}

struct RunningModel {
    session: OrtSession,
    threads: usize,
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
        SessionInfo {
            threads: self.threads,
            // Its only build for WebAssembly without a GPU.
            vector_level: "simd".into(),
            ..SessionInfo::default()
        }
    }
}

fn explain(error: &JsValue, kind: FailureKind, doing: &str) -> Failure {
    let message = match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => error.as_string().unwrap_or_else(|| format!("{error:?}")),
    };
    Failure::new(kind, format!("onnxruntime-web failed while {doing}: {message}"))
}
