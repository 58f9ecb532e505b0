//! A worker: serves one request with the engine of its module.
//!
//! `loader.js` instantiates the module and calls one of the exported functions.

mod busy_loop;
mod engine;
mod error_log;
mod remote;
mod scope;
mod serve;

pub use busy_loop::busy_loop;
pub use serve::{module_info, selftest, serve};
/// Starts the threads of a module with shared memory.
#[cfg(target_feature = "atomics")]
pub use wasm_bindgen_rayon::init_thread_pool;
