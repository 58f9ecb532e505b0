//! Tests of the command line and the page. They are one program, because each test program links
//! burn again.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod bench;
mod browser;
mod chaos;
mod cli;
mod common;
mod crowd;
mod grid;
mod invite;
mod ladder;
mod look;
mod output;
mod page;
mod plans;
mod serving;
mod soak;
mod tools;
mod visitor;
mod web_models;
mod yardstick;
