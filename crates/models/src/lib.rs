//! Reference networks written as ONNX graphs, with seeded weights and inputs, and the reading of any ONNX file's inputs.
//!
//! Weights come from a seeded generator and exact arithmetic, so that a browser and a native binary make the same
//! bytes with nothing to download.

mod catalog;
mod detection;
mod expose;
mod fill;
mod graph;
mod macs;
mod networks;
pub mod onnx;
mod public;
mod signature;
mod workload;

pub use catalog::{CATALOG, CatalogEntry, find, host_stage, not_found, parameter_count};
pub use detection::{Detection, detections};
pub use expose::{NodeValue, expose};
pub use fill::Fill;
pub use graph::{Attribute, Graph, Value};
pub use macs::multiply_accumulates;
pub use public::{PUBLIC_MODELS, PublicModel, public_model};
pub use signature::{Dim, InputSpec, Signature, SignatureError, signature};
pub use workload::{WorkloadError, prepare, selftest_workload};
