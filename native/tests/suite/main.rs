//! The command line and the page, in one test program: every one more would link burn again.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

mod browser;
mod cli;
mod common;
mod ladder;
mod page;
mod tools;
mod web_models;
