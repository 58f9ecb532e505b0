//! Reference networks written as ONNX graphs, with seeded weights and inputs, and the reading of any ONNX file's inputs.
//!
//! Weights come from a seeded generator and exact arithmetic, so that a browser and a native binary make the same
//! bytes with nothing to download.

mod address;
mod catalog;
mod detection;
mod expose;
mod fill;
mod graph;
mod macs;
mod networks;
pub mod onnx;
mod pipelines;
mod public;
mod shapegen;
mod signature;
mod source;
mod workload;

pub use address::{HASH_MARK, WebModel, is_address};
pub use catalog::{CATALOG, CatalogEntry, find, parameter_count};
pub use detection::{Detection, detections};
pub use expose::{NodeValue, expose, with_fixed_inputs};
pub use fill::Fill;
pub use graph::{Attribute, Graph, Value};
pub use macs::multiply_accumulates;
pub use networks::digits::held_out as held_out_digits;
pub use pipelines::{PIPELINES, PipelineEntry, find_pipeline};
pub use public::{PUBLIC_MODELS, PublicModel, public_model};
pub use signature::{Dim, InputSpec, Signature, SignatureError, signature};
pub use source::{built_in_bytes, built_in_names, is_built_in, not_found, workload};
pub use workload::{WorkloadError, prepare, selftest_workload};
