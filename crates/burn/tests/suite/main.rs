//! The engine, in one test program: every one more would link burn again.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

mod activations;
mod agreement;
mod common;
mod constants;
mod control;
mod edges;
mod fusing;
mod hostile;
mod integers;
mod known;
mod networks;
mod opsets;
mod positions;
mod recurrent;
mod sequences;
mod windows;
