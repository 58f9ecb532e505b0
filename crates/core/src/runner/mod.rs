//! Runs all cells of a plan, in rounds.

pub(crate) mod executor;
pub mod plan;
pub(crate) mod plan_observer;
pub(crate) mod plan_progress;
mod reference;
pub(crate) mod requests;
mod rounds;
pub(crate) mod run_plan;
pub(crate) mod serve_request;
