//! Tests of the command line and the page. They are one program, because each test program links
//! burn again.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod addresses;
mod baseline;
mod bench;
mod browser;
#[cfg(target_os = "linux")]
mod chaos;
mod cli;
mod common;
#[cfg(target_os = "linux")]
mod crowd;
mod grid;
mod invite;
mod ladder;
mod look;
mod output;
mod page;
mod plans;
mod reference;
mod serving;
#[cfg(target_os = "linux")]
mod soak;
mod tools;
mod visitor;
mod web_models;
mod yardstick;
