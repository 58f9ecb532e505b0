//! What bytes of strangers go through in tare, as targets for fuzzers: no panic, no hang, no allocation that a few bytes ask for.
//!
//! The targets are plain functions, so that tests can run them without a fuzzer. `cargo xtask fuzz` runs them for hours with libFuzzer; the
//! loader of burn and the comparison of engines have targets of their own in `crates/burn/fuzz`.

mod changed_record;
mod decisions;
mod generated_model;
mod messages;
mod model;
mod mutation;
#[path = "../../../native/src/npy.rs"]
#[allow(dead_code, reason = "the program's own file, of which only the reader is a target")]
mod npy;
mod numpy;
mod plan;
mod record;
mod target;
mod tensors;

pub use generated_model::generated_model;
pub use mutation::mutated;
pub use target::Target;

/// All targets.
pub const TARGETS: &[Target] = &[
    record::TARGET,
    changed_record::TARGET,
    plan::TARGET,
    model::TARGET,
    numpy::TARGET,
    tensors::TARGET,
    messages::TARGET,
];

/// Runs the target with a name, for libFuzzer.
///
/// # Panics
///
/// If there is no such target, or the bytes do harm.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    match target {
        Some(target) => (target.run)(bytes),
        None => panic!("there is no target {name:?}"),
    }
}
