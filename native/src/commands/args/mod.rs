//! Command-line options shared by several commands.

mod browser_args;
mod plan_args;
mod print_args;
mod slower_args;

pub(crate) use browser_args::{BrowserArgs, DriverArgs, PageArgs, ServeArgs};
pub(crate) use plan_args::{PROFILED_RUNS, PlanArgs, cores, engine_names, shapes};
pub(crate) use print_args::PrintArgs;
pub(crate) use slower_args::SlowerArgs;
