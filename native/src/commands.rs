//! The commands that need no browser.

pub(crate) mod diverge;
pub(crate) mod doctor;
pub(crate) mod models;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod selftest;
