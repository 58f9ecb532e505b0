//! What a list of the models that tare generates itself shows. Programs that only list them, such as the page, do not
//! contain the code that generates them: this table is made by the compiler and holds text alone.

use tare_record::{Failure, FailureKind};

use crate::CATALOG;
use crate::pipelines::PIPELINES;

/// A model that tare generates itself, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// Name on the command line and in plans.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Published number of learned parameters; 0 for a model of several networks.
    pub parameters: u64,
}

/// All of them: the networks, then the models of several networks.
pub const BUILT_IN: [BuiltIn; CATALOG.len() + PIPELINES.len()] = {
    let empty = BuiltIn {
        name: "",
        summary: "",
        parameters: 0,
    };
    let mut all = [empty; CATALOG.len() + PIPELINES.len()];
    let mut place = 0;
    while place < all.len() {
        all[place] = if place < CATALOG.len() {
            let entry = &CATALOG[place];
            BuiltIn {
                name: entry.name,
                summary: entry.summary,
                parameters: entry.parameters,
            }
        } else {
            let entry = &PIPELINES[place - CATALOG.len()];
            BuiltIn {
                name: entry.name,
                summary: entry.summary,
                parameters: 0,
            }
        };
        place += 1;
    }
    all
};

/// Names of all models that tare generates itself.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|model| model.name)
}

/// The failure if a model is neither built in nor a file.
pub fn not_found(name: &str) -> Failure {
    let known: Vec<&str> = built_in_names().collect();
    Failure::new(
        FailureKind::Model,
        format!("there is neither a built-in model nor a file {name:?}"),
    )
    .with_hint(format!(
        "use one of {}, several of them joined by `+`, or the path of an .onnx file",
        known.join(", ")
    ))
}
