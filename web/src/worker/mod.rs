//! A worker: serves one request with the engine of its module, or runs the model for another worker.
//!
//! `loader.js` instantiates the module and calls one of the exported functions.

mod busy_loop;
mod engine;
mod error_log;
mod model_workers;
mod remote;
mod scope;
mod serve;
mod serve_model;
mod workload;

pub use busy_loop::busy_loop;
pub use serve::{module_info, selftest, serve};
pub use serve_model::serve_model;
/// Starts the threads of a module with shared memory.
#[cfg(target_feature = "atomics")]
pub use wasm_bindgen_rayon::init_thread_pool;
