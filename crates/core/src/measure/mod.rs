//! Measures one cell on one engine.

pub(crate) mod agreement;
mod arrivals;
pub(crate) mod browser_name;
pub(crate) mod build_info;
pub(crate) mod cell;
pub(crate) mod clock;
pub(crate) mod cpu_calibration;
mod device_timed_session;
pub(crate) mod diverge;
pub(crate) mod engine;
pub mod inference_protocol;
pub(crate) mod memory_budget;
pub(crate) mod observer;
pub(crate) mod pipeline;
pub(crate) mod post_processing;
mod profiled_session;
pub(crate) mod run_durations;
pub(crate) mod served_model;
mod stages;
pub(crate) mod unmeasured;
pub(crate) mod warnings;
pub(crate) mod workload;
