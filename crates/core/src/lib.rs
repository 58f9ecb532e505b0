//! What a measurement is: plan, clock, engine, [`measure`], statistics, verification.
//!
//! This crate does no I/O, starts no thread, reads no clock but the [`Clock`] it is given, and knows no browser. The
//! same code runs natively and in a browser worker.

mod answer;
pub mod bundle;
mod campaign;
mod clock;
mod digest;
mod engine;
mod measure;
mod outline;
pub mod plan;
mod random;
mod selftest;
mod speed;
pub mod stats;
mod tensor;
mod tool;
mod verify;

pub use answer::answer;
pub use campaign::{Attachments, Host, Reply, Sink, Watch, run_plan};
pub use clock::{Clock, ClockError, calibrate};
pub use digest::{sha256_hex, tensor_sha256, tensors_sha256};
pub use engine::{Engine, EngineError, Loaded, Session, SessionFacts, Timed};
pub use measure::{Control, Observer, Workload, measure};
pub use outline::failed_cell;
pub use random::Random;
pub use selftest::selftest;
pub use tensor::{NamedTensor, Tensor, TensorData, TensorError};
pub use tool::tool;
pub use verify::{compare, tolerance, top};
