//! Runs all cells of a plan in all environments of a run, in rounds.

mod built_in_plans;
pub(crate) mod executor;
pub(crate) mod lane;
pub(crate) mod machine_reading;
pub(crate) mod offered_plan;
mod order;
mod page_watch;
pub mod plan;
mod plan_axes;
mod plan_error;
mod plan_file;
mod plan_filter;
mod plan_loads;
pub(crate) mod plan_observer;
pub(crate) mod plan_progress;
pub(crate) mod reference;
mod requests;
mod rounds;
pub(crate) mod run_plan;
pub(crate) mod serve_request;
mod task;
