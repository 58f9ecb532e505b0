//! Reference networks written as ONNX graphs, with seeded weights and inputs. Also reads the inputs
//! of any ONNX file.
//!
//! Weights come from a seeded generator and exact arithmetic, so that a browser and a native binary
//! generate the same bytes without a download.

mod accuracy_check;
mod built_in;
mod catalog;
mod detection;
mod graph;
mod intermediate_outputs;
mod macs;
mod networks;
pub mod onnx;
mod pipeline_entry;
mod pipelines;
mod precision;
mod remote_model;
mod sequence;
mod shapegen;
mod signature;
mod source;
mod weight_init;
mod workload;
mod workload_error;

pub use built_in::{BUILT_IN, BuiltIn, built_in_names, not_found};
pub use catalog::{CATALOG, CatalogEntry, find, parameter_count};
pub use detection::{Detection, detections};
pub use graph::{Attribute, Graph, Value};
pub use intermediate_outputs::{NodeValue, with_fixed_inputs, with_intermediate_outputs};
pub use macs::multiply_accumulates;
pub use networks::digits::held_out as held_out_digits;
pub use pipeline_entry::PipelineEntry;
pub use pipelines::{PIPELINES, find_pipeline};
pub use precision::{PrecisionError, with_precision};
pub use remote_model::{HASH_SEPARATOR, KNOWN_MODELS, KnownModel, RemoteModel, is_url, known_model};
pub use signature::{Dim, InputSpec, Signature, SignatureError, signature};
pub use source::{built_in_bytes, is_built_in, selftest_workload, workload};
pub use weight_init::WeightInit;
pub use workload::{WorkloadError, prepare};
