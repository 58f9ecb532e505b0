//! The commands of the command line.

pub(crate) mod args;
pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod diverge;
pub(crate) mod doctor;
pub(crate) mod models;
pub(crate) mod plans;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod selftest;
pub(crate) mod serve_model;
