//! Measures inference: plans, clocks, the engine trait, [`measure`], statistics and verification.
//!
//! This crate does no I/O, starts no threads, reads only the [`Clock`] that it is given, and
//! depends on no browser interface. The same code runs natively and in a browser worker.
//!
//! The modules, from the bottom up:
//!
//! - `tensor`: values, their encoding and hashes
//! - [`stats`]: statistics of samples and rounds
//! - `verify`: distance from a reference
//! - `measure`: one cell on one engine
//! - `runner`: all cells of a plan
//! - `selftest`: checks of all this on the user's machine

mod measure;
mod runner;
mod selftest;
pub mod stats;
mod tensor;
mod verify;

pub use measure::browser_name::browser_name;
pub use measure::build_info::build_info;
pub use measure::cell::measure;
pub use measure::cell::rate_search::RATE_TRIALS;
pub use measure::clock::{Clock, ClockError, Untimed, calibrate};
pub use measure::cpu_calibration::calibration_ns;
pub use measure::diverge::{ComparedValue, compare_values};
pub use measure::engine::{Engine, Loaded, NodeRun, ProfiledRun, ServerTimes, Session, SessionInfo};
pub use measure::inference_protocol;
pub use measure::memory_budget::{WASM_MEMORY_BYTES, check_memory_budget};
pub use measure::observer::{Control, Observer};
pub use measure::pipeline::{Composition, Network, Pipeline, Stopwatch};
pub use measure::post_processing::PostProcessing;
pub use measure::run_durations::{
    SteadyRound, numbered_run_durations_ns, run_durations_ns, stage_durations_ns, steady_rounds,
};
pub use measure::served_model::ServedModel;
pub use measure::unmeasured::failed_cell;
pub use measure::warnings::{battery_warning, fallback_warning, hidden_tab_warning};
pub use measure::workload::{AccuracyCheck, LoadedWorkload, Originals, Workload};
pub use runner::executor::{Attachments, Executor, OnProgress, Reply};
pub use runner::lane::Lane;
pub use runner::machine_reading::MachineReading;
pub use runner::offered_plan::{OfferedPlan, offered_plans};
pub use runner::plan;
pub use runner::plan_observer::PlanObserver;
pub use runner::plan_progress::PlanProgress;
pub use runner::reference::References;
pub use runner::run_plan::run_plan;
pub use runner::serve_request::serve_request;
pub use selftest::{RealCell, selftest};
pub use tensor::codec as tensor_codec;
pub use tensor::digest::sha256_hex;
pub use tensor::random::Random;
pub use tensor::values::{NamedTensor, Tensor, TensorData, TensorError, tensor_sha256, tensors_sha256};
pub use verify::compare::{compare, top_k_indices};
pub use verify::sample::sample_distance;
pub use verify::tolerance::tolerance_of;
