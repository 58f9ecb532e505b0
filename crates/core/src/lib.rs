//! What a measurement is: plan, clock, engine, [`measure`], statistics, verification.
//!
//! This crate does no I/O, starts no thread, reads no clock but the [`Clock`] it is given, and knows no browser. The
//! same code runs natively and in a browser worker.

mod answer;
pub mod bundle;
mod campaign;
mod capacity;
mod clock;
mod digest;
mod diverge;
mod engine;
mod measure;
mod observer;
mod outline;
mod pipeline;
pub mod plan;
mod probe;
mod random;
mod reference;
mod rounds;
mod selftest;
mod speed;
mod stages;
pub mod stats;
mod tensor;
mod tolerance;
mod tool;
mod turn;
mod ulp;
mod verify;
mod warnings;
mod workload;

pub use answer::answer;
pub use campaign::{Attachments, Host, Reply, Sink, Watch, cell_request, run_plan};
pub use capacity::check_capacity;
pub use clock::{Clock, ClockError, Untimed, calibrate};
pub use digest::{sha256_hex, tensor_sha256, tensors_sha256};
pub use diverge::{ComparedValue, diverge};
pub use engine::{Engine, EngineError, Loaded, Session, SessionFacts, Timed};
pub use measure::measure;
pub use observer::{Control, Observer};
pub use outline::failed_cell;
pub use pipeline::{Composition, Network, Pipeline, Stopwatch};
pub use probe::probe_distance;
pub use random::Random;
pub use rounds::run_lengths_ns;
pub use selftest::{RealCell, selftest};
pub use stages::{HostStage, stage_lengths_ns};
pub use tensor::{NamedTensor, Tensor, TensorData, TensorError};
pub use tolerance::tolerance_of;
pub use tool::tool;
pub use turn::Turn;
pub use verify::{compare, top};
pub use warnings::battery_warning;
pub use workload::{LoadedWorkload, Workload};
